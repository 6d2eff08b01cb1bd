import { createSecretKey } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { wall } from '@keyhaven/core/time';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ledgerContract } from './contract.ts';
import type { Decision, Ledger, Row, RowKey } from './port.ts';
import { openSharedLedger, type SharedLedger } from './shared.ts';
import { openSqliteLedger } from './sqlite.ts';

const authenticationKey = createSecretKey(Buffer.alloc(32, 1));
const now = () => wall(5);

ledgerContract('the shared ledger', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-'));
  return {
    open: (clock) => openSharedLedger({ directory, now: clock, authenticationKey }),
    remove: async () => rmSync(directory, { recursive: true }),
  };
});

const KEY: RowKey = 'a/b/c';
type Count = { readonly count: number };
const decided = <T>(reply: T, row?: Row): Decision<T> => ({
  changes: row === undefined ? [] : [{ key: KEY, row }],
  audit: row === undefined ? [] : [{ kind: 'login', scope: 'a', detail: {} }],
  reply,
});
const increment = (ledger: Ledger): Promise<number> =>
  ledger.update([KEY], (rows) => {
    const count = (rows.get<Count>(KEY)?.count ?? 0) + 1;
    return decided(count, { count });
  });
const count = (ledger: Ledger): Promise<number | undefined> => ledger.update([KEY], (rows) => decided(rows.get<Count>(KEY)?.count));

describe('two connections to a shared ledger', () => {
  let directory: string;
  let one: SharedLedger;
  let two: SharedLedger;
  const open = (patience?: number): Promise<SharedLedger> =>
    openSharedLedger({ directory, now, authenticationKey, ...(patience === undefined ? {} : { patience }) });

  beforeEach(async () => {
    directory = join(mkdtempSync(join(tmpdir(), 'ledger-')), 'state');
    [one, two] = await Promise.all([open(), open()]);
  });
  afterEach(async () => {
    await Promise.all([one.close(), two.close()]);
    rmSync(join(directory, '..'), { recursive: true });
  });

  /** A connection in the middle of a transaction. */
  const hold = (): (() => void) => {
    const holder = new DatabaseSync(join(directory, 'ledger.db'));
    holder.exec('BEGIN IMMEDIATE');
    return () => holder.close();
  };

  it('see what the other has decided, in updates, scans and the audit', async () => {
    expect(await increment(one)).toBe(1);
    expect(await increment(two)).toBe(2);
    expect(await increment(one)).toBe(3);
    const found: unknown[] = [];
    for await (const entry of two.scan('a/')) found.push(entry);
    expect(found).toEqual([[KEY, { count: 3 }]]);
    expect((await two.audit()).map(({ sequence }) => sequence)).toEqual([3, 2, 1]);
    expect([...one.damage(), ...two.damage()]).toEqual([]);
  });

  it('lose none of many updates that both ask for at once', async () => {
    const asked = Array.from({ length: 200 }, (_, index) => increment(index % 2 === 0 ? one : two));
    expect(new Set(await Promise.all(asked))).toEqual(new Set(Array.from({ length: 200 }, (_, index) => index + 1)));
    expect(await count(one)).toBe(200);
  });

  it('go on after an answer that was not read to its end', async () => {
    await increment(one);
    await increment(one);
    expect(await one.audit({ limit: 1 })).toHaveLength(1);
    for await (const _ of one.scan('')) break;
    await increment(two);
    expect(await increment(one)).toBe(4);
  });

  it('share one transaction for what is asked in one turn, also after an await', async () => {
    const later = async (): Promise<number> => {
      await Promise.resolve();
      return increment(one);
    };
    await Promise.all([increment(one), later(), increment(one), later()]);
    await Promise.all([one.close(), two.close()]);
    const database = new DatabaseSync(join(directory, 'ledger.db'));
    expect(database.prepare('SELECT first, count FROM audit').all()).toEqual([{ first: 1, count: 4 }]);
    database.close();
  });

  it('wait for a file that is held without blocking the thread, and keep the order of what was asked', async () => {
    const release = hold();
    const order: number[] = [];
    const asked = [increment(one), increment(one), count(one)].map((each) => each.then((value) => order.push(value ?? 0)));
    const scan = one.scan('a/');
    setTimeout(release, 100);
    await Promise.all(asked);
    expect(order).toEqual([1, 2, 2]);
    for await (const [, row] of scan) expect(row).toEqual({ count: 2 });
  });

  it('give up what has waited too long with 43, each for itself, and have nothing of it', async () => {
    const hasty = await open(200);
    const release = hold();
    let ran = 0;
    const early = hasty.update([KEY], () => {
      ran += 1;
      return decided(0, { count: 99 });
    });
    await expect(early).rejects.toMatchObject({ name: 'DEVICE_ERR', message: expect.stringContaining('held for 0.2 s') });
    expect(ran).toBe(0);
    const late = increment(hasty);
    release();
    expect(await late).toBe(1);
    await hasty.close();
  });

  it('do not open for as long as the file is held, and say so', async () => {
    const release = hold();
    await expect(open(150)).rejects.toMatchObject({ name: 'DEVICE_ERR', remedy: expect.stringContaining('End ') });
    const waiting = open();
    release();
    await (await waiting).close();
  });

  it('tell each other of changes, only of those of the other, and only while somebody listens', { timeout: 10_000 }, async () => {
    let heard = 0;
    const told = Promise.withResolvers<void>();
    const stop = one.onForeign(() => {
      heard += 1;
      told.resolve();
    });
    await increment(one);
    await new Promise((resolve) => setTimeout(resolve, 600)); // two looks
    expect(heard).toBe(0);
    await increment(two);
    await told.promise;
    expect(heard).toBe(1);
    await count(one); // reading it first does not hide a change
    stop();
    await increment(two);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(heard).toBe(1);
  });

  it('refuse a ledger with one owner, and its owner refuses theirs, held or not', async () => {
    const alone = join(directory, '..', 'alone');
    const owner = await openSqliteLedger({ directory: alone, now, authenticationKey });
    const openAlone = () => openSharedLedger({ directory: alone, now, authenticationKey, patience: 100 });
    await expect(openAlone()).rejects.toMatchObject({ name: 'DEVICE_ERR' });
    await owner.close();
    await expect(openAlone()).rejects.toMatchObject({ name: 'SHARING_VIOLATION', message: expect.stringContaining('Admin LM') });
    await (await openSqliteLedger({ directory: alone, now, authenticationKey })).close();

    const refused = { name: 'SHARING_VIOLATION', message: expect.stringContaining('several applications share it') };
    await increment(one);
    await expect(openSqliteLedger({ directory, now, authenticationKey })).rejects.toMatchObject(refused);
    expect(await increment(two)).toBe(2);
    await Promise.all([one.close(), two.close()]);
    await expect(openSqliteLedger({ directory, now, authenticationKey })).rejects.toMatchObject(refused);
    [one, two] = await Promise.all([open(), open()]);
    expect(await increment(one)).toBe(3);
  });

  it('forget the oldest audit records beyond what they keep', async () => {
    const few = await openSharedLedger({ directory, now, authenticationKey, auditKept: 100 });
    for (let round = 0; round < 120; round += 1) await increment(few);
    expect((await few.audit()).map(({ sequence }) => sequence)).toEqual(Array.from({ length: 100 }, (_, index) => 120 - index));
    await few.close();
  });

  it('reject a row that is not JSON alone, not those that share its transaction', async () => {
    const good = increment(one);
    const bad = one.update([KEY], () => decided(0, { count: 2n }));
    const after = increment(one);
    await expect(bad).rejects.toThrow(TypeError);
    expect(await Promise.all([good, after])).toEqual([1, 2]);
  });
});
