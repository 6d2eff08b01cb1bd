import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Applicant, SeatTerms } from './index.ts';
import { applicant, login, Table, terms } from './table.testing.ts';

const numRuns = process.env['SLOW'] === undefined ? 300 : 5_000;

type Step =
  | {
      readonly kind: 'login';
      readonly session: number;
      readonly holder: string;
      readonly pid: number;
      readonly start: number;
      readonly proven: Partial<Pick<Applicant, 'station' | 'unit' | 'forwarded'>>;
      readonly seats: number;
      readonly executions: number;
    }
  | { readonly kind: 'release'; readonly session: number }
  | { readonly kind: 'terms'; readonly terms: SeatTerms };

const count = fc.constantFrom<SeatTerms['count']>('login', 'process', 'station');
const someTerms = fc
  .record({
    seats: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
    count,
    network: fc.boolean(),
    executions: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
  })
  .map(terms);
const session = fc.integer({ min: 0, max: 12 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('login' as const),
      session,
      holder: fc.constantFrom('local', 'a', 'b'),
      pid: fc.integer({ min: 1, max: 3 }),
      start: fc.integer({ min: 1, max: 2 }),
      proven: fc.record(
        { station: fc.constantFrom('a', 'c'), unit: fc.constantFrom('1.1', '?x'), forwarded: fc.constant(true as const) },
        { requiredKeys: [] },
      ),
      seats: fc.integer({ min: 0, max: 4 }),
      executions: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const), session }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('terms' as const), terms: someTerms }) },
);

describe('under any sequence of logins, repetitions, releases and changes of the license', () => {
  it('I1: no more seats and executions are out than are sold, and `used` is the sum over sessions and consumers', () => {
    fc.assert(
      fc.property(someTerms, fc.array<Step>(step, { maxLength: 80 }), (first, steps) => {
        const table = new Table();
        let current = first;
        for (const each of steps) {
          const before = table.pool;
          if (each.kind === 'terms') current = each.terms;
          else if (each.kind === 'release') table.release(`s${each.session}`);
          else {
            const { session: id, holder, pid, start, proven, seats, executions } = each;
            const known = table.session(`s${id}`) !== undefined;
            const reply = table.login(
              login(`s${id}`, { terms: current, applicant: applicant({ holder, pid, start, ...proven }), seats, executions }),
            );
            if (known) expect(table.pool, 'a repetition takes nothing').toEqual(before);
            if (reply.kind === 'granted' && !known) {
              expect(current.network || (holder === 'local' && proven.forwarded !== true)).toBe(true);
              // A license with less than is out already grants nothing that takes more.
              if (table.pool.used > before.used) expect(table.pool.used).toBeLessThanOrEqual(current.seats ?? Number.POSITIVE_INFINITY);
              if (table.pool.executions > before.executions) expect(table.pool.executions).toBeLessThanOrEqual(current.executions ?? 0);
            }
          }
          expect(table.pool.used).toBe(table.sum);
          expect(table.pool.used).toBeGreaterThanOrEqual(0);
          expect(table.pool.executions).toBeGreaterThanOrEqual(before.executions);
        }
        for (const id of table.sessions) table.release(id);
        expect(table.pool.used).toBe(0);
        expect(table.consumers).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('I1: with one license all along, never more than its seats are out', () => {
    fc.assert(
      fc.property(someTerms, fc.array<Step>(step, { maxLength: 80 }), (fixed, steps) => {
        const table = new Table();
        for (const each of steps) {
          if (each.kind === 'release') table.release(`s${each.session}`);
          if (each.kind !== 'login') continue;
          const { session: id, holder, pid, start, proven, seats, executions } = each;
          table.login(login(`s${id}`, { terms: fixed, applicant: applicant({ holder, pid, start, ...proven }), seats, executions }));
          expect(table.pool.used).toBeLessThanOrEqual(fixed.seats ?? Number.POSITIVE_INFINITY);
          expect(table.pool.executions).toBeLessThanOrEqual(fixed.executions ?? 0);
        }
      }),
      { numRuns },
    );
  });
});
