import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, mono, SECOND, wall } from '../time/index.ts';
import { CLOCK_TOLERANCE_MS, isSetBack, learnTime, licenseTime, readClock, startClock } from './index.ts';

const YEAR = 365 * DAY;
const T = Date.UTC(2026, 10, 24);

describe('the license clock (K6)', () => {
  it('shows the time of the computer where that goes right', () => {
    let clock = startClock(undefined, wall(T), mono(5));
    for (const after of [1, SECOND, HOUR, 40 * DAY, 3 * YEAR]) {
      clock = readClock(clock, wall(T + after), mono(5 + after));
      expect([licenseTime(clock), isSetBack(clock)]).toEqual([T + after, false]);
    }
  });

  it('counts on by itself where the computer is set back under it, and says so until it is set right', () => {
    let clock = startClock(undefined, wall(T), mono(0));
    clock = readClock(clock, wall(T - 10 * DAY), mono(HOUR));
    expect([licenseTime(clock), isSetBack(clock)]).toEqual([T + HOUR, true]);
    clock = readClock(clock, wall(T - 10 * DAY + DAY), mono(HOUR + DAY));
    expect([licenseTime(clock), isSetBack(clock)]).toEqual([T + HOUR + DAY, true]);
    clock = readClock(clock, wall(T + HOUR + DAY + MINUTE), mono(HOUR + DAY + MINUTE));
    expect([licenseTime(clock), isSetBack(clock)]).toEqual([T + HOUR + DAY + MINUTE, false]);
  });

  it('starts at the mark where the computer was set back while the LM did not run', () => {
    expect(licenseTime(startClock(wall(T), wall(T - YEAR), mono(0)))).toBe(T);
    expect(isSetBack(startClock(wall(T), wall(T - YEAR), mono(0)))).toBe(true);
    expect(licenseTime(startClock(wall(T), wall(T + DAY), mono(0)))).toBe(T + DAY);
  });

  it('tolerates one hour and not a millisecond more', () => {
    const start = (behind: number) => isSetBack(startClock(wall(T), wall(T - behind), mono(0)));
    expect([CLOCK_TOLERANCE_MS, start(HOUR), start(HOUR + 1)]).toEqual([HOUR, false, true]);
    const running = (behind: number) => isSetBack(readClock(startClock(undefined, wall(T), mono(0)), wall(T - behind), mono(0)));
    expect([running(HOUR), running(HOUR + 1)]).toEqual([false, true]);
  });

  it('is moved forward by a signed time, never back', () => {
    const clock = startClock(undefined, wall(T), mono(0));
    expect(licenseTime(learnTime(clock, wall(T - YEAR)))).toBe(T);
    expect(isSetBack(learnTime(clock, wall(T - YEAR)))).toBe(false);
    expect(licenseTime(learnTime(clock, wall(T + DAY)))).toBe(T + DAY);
    expect(isSetBack(learnTime(clock, wall(T + DAY)))).toBe(true);
    expect(isSetBack(learnTime(clock, wall(T + MINUTE)))).toBe(false);
  });

  it('cannot be held up by a computer that is set back a little over and over, nor by reading it often', () => {
    for (const step of [0.25, SECOND, 10 * MINUTE]) {
      let clock = startClock(undefined, wall(T), mono(0));
      const steps = 2_000;
      for (let count = 1; count <= steps; count += 1) clock = readClock(clock, wall(T - 1), mono(count * step));
      expect(licenseTime(clock) - T).toBeGreaterThanOrEqual(Math.floor(0.99 * step * steps) - 1);
    }
  });

  it('does not call a computer set back whose monotonic clock is a little too fast, over ten years', () => {
    let clock = startClock(undefined, wall(T), mono(0));
    for (let day = 1; day <= 3_650; day += 1) {
      clock = readClock(clock, wall(T + day * DAY), mono(day * DAY * 1.0005));
      expect(isSetBack(clock)).toBe(false);
    }
    expect(licenseTime(clock) - (T + 3_650 * DAY)).toBeLessThan(HOUR);
  });
});

/** What may happen to a computer over the years. */
const events = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('passes' as const), ms: fc.integer({ min: 0, max: 30 * DAY }) }),
    fc.record({ kind: fc.constant('sleeps' as const), ms: fc.integer({ min: 0, max: 30 * DAY }) }),
    fc.record({ kind: fc.constant('jumps' as const), ms: fc.integer({ min: -20 * YEAR, max: 20 * YEAR }) }),
    fc.record({ kind: fc.constant('restarts' as const), ms: fc.integer({ min: 0, max: 400 * DAY }) }),
    fc.record({ kind: fc.constant('learns' as const), ms: fc.integer({ min: -YEAR, max: YEAR }) }),
  ),
  { maxLength: 60 },
);

describe('the license clock over years of jumps', () => {
  it('never goes back, is never behind the computer, and runs at 99 % of real time or faster', () => {
    fc.assert(
      fc.property(events, (happenings) => {
        let computer = T;
        let monotonic = 1_000;
        let clock = startClock(undefined, wall(computer), mono(monotonic));
        for (const { kind, ms } of happenings) {
          const before = licenseTime(clock);
          let ran = 0;
          switch (kind) {
            case 'passes':
              computer += ms;
              monotonic += ms;
              ran = ms;
              clock = readClock(clock, wall(computer), mono(monotonic));
              break;
            case 'sleeps':
              computer += ms;
              clock = readClock(clock, wall(computer), mono(monotonic));
              break;
            case 'jumps':
              computer += ms;
              clock = readClock(clock, wall(computer), mono(monotonic));
              break;
            case 'restarts':
              computer += ms;
              monotonic = 7;
              clock = startClock(licenseTime(clock), wall(computer), mono(monotonic));
              break;
            case 'learns':
              clock = learnTime(clock, wall(T + ms));
              break;
          }
          const after = licenseTime(clock);
          expect(after).toBeGreaterThanOrEqual(before);
          expect(after).toBeGreaterThanOrEqual(Math.min(computer, after));
          expect(after - before).toBeGreaterThanOrEqual(Math.floor(ran * 0.99) - 1);
          if (kind !== 'learns') expect(after).toBeGreaterThanOrEqual(computer);
          // Set back means just that: the computer is behind by more than the tolerance.
          if (kind !== 'learns' && isSetBack(clock)) expect(after - computer).toBeGreaterThan(CLOCK_TOLERANCE_MS - 1);
          if (after - computer > CLOCK_TOLERANCE_MS + 1) expect(isSetBack(clock)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('a license that ended stays ended, whatever the computer says afterwards', () => {
    fc.assert(
      fc.property(events, (happenings) => {
        const until = T + 30 * DAY;
        let clock = readClock(startClock(undefined, wall(T), mono(0)), wall(until + 1), mono(1));
        let at = 1;
        let computer = until + 1;
        for (const { kind, ms } of happenings) {
          computer += kind === 'jumps' ? ms : 0;
          at += kind === 'passes' ? ms : 0;
          clock =
            kind === 'restarts' ? startClock(licenseTime(clock), wall(computer), mono(at)) : readClock(clock, wall(computer), mono(at));
          expect(licenseTime(clock)).toBeGreaterThan(until);
        }
      }),
      { numRuns: 200 },
    );
  });
});
