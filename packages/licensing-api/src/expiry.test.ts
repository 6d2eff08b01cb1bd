import type { GrantEnd } from '@keyhaven/core/session';
import { DAY, HOUR, MINUTE, SECOND } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { createAlarms } from './alarms.ts';
import { createExpiry, type Expiring } from './expiry.ts';
import { createOwnTime } from './own-time.ts';

// A4: `expiring` comes of itself, on clocks that are moved by hand.

const BEGIN = Date.UTC(2027, 0, 1);

const start = () => {
  let now = 0;
  let leap = 0;
  let fired = 0;
  const tasks = new Set<{ readonly at: number; readonly task: () => void }>();
  const time = createOwnTime({
    now: () => now,
    wall: () => BEGIN + leap + now,
    pause: () => Promise.resolve(),
    later(milliseconds, task) {
      // Longer ones fire at once.
      expect(milliseconds).toBeLessThan(2 ** 31);
      const entry = { at: now + milliseconds, task };
      tasks.add(entry);
      return () => tasks.delete(entry);
    },
  });
  /** Lets time pass, and all that follows from it. */
  const pass = async (milliseconds: number): Promise<void> => {
    const until = now + milliseconds;
    for (;;) {
      const next = [...tasks].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      tasks.delete(next);
      now = Math.max(now, next.at);
      fired += 1;
      next.task();
      await Promise.resolve().then(() => undefined);
    }
    now = until;
    await Promise.resolve().then(() => undefined);
  };
  const alarms = createAlarms(time);
  /** A session whose license ends at that time of the key. */
  const session = (ends: number, withinMs: number, said: () => GrantEnd | undefined = () => undefined) => {
    const heard: Expiring[] = [];
    let asked = 0;
    const expiry = createExpiry({
      now: time.now,
      withinMs,
      alarms,
      async ask() {
        asked += 1;
        const end = said();
        if (end === undefined) throw new Error('the key is not reached');
        expiry.learn(end);
      },
    });
    expiry.learn({ now: BEGIN + now, ends: BEGIN + ends, last: BEGIN + ends + 2 * DAY });
    expiry.listen((expiring) => heard.push(expiring));
    return { expiry, heard, asked: () => asked };
  };
  return {
    time,
    pass,
    session,
    leap: (milliseconds: number) => void (leap += milliseconds),
    fired: () => fired,
    timers: () => tasks.size,
    endAt: (ends: number): GrantEnd => ({ now: BEGIN + leap + now, ends: BEGIN + ends, last: BEGIN + ends + 2 * DAY }),
  };
};

describe('the end of a license (A4)', () => {
  it('is told when it is near and when grace begins, with no call made, also a year ahead', async () => {
    const { pass, session, endAt } = start();
    const { heard } = session(365 * DAY, 7 * DAY, () => endAt(365 * DAY));
    await pass(358 * DAY - MINUTE);
    expect(heard).toEqual([]);
    await pass(2 * MINUTE);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({ inGrace: false, ends: new Date(BEGIN + 365 * DAY) });
    await pass(7 * DAY);
    expect(heard.map(({ inGrace }) => inGrace)).toEqual([false, true]);
    await pass(30 * DAY);
    expect(heard).toHaveLength(2);
  });

  it('is told by the clock of this process where the key cannot be reached', async () => {
    const { pass, session } = start();
    const { heard, asked } = session(DAY, HOUR);
    await pass(DAY - HOUR + SECOND);
    expect([heard.length, asked()]).toEqual([1, 1]);
  });

  it('is not told where the license was renewed meanwhile, but then', async () => {
    const { pass, session, endAt } = start();
    const { heard, asked } = session(DAY, HOUR, () => endAt(3 * DAY));
    await pass(2 * DAY);
    expect([heard.length, asked()]).toEqual([0, 1]);
    await pass(DAY - HOUR + MINUTE);
    expect(heard).toHaveLength(1);
  });

  it('is asked for again when the computer slept or its clock was set forward, and not when it was set back', async () => {
    const { pass, session, leap, endAt } = start();
    const { heard, asked } = session(30 * DAY, DAY, () => endAt(30 * DAY));
    leap(-5 * DAY);
    await pass(2 * HOUR);
    expect(asked()).toBe(0);
    leap(35 * DAY);
    await pass(2 * HOUR);
    expect(asked()).toBe(1);
    expect(heard.map(({ inGrace }) => inGrace)).toEqual([true]);
  });

  it('costs one timer for all sessions, once an hour, and none without a listener, an end or a session', async () => {
    const { pass, session, fired, timers, time } = start();
    const all = Array.from({ length: 1_000 }, (_, index) => session(300 * DAY + index, DAY));
    expect(timers()).toBe(1);
    await pass(24 * HOUR);
    expect(fired()).toBe(24);
    for (const { expiry } of all) expiry.stop();
    expect(timers()).toBe(0);
    const alarms = createAlarms(time);
    const quiet = createExpiry({ now: time.now, withinMs: DAY, alarms, ask: async () => undefined });
    quiet.learn({ now: BEGIN, ends: BEGIN + 10 * DAY, last: BEGIN + 10 * DAY });
    expect(timers()).toBe(0);
    quiet.listen(() => undefined);
    expect(timers()).toBe(1);
    quiet.learn(undefined);
    expect(timers()).toBe(0);
  });

  it('of many sessions at different moments is told at most once a second', async () => {
    const { pass, session, fired } = start();
    const all = Array.from({ length: 500 }, (_, index) => session(2 * HOUR + index, HOUR));
    await pass(HOUR + MINUTE);
    expect(all.every(({ heard }) => heard.length === 1)).toBe(true);
    expect(fired()).toBeLessThan(10);
  });
});
