import { createHash } from 'node:crypto';
import { type Wall, wall } from '@keyhaven/core/time';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditEntry, Change, Decision, Ledger, Row, RowKey } from './port.ts';

// What every adapter of the port must do. An adapter joins with one line: `ledgerContract(name, make)`.

/** One place that holds the content of a ledger, new and empty. */
export type LedgerPlace = {
  /** Opens the ledger at this place; the one opened before is closed by then. */
  open(now: () => Wall): Promise<Ledger>;
  /** Removes the place; every ledger is closed by then. */
  remove(): Promise<void>;
};

type Count = { readonly count: number };

const KEY: RowKey = '4711/pool/42';
const OTHER: RowKey = '4711/session/a';
const login: AuditEntry = { kind: 'login', scope: '4711', detail: { feature: 42, user: 'Zoë', remote: false, peer: null } };

const decided = <T>(reply: T, changes: readonly Change[] = [], audit: readonly AuditEntry[] = []): Decision<T> => ({
  changes,
  audit,
  reply,
});
const put = (ledger: Ledger, key: RowKey, row: Row | undefined, audit: readonly AuditEntry[] = []): Promise<void> =>
  ledger.update([key], () => decided(undefined, [{ key, row }], audit));
const get = (ledger: Ledger, key: RowKey): Promise<Row | undefined> => ledger.update([key], (rows) => decided(rows.get(key)));
const increment = (ledger: Ledger, key: RowKey): Promise<number> =>
  ledger.update([key], (rows) => {
    const count = (rows.get<Count>(key)?.count ?? 0) + 1;
    return decided(count, [{ key, row: { count } }]);
  });

async function scanned(ledger: Ledger, prefix = ''): Promise<ReadonlyMap<RowKey, Row>> {
  const found = new Map<RowKey, Row>();
  for await (const [key, row] of ledger.scan(prefix)) found.set(key, row);
  return found;
}

export function ledgerContract(name: string, make: () => Promise<LedgerPlace>): void {
  describe(`${name} keeps the contract of a ledger`, () => {
    let place: LedgerPlace;
    let ledger: Ledger;
    let time = 1_000;
    const now = (): Wall => wall(time);

    beforeEach(async () => {
      place = await make();
      ledger = await place.open(now);
    });
    afterEach(async () => {
      await ledger.close();
      await place.remove();
    });
    const reopen = async (): Promise<void> => {
      await ledger.close();
      ledger = await place.open(now);
    };

    it('begins empty and undamaged', async () => {
      expect(await scanned(ledger)).toEqual(new Map());
      expect(await ledger.audit()).toEqual([]);
      expect(ledger.damage()).toEqual([]);
    });

    it('still has after reopening what was acknowledged, and not what was deleted (I3)', async () => {
      const row = { text: 'Zoë \u2028 \ud800 "', list: [1, { deep: null }], number: 0.1 };
      await put(ledger, KEY, row);
      await put(ledger, OTHER, { count: 1 });
      await put(ledger, OTHER, undefined);
      await reopen();
      expect(await get(ledger, KEY)).toEqual(row);
      expect(await get(ledger, OTHER)).toBeUndefined();
      expect(ledger.damage()).toEqual([]);
    });

    it('writes the changes and the audit of a decision together, and the reply is the one of the decision', async () => {
      const reply = await ledger.update([KEY, OTHER], () =>
        decided(
          'granted',
          [
            { key: KEY, row: { count: 1 } },
            { key: OTHER, row: { seat: 1 } },
          ],
          [login],
        ),
      );
      expect(reply).toBe('granted');
      await reopen();
      expect(await scanned(ledger)).toEqual(
        new Map<RowKey, Row>([
          [KEY, { count: 1 }],
          [OTHER, { seat: 1 }],
        ]),
      );
      expect(await ledger.audit()).toEqual([{ ...login, sequence: 1, at: 1_000 }]);
    });

    it('keeps nothing of a decision that throws, and goes on', async () => {
      const fault = new RangeError('no');
      await put(ledger, KEY, { count: 1 });
      const refused = ledger.update([KEY], () => {
        throw fault;
      });
      await expect(refused).rejects.toBe(fault);
      expect(await increment(ledger, KEY)).toBe(2);
      expect(await ledger.audit()).toEqual([]);
    });

    it('refuses a decision that reads a row it did not name, or changes rows of two scopes, and keeps nothing of it', async () => {
      await put(ledger, KEY, { count: 1 });
      await expect(ledger.update([OTHER], (rows) => decided(rows.get(KEY)))).rejects.toThrow(TypeError);
      const mixed: readonly Change[] = [
        { key: KEY, row: { count: 2 } },
        { key: '4712/pool/42', row: { count: 2 } },
      ];
      await expect(ledger.update([KEY], () => decided(undefined, mixed, [login]))).rejects.toThrow(TypeError);
      expect(await scanned(ledger)).toEqual(new Map([[KEY, { count: 1 }]]));
      expect(await ledger.audit()).toEqual([]);
    });

    it('lets a decision see every earlier one, also those not answered yet', async () => {
      const counts = [increment(ledger, KEY), increment(ledger, KEY), increment(ledger, KEY)];
      const seen = get(ledger, KEY);
      expect(await Promise.all(counts)).toEqual([1, 2, 3]);
      expect(await seen).toEqual({ count: 3 });
    });

    it('loses none of many concurrent updates of one row', async () => {
      const clients = Array.from({ length: 20 }, async () => {
        for (let round = 0; round < 20; round += 1) await increment(ledger, KEY);
      });
      await Promise.all(clients);
      await reopen();
      expect(await get(ledger, KEY)).toEqual({ count: 400 });
    });

    it('answers in the order in which it was asked', async () => {
      const order: number[] = [];
      const asked = Array.from({ length: 50 }, (_, index) =>
        (index % 3 === 0 ? get(ledger, KEY) : increment(ledger, index % 2 === 0 ? KEY : OTHER)).then(() => order.push(index)),
      );
      await Promise.all(asked);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
    });

    it('keeps a decision that was answered early once a later one is durable, and when it is closed', async () => {
      const early = await ledger.update([KEY], () => decided('early', [{ key: KEY, row: { count: 7 } }], [login]), { durability: 'later' });
      expect(early).toBe('early');
      await put(ledger, OTHER, { count: 1 });
      await ledger.update([KEY], () => decided(undefined, [{ key: KEY, row: { count: 8 } }]), { durability: 'later' });
      await reopen();
      expect(await get(ledger, KEY)).toEqual({ count: 8 });
      expect(await ledger.audit()).toHaveLength(1);
    });

    it('writes all that was decided before it closes, and is closed afterwards', async () => {
      const pending = Array.from({ length: 10 }, () => increment(ledger, KEY));
      await ledger.close();
      expect(await Promise.all(pending)).toHaveLength(10);
      await expect(increment(ledger, KEY)).rejects.toMatchObject({ name: 'DEVICE_ERR' });
      await expect(ledger.audit()).rejects.toMatchObject({ name: 'DEVICE_ERR' });
      await ledger.close();
      ledger = await place.open(now);
      expect(await get(ledger, KEY)).toEqual({ count: 10 });
    });

    it('keeps keys apart, whatever characters they have', async () => {
      const keys: readonly RowKey[] = ['a/b/c', 'a/b/c/d', 'a/b/c ', 'A/b/c', 'a/b/%', 'a/b/_', 'a/bc/', 'a/b/ü', 'a/b/u\u0308', 'a/b/\0'];
      await Promise.all(keys.map((key, index) => put(ledger, key, { index })));
      await reopen();
      for (const [index, key] of keys.entries()) expect(await get(ledger, key)).toEqual({ index });
      expect((await scanned(ledger)).size).toBe(keys.length);
    });

    it('scans by prefix as of the call, also what is not durable yet', async () => {
      await put(ledger, 'a/session/1', { count: 1 });
      const pending = [
        put(ledger, 'a/session/2', { count: 2 }),
        put(ledger, 'a/pool/1', { count: 3 }),
        put(ledger, 'b/session/1', { count: 4 }),
      ];
      const scan = ledger.scan('a/session/');
      pending.push(put(ledger, 'a/session/1', undefined));
      const found: unknown[] = [];
      for await (const entry of scan) found.push(entry);
      expect(found).toHaveLength(2);
      expect(found).toEqual(
        expect.arrayContaining([
          ['a/session/1', { count: 1 }],
          ['a/session/2', { count: 2 }],
        ]),
      );
      await Promise.all(pending);
    });

    it('numbers the audit without gaps across openings and answers it newest first, filtered and limited', async () => {
      const other: AuditEntry = { kind: 'refused', scope: '4712', detail: { status: 38 } };
      const logout: AuditEntry = { kind: 'logout', scope: '4711', detail: {} };
      await put(ledger, KEY, { count: 1 }, [login, other]);
      time = 2_000;
      await ledger.update([], () => decided(undefined, [], [logout]));
      await reopen();
      await put(ledger, KEY, { count: 2 }, [login]);
      const all = await ledger.audit();
      expect(all.map(({ sequence, kind, at }) => [sequence, kind, at])).toEqual([
        [4, 'login', 2_000],
        [3, 'logout', 2_000],
        [2, 'refused', 1_000],
        [1, 'login', 1_000],
      ]);
      expect(all[2]).toEqual({ ...other, sequence: 2, at: 1_000 });
      expect((await ledger.audit({ scope: '4711' })).map(({ sequence }) => sequence)).toEqual([4, 3, 1]);
      expect((await ledger.audit({ scope: '4711', kind: 'login' })).map(({ sequence }) => sequence)).toEqual([4, 1]);
      expect((await ledger.audit({ kind: 'login', limit: 1 })).map(({ sequence }) => sequence)).toEqual([4]);
      expect(await ledger.audit({ limit: 0 })).toEqual([]);
      time = 1_000;
    });

    it('chains the audit across openings: each hash is of the record and the one before it, and all of them fit (C5)', async () => {
      expect(await ledger.verifyAudit()).toEqual({ from: 1, to: 0, head: '0'.repeat(64), checkpoint: '0'.repeat(64) });
      const odd: AuditEntry = { kind: 'odd "\\\u2028', scope: 'lm', detail: { b: 1e21, a: '\ud800 ü', 7: -0, 3: null, __proto__x: true } };
      await put(ledger, KEY, { count: 1 }, [login, odd, login]);
      await reopen();
      await put(ledger, KEY, { count: 2 }, [odd]);
      await put(ledger, KEY, { count: 3 }, [login, login]);
      const records = (await ledger.audit({ hashes: true })).toReversed();
      let before = '0'.repeat(64);
      for (const { sequence, at, kind, scope, detail, hash } of records) {
        before = createHash('sha256')
          .update(`${before}\n${sequence}\n${JSON.stringify([at, kind, scope, detail])}`)
          .digest('hex');
        expect(hash).toBe(before);
      }
      expect(records).toHaveLength(6);
      expect(await ledger.verifyAudit()).toEqual({ from: 1, to: 6, head: before, checkpoint: '0'.repeat(64) });
      expect((await ledger.audit({ before: 3 })).map(({ sequence, hash }) => [sequence, hash])).toEqual([
        [2, undefined],
        [1, undefined],
      ]);
    });

    it('walks along a chain of many records while it goes on', async () => {
      const many = Array.from({ length: 700 }, () => login);
      for (let round = 0; round < 7; round += 1) await ledger.update([], () => decided(undefined, [], many));
      const [verdict] = await Promise.all([
        ledger.verifyAudit(),
        put(ledger, KEY, { count: 1 }, many),
        put(ledger, OTHER, { count: 1 }, many),
      ]);
      expect(verdict.from).toBe(1);
      expect(verdict.to).toBeGreaterThanOrEqual(4_900);
      expect(verdict.fault).toBeUndefined();
      expect(await ledger.verifyAudit()).toMatchObject({ from: 1, to: 6_300 });
    });

    it('answers at most 10,000 audit records, and finds old ones by filter behind many others', async () => {
      await put(ledger, KEY, { count: 1 }, [{ ...login, kind: 'first' }]);
      const many = Array.from({ length: 1_100 }, () => login);
      for (let round = 0; round < 10; round += 1) await ledger.update([], () => decided(undefined, [], many));
      const all = await ledger.audit({ limit: 20_000 });
      expect(all).toHaveLength(10_000);
      expect(all.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 10_000 }, (_, index) => 11_001 - index));
      expect(await ledger.audit({ kind: 'first' })).toEqual([{ ...login, kind: 'first', sequence: 1, at: 1_000 }]);
    });

    it('holds what a plain table holds after any sequence of decisions, bursts and reopenings', async () => {
      const step = fc.oneof(
        { weight: 6, arbitrary: fc.record({ slot: fc.nat(4), value: fc.option(fc.nat(99), { nil: undefined }), wait: fc.boolean() }) },
        { weight: 1, arbitrary: fc.constant('reopen' as const) },
      );
      const table = new Map<RowKey, Row>();
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          for (const one of steps) {
            if (one === 'reopen') {
              await reopen();
              continue;
            }
            const key: RowKey = `${one.slot % 2}/slot/${one.slot}`;
            const row = one.value === undefined ? undefined : { count: one.value };
            const done = put(ledger, key, row, [login]);
            if (row === undefined) table.delete(key);
            else table.set(key, row);
            if (one.wait) await done;
          }
          expect(ledger.damage()).toEqual([]);
          expect(await scanned(ledger)).toEqual(table);
        }),
        { numRuns: process.env['SLOW'] === undefined ? 15 : 200 },
      );
      await reopen();
      expect(await scanned(ledger)).toEqual(table);
      expect(ledger.damage()).toEqual([]);
    });
  });
}
