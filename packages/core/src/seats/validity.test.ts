import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Status } from '../errors/index.ts';
import { DAY, HOUR, type Wall, wall } from '../time/index.ts';
import { isOver, type Login, type SeatTerms, spanOf } from './index.ts';
import { login, Table, terms } from './table.testing.ts';

const start = wall(Date.UTC(2026, 10, 24, 3));
const at = (days: number): Wall => wall(start + days * DAY);

/** A login to a fresh table, `days` after `start`. */
const attempt = (of: Partial<SeatTerms>, days = 0, more: Partial<Login> = {}) => {
  const table = new Table();
  table.now = at(days);
  return table.login(login('a', { terms: terms(of), ...more }));
};

describe('where and when a license may be used (K1)', () => {
  const local = { holder: 'other', host: 'h', user: 'u', application: 'a', pid: 1, start: 1, address: '10.0.0.1' };
  it.each<readonly [string, Partial<SeatTerms>, number, Partial<Login>, number]>([
    ['perpetual', {}, 36_500, {}, 0],
    ['perpetual, before its start', { from: at(1) }, 0.999, {}, Status.FEATURE_START_DATE_NOT_REACHED],
    ['perpetual, at its start', { from: at(1) }, 1, {}, 0],
    ['expiration, at its last moment', { until: at(10) }, 10, {}, 0],
    ['expiration, after it', { until: at(10) }, 10.001, {}, Status.FEATURE_EXPIRED],
    ['expiration, before its start', { until: at(10), from: at(5) }, 4, {}, Status.FEATURE_START_DATE_NOT_REACHED],
    ['expiration, in grace', { until: at(10), graceMs: 3 * DAY }, 13, {}, 0],
    ['expiration, after grace', { until: at(10), graceMs: 3 * DAY }, 13.001, {}, Status.FEATURE_EXPIRED],
    ['days from first use, whenever that is', { periodMs: 30 * DAY }, 3_000, {}, 0],
    ['days from first use, before its start', { periodMs: 30 * DAY, from: at(1) }, 0, {}, Status.FEATURE_START_DATE_NOT_REACHED],
    ['days from a first use that was marked long ago', { periodMs: 30 * DAY }, 31, { firstUse: start }, Status.FEATURE_EXPIRED],
    ['executions, before their start', { executions: 5, from: at(1) }, 0, {}, Status.FEATURE_START_DATE_NOT_REACHED],
    ['executions, more than there are', { executions: 5 }, 0, { executions: 6 }, Status.FEATURE_INSUFFICIENT_EXECUTION_COUNT],
    ['local only, here', { network: false }, 0, {}, 0],
    ['local only, from elsewhere', { network: false }, 0, { applicant: local }, Status.ACCESS_DENIED],
    ['no remote desktop, in one', { remoteDesktop: false }, 0, { remoteDesktop: true }, Status.TS_DETECTED],
    ['no remote desktop, not in one', { remoteDesktop: false }, 0, { remoteDesktop: false }, 0],
    ['remote desktop allowed', {}, 0, { remoteDesktop: true }, 0],
    ['no virtual machine, in one', { virtualMachine: false }, 0, { virtualMachine: true }, Status.VM_DETECTED],
    ['no virtual machine, not in one', { virtualMachine: false }, 0, { virtualMachine: false }, 0],
    ['virtual machine allowed', {}, 0, { virtualMachine: true }, 0],
  ])('%s', (_name, of, days, more, status) => {
    const reply = attempt(of, days, more);
    expect(reply.kind === 'granted' ? 0 : reply.status).toBe(status);
  });

  it('a refused login is no first use', () => {
    const table = new Table();
    const period = terms({ periodMs: 30 * DAY, from: at(1), remoteDesktop: false });
    table.now = at(0);
    table.login(login('a', { terms: period }));
    table.now = at(2);
    table.login(login('b', { terms: period, remoteDesktop: true }));
    expect(table.pool.firstUse).toBeUndefined();
    table.login(login('c', { terms: period }));
    expect(table.pool.firstUse).toBe(at(2));
  });

  it('a trial and what is bought after it have first uses of their own (K8)', () => {
    const table = new Table();
    table.now = at(0);
    table.login(login('a', { terms: terms({ periodMs: 14 * DAY, trial: true }) }));
    table.now = at(20);
    expect(table.login(login('b', { terms: terms({ periodMs: 14 * DAY, trial: true }) }))).toMatchObject({
      status: Status.FEATURE_EXPIRED,
    });
    const bought = terms({ periodMs: 365 * DAY });
    expect(table.login(login('c', { terms: bought })).kind).toBe('granted');
    expect(table.pool).toMatchObject({ trialUse: at(0), firstUse: at(20) });
    expect(spanOf(bought, table.pool)).toEqual({ ends: at(385), last: at(385) });
  });
});

describe('days from the first use, over years (K1)', () => {
  const step = fc.record({
    wait: fc.integer({ min: -400 * 24, max: 400 * 24 }),
    act: fc.constantFrom('login', 'logout', 'again'),
    marked: fc.boolean(),
  });
  it('end once and for all, whatever the clock, logins, logouts and repetitions do', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 3_650 }),
        fc.integer({ min: 0, max: 365 }),
        (steps, days, grace) => {
          const table = new Table();
          const sold = terms({ seats: undefined, periodMs: days * DAY, graceMs: grace * DAY });
          // The license time only goes forward, whatever the ledger's clock says (K6).
          let time = start;
          let first: Wall | undefined;
          for (const [index, { wait, act, marked }] of steps.entries()) {
            table.now = wall(Math.max(0, table.now + wait * HOUR));
            time = wall(Math.max(time, time + wait * HOUR));
            const open = table.sessions;
            if (act === 'logout') {
              for (const session of open.slice(0, 1)) table.release(session);
            } else {
              const session = act === 'again' ? (open[0] ?? 'none') : `s${index}`;
              const known = open.includes(session);
              const command = login(session, { terms: sold, time, firstUse: marked ? first : undefined });
              const reply = table.login(command);
              const now = wall(Math.max(time, table.now));
              if (first === undefined && reply.kind === 'granted') first = now;
              // Whoever is granted anew is within the days that the first login began.
              if (!known && first !== undefined) expect(reply.kind === 'granted').toBe(now <= first + (days + grace) * DAY);
            }
            expect(table.pool.firstUse).toBe(first);
            if (first !== undefined) {
              expect(spanOf(sold, table.pool)?.ends).toBe(first + days * DAY);
              expect(isOver(sold, table.pool, wall(first + (days + grace) * DAY + 1))).toBe(true);
            }
          }
        },
      ),
    );
  });
});
