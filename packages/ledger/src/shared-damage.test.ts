import { createSecretKey } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { wall } from '@keyhaven/core/time';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RowKey } from './port.ts';
import { openSharedLedger, type SharedLedger } from './shared.ts';

// security.md "Memory/state-file editing": what an attacker with the file, but without the key, can do to it. Unlike the file of one
// owner it can be changed while license managers use it.

const MINE: RowKey = '4711/key/memory';
const COUNT: RowKey = '4711/count/7';
const OTHER: RowKey = '4712/count/7';
type Stored = Record<string, SQLOutputValue>;

describe('a shared ledger that was changed from outside', () => {
  let directory: string;
  let ledger: SharedLedger;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'ledger-'));
    ledger = await open();
    await put(MINE, { text: 'mine' });
    await put(COUNT, { left: 10 });
    await put(OTHER, { left: 10 });
  });
  afterEach(async () => {
    await ledger.close();
    rmSync(directory, { recursive: true });
  });

  const open = (fill = 1): Promise<SharedLedger> =>
    openSharedLedger({ directory, now: () => wall(0), authenticationKey: createSecretKey(Buffer.alloc(32, fill)) });
  async function reopen(fill = 1): Promise<SharedLedger> {
    await ledger.close();
    ledger = await open(fill);
    return ledger;
  }
  const put = (key: RowKey, row: object | undefined, by = ledger): Promise<void> =>
    by.update([key], () => ({ changes: [{ key, row }], audit: [], reply: undefined }));
  const get = (key: RowKey, by = ledger): Promise<object | undefined> =>
    by.update([key], (rows) => ({ changes: [], audit: [], reply: rows.get(key) }));

  function sql<T>(change: (database: DatabaseSync) => T): T {
    const database = new DatabaseSync(join(directory, 'ledger.db'));
    try {
      return change(database);
    } finally {
      database.close();
    }
  }
  const execute = (statement: string): void => sql((database) => database.exec(statement));
  const stored = (table: 'row' | 'root', name: string): Stored =>
    sql((database) => database.prepare(`SELECT * FROM ${table} WHERE ${table === 'row' ? 'key' : 'scope'} = ?`).get(name) ?? {});
  const putBack = (table: 'row' | 'root', old: Stored, columns = Object.keys(old)): void =>
    sql((database) => {
      const name = table === 'row' ? 'key' : 'scope';
      const exists = database.prepare(`SELECT 1 FROM ${table} WHERE ${name} = ?`).get(old[name] ?? '') !== undefined;
      const values = columns.map((column) => old[column] ?? '');
      if (exists) {
        const set = columns.map((column) => `${column} = ?`).join();
        database.prepare(`UPDATE ${table} SET ${set} WHERE ${name} = ?`).run(...values, old[name] ?? '');
      } else database.prepare(`INSERT INTO ${table} (${columns.join()}) VALUES (${columns.map(() => '?').join()})`).run(...values);
    });

  /** Scope 4711 is refused, by the ledger `by`; 4712 goes on. */
  async function expectRefused(by: SharedLedger, reason: RegExp): Promise<void> {
    const refused = { name: 'STORAGE_CORRUPT', message: expect.stringMatching(reason) };
    await expect(put(COUNT, { left: 9 }, by)).rejects.toMatchObject(refused);
    await expect(by.update([], () => ({ changes: [{ key: MINE, row: {} }], audit: [], reply: 0 }))).rejects.toMatchObject(refused);
    expect(by.damage()).toEqual([{ scope: '4711', reason: expect.stringMatching(reason) }]);
    await put(OTHER, { left: 9 }, by);
    expect(await get(OTHER, by)).toEqual({ left: 9 });
  }

  it('is undamaged as long as nobody else touches it, through any mix of changes of several license managers', async () => {
    const second = await open();
    await put(COUNT, { left: 9 });
    await put(MINE, undefined, second);
    await put(COUNT, { left: 8 }, second);
    await put(MINE, { text: 'again' });
    await put('4711/count/8', { left: 1 }, second);
    await put('4711/count/8', undefined);
    await second.close();
    expect([...second.damage(), ...(await reopen()).damage()]).toEqual([]);
  });

  const EDITS: readonly (readonly [string, string, RegExp, RegExp])[] = [
    ['row was edited', `UPDATE row SET text = '{"left":99}' WHERE key = '${COUNT}'`, /edited/, /edited/],
    ['row is no longer JSON', `UPDATE row SET text = 'left' WHERE key = '${COUNT}'`, /edited/, /edited/],
    [
      'row has the content of another',
      `UPDATE row SET (text, tag) = (SELECT text, tag FROM row WHERE key = '${MINE}') WHERE key = '${COUNT}'`,
      /edited/,
      /edited/,
    ],
    [
      'row changed its key with one of another scope',
      `UPDATE row SET (text, tag) = (SELECT text, tag FROM row WHERE key = '${OTHER}') WHERE key = '${COUNT}'`,
      /edited/,
      /edited/,
    ],
    [
      'row was added without its tag',
      `DELETE FROM row WHERE key = '${COUNT}'; INSERT INTO row (key, text, tag) VALUES ('${COUNT}', '{"left":99}', zeroblob(32))`,
      /edited/,
      /edited/,
    ],
    ['root was deleted', "DELETE FROM root WHERE scope = '4711'", /root is missing/, /root is missing/],
    ['seal of the root was edited', "UPDATE root SET seal = zeroblob(64) WHERE scope = '4711'", /root was edited/, /root was edited/],
    ['count of the root was edited', "UPDATE root SET count = 7 WHERE scope = '4711'", /root was edited/, /2 rows, and its root says 7/],
    ['number of writes was edited', "UPDATE root SET writes = 99 WHERE scope = '4711'", /root was edited/, /root was edited/],
    ['sum was edited', "UPDATE root SET sum = zeroblob(60) WHERE scope = '4711'", /root was edited/, /root was edited/],
    ['sum was cut', "UPDATE root SET sum = zeroblob(3) WHERE scope = '4711'", /root was edited/, /root was edited/],
    [
      'root is the one of another scope',
      "UPDATE root SET (count, seal, writes, sum) = (SELECT count, seal, writes, sum FROM root WHERE scope = '4712') WHERE scope = '4711'",
      /root was edited/,
      /its root says 1/,
    ],
  ];

  it.each(EDITS)('refuses the scope whose %s, at the next decision', async (_, statement, reason) => {
    execute(statement);
    await expectRefused(ledger, reason);
  });

  it.each(EDITS)('refuses the scope whose %s, at opening', async (_, statement, __, reason) => {
    await ledger.close();
    execute(statement);
    await expectRefused(await reopen(), reason);
    expect((await reopen()).damage()).toHaveLength(1); // and what is wrong does not heal by it
  });

  it('refuses a root put back from an older time at the next decision, by whoever has seen the newer one', async () => {
    const old = stored('root', '4711');
    await put(COUNT, { left: 9 });
    putBack('root', old);
    await expectRefused(ledger, /root was put back/);
    await expectRefused(await reopen(), /put back|edited/);
  });

  it('refuses a root of which only the sum, or only the seal, was put back', async () => {
    const old = stored('root', '4711');
    await put(COUNT, { left: 9 });
    const now = stored('root', '4711');
    for (const columns of [['sum', 'writes'], ['sum'], ['seal']]) {
      putBack('root', old, columns);
      await expectRefused(await reopen(), /put back|edited/);
      putBack('root', now);
      expect((await reopen()).damage()).toEqual([]);
    }
  });

  // A row put back with its own old tag authenticates by itself: the sum tells, when the whole file is authenticated.
  it.each([
    ['put back', (): Promise<void> => put(COUNT, { left: 9 })],
    ['put back after it was deleted', (): Promise<void> => put(COUNT, undefined)],
  ])('refuses a scope with a row %s at the next opening, whatever was written to it in between', async (_, change) => {
    const old = stored('row', COUNT);
    await change();
    putBack('row', old, ['key', 'text', 'tag']);
    await put(MINE, { text: 'more' });
    await expectRefused(await reopen(), /put back|its root says/);
  });

  it('refuses a scope with a put back row that was overwritten by a decision', async () => {
    const old = stored('row', COUNT);
    await put(COUNT, { left: 9 });
    putBack('row', old, ['text', 'tag']);
    await put(COUNT, { left: 8 });
    await expectRefused(await reopen(), /put back/);
  });

  it('refuses a scope with a deleted row at the next opening, also when a decision wrote it again', async () => {
    execute(`DELETE FROM row WHERE key = '${COUNT}'`);
    await put(COUNT, { left: 10 });
    await expectRefused(await reopen(), /its root says 3/);
  });

  it('refuses a scope with a row that stands there twice', async () => {
    await ledger.close();
    execute(`
      CREATE TABLE copy (id INTEGER PRIMARY KEY, key TEXT NOT NULL, text TEXT NOT NULL, tag BLOB NOT NULL) STRICT;
      INSERT INTO copy SELECT * FROM row;
      INSERT INTO copy (key, text, tag) SELECT key, text, tag FROM row WHERE key = '${COUNT}';
      DROP TABLE row;
      ALTER TABLE copy RENAME TO row;
    `);
    await expectRefused(await reopen(), /3 rows, and its root says 2/);
  });

  it('says that another authentication key is the reason when it is', async () => {
    const opened = await reopen(2);
    expect(opened.damage().map(({ scope }) => scope)).toEqual(['4711', '4712']);
    for (const { reason } of opened.damage()) expect(reason).toMatch(/another computer/);
    expect((await reopen()).damage()).toEqual([]);
  });

  it('lets a damaged scope be read by scan, which finds the damage, too', async () => {
    execute(`UPDATE row SET text = '{"left":99}' WHERE key = '${COUNT}'`);
    const found: unknown[] = [];
    for await (const [key] of ledger.scan('4711/')) found.push(key);
    expect(found).toEqual([MINE, COUNT]);
    expect(ledger.damage()).toEqual([{ scope: '4711', reason: expect.stringMatching(/edited/) }]);
  });

  it('never shows a sum in the clear, nor the same nonce for two of them', async () => {
    const sums = new Set<string>();
    for (let left = 0; left < 20; left += 1) {
      await put(COUNT, { left: left % 2 });
      sums.add(Buffer.from(stored('root', '4711')['sum'] as Uint8Array).toString('hex', 0, 12));
    }
    expect(sums.size).toBe(20);
  });
});
