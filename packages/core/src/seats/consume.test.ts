import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Status } from '../errors/index.ts';
import {
  CONSUMED_KEPT,
  type Consume,
  consumeRows,
  decideConsume,
  type PoolRow,
  poolRowKey,
  type SessionRow,
  sessionRowKey,
} from './index.ts';
import { login, pool, Table, terms } from './table.testing.ts';

/** A table with one session by a license that counts. */
const counting = (executions: number | undefined) => {
  const table = new Table();
  const sold = terms({ seats: undefined, executions });
  table.login(login('s', { terms: sold }));
  const consume = (nonce: string, count: number, of: Partial<Consume> = {}) => {
    const command: Consume = { kind: 'consume', pool, terms: sold, session: 's', nonce, executions: count, ...of };
    const named: readonly string[] = consumeRows(command);
    const rows = {
      get<R extends object>(key: string): R | undefined {
        expect(named).toContain(key);
        return table.rows.get(key) as R | undefined;
      },
    };
    const decision = decideConsume(rows, command);
    expect(decideConsume(rows, command), 'the same rows give the same decision').toEqual(decision);
    for (const { key, row } of decision.changes) if (row !== undefined) table.rows.set(key, structuredClone(row));
    return decision;
  };
  const taken = (): number => (table.rows.get(poolRowKey(pool)) as PoolRow).executions;
  return { table, consume, taken };
};

describe('executions taken by a running session (K1)', () => {
  it.each<readonly [string, number | undefined, number, number]>([
    ['what is left', 10, 9, 0],
    ['more than is left', 10, 10, Status.FEATURE_INSUFFICIENT_EXECUTION_COUNT],
    ['where nothing is left', 1, 1, Status.FEATURE_EXPIRED],
    ['where they are not counted', undefined, 1, Status.INV_OPTION],
    ['none', 10, 0, Status.INVALID_PARAMETER],
  ])('%s', (_name, sold, count, status) => {
    const { reply } = counting(sold).consume('n1', count);
    expect(reply.kind === 'consumed' ? 0 : reply.status).toBe(status);
  });

  it('a session that has ended takes none (39)', () => {
    expect(counting(5).consume('n', 1, { session: 'gone' }).reply).toMatchObject({ status: Status.BROKEN_SESSION });
  });

  it('records what was taken and what was refused', () => {
    const { consume } = counting(3);
    expect(consume('a', 2).audit).toMatchObject([{ kind: 'consumed', detail: { executions: 2, session: 's' } }]);
    expect(consume('b', 2).audit).toMatchObject([{ kind: 'consume refused', detail: { status: Status.FEATURE_EXPIRED } }]);
  });

  it(`remembers the last ${CONSUMED_KEPT} times, and no more`, () => {
    const { consume, taken } = counting(1_000);
    for (let index = 0; index < CONSUMED_KEPT; index += 1) consume(`n${index}`, 1);
    expect(consume('n0', 1).reply).toMatchObject({ repeated: true });
    expect(taken()).toBe(1 + CONSUMED_KEPT);
    consume('one more', 1);
    expect(consume('n0', 1).reply).toMatchObject({ repeated: false });
  });

  it('counts each exactly once under any repetition within the nonces that are kept, and never more than is sold (I1)', () => {
    const act = fc.record({ back: fc.nat(CONSUMED_KEPT - 1), count: fc.integer({ min: 1, max: 5 }), fresh: fc.boolean() });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 80 }), fc.integer({ min: 1, max: 60 }), (acts, sold) => {
        const { table, consume, taken } = counting(sold);
        const granted: { nonce: string; count: number }[] = [];
        let expected = 1; // The login itself.
        for (const [index, { back, count, fresh }] of acts.entries()) {
          const earlier = granted.at(-1 - back);
          const repeated = !fresh && earlier !== undefined;
          const wish = repeated ? earlier : { nonce: `n${index}`, count };
          const { reply } = consume(wish.nonce, wish.count);
          if (repeated) expect(reply).toMatchObject({ kind: 'consumed', repeated: true });
          else if (reply.kind === 'consumed') {
            granted.push(wish);
            expected += count;
          }
          expect(taken()).toBe(expected);
          expect(taken()).toBeLessThanOrEqual(sold);
          const row = table.rows.get(sessionRowKey(pool.key, 's')) as SessionRow;
          expect(row.consumed?.length ?? 0).toBeLessThanOrEqual(CONSUMED_KEPT);
        }
      }),
    );
  });
});
