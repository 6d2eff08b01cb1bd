import { createSecretKey } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { wall } from '@keyhaven/core/time';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ledger, RowKey } from './port.ts';
import { openSqliteLedger } from './sqlite.ts';

// security.md "Memory/state-file editing": what an attacker with the file, but without the key, can do to it while it is closed.

const MINE: RowKey = '4711/key/memory';
const COUNT: RowKey = '4711/count/7';

describe('a SQLite ledger that was changed from outside', () => {
  let directory: string;
  let ledger: Ledger | undefined;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'ledger-'));
    await open();
    await put(MINE, { text: 'mine' });
    await put(COUNT, { left: 10 });
    await put('4712/count/7', { left: 10 });
  });
  afterEach(async () => {
    await ledger?.close();
    rmSync(directory, { recursive: true });
  });

  async function open(fill = 1): Promise<Ledger> {
    await ledger?.close();
    ledger = undefined;
    ledger = await openSqliteLedger({ directory, now: () => wall(0), authenticationKey: createSecretKey(Buffer.alloc(32, fill)) });
    return ledger;
  }
  async function put(key: RowKey, row: object | undefined): Promise<void> {
    await ledger?.update([key], () => ({ changes: [{ key, row }], audit: [], reply: undefined }));
  }
  const get = (key: RowKey) => ledger?.update([key], (rows) => ({ changes: [], audit: [], reply: rows.get(key) }));

  /** Closes the ledger and changes its file. */
  async function tamper<T>(change: (database: DatabaseSync) => T): Promise<T> {
    await ledger?.close();
    const database = new DatabaseSync(join(directory, 'ledger.db'));
    const result = change(database);
    database.close();
    return result;
  }
  const sql = (statement: string) => tamper((database) => database.exec(statement));

  async function expectDamage(reason: RegExp): Promise<void> {
    const opened = await open();
    expect(opened.damage()).toEqual([{ scope: '4711', reason: expect.stringMatching(reason) }]);
    await expect(get(COUNT)).rejects.toMatchObject({ name: 'STORAGE_CORRUPT', message: expect.stringContaining('4711') });
    const blind = opened.update([], () => ({ changes: [{ key: MINE, row: {} }], audit: [], reply: 0 }));
    await expect(blind).rejects.toMatchObject({ name: 'STORAGE_CORRUPT' });
    // The other scope goes on, and what is wrong does not heal by it.
    await put('4712/count/7', { left: 9 });
    expect(await get('4712/count/7')).toEqual({ left: 9 });
    expect((await open()).damage()).toHaveLength(1);
  }

  it('is undamaged as long as nobody touches it, through any mix of changes', async () => {
    await put(COUNT, { left: 9 });
    await put(MINE, undefined);
    await open();
    await put(COUNT, { left: 8 });
    await put(MINE, { text: 'again' });
    await put('4711/count/8', { left: 1 });
    await put('4711/count/8', undefined);
    expect((await open()).damage()).toEqual([]);
  });

  it('names the scope of an edited row', async () => {
    await sql(`UPDATE row SET text = '{"left":99}' WHERE key = '${COUNT}'`);
    await expectDamage(/edited/);
  });

  it('names the scope of a row whose text is no longer JSON', async () => {
    await sql(`UPDATE row SET text = 'left' WHERE key = '${COUNT}'`);
    await expectDamage(/edited/);
  });

  it('names the scope of a row that was given another key', async () => {
    await sql(`UPDATE row SET key = '4711/count/9' WHERE key = '${COUNT}'`);
    await expectDamage(/edited/);
  });

  it('names the scope of a deleted row', async () => {
    await sql(`DELETE FROM row WHERE key = '${COUNT}'`);
    await expectDamage(/1 rows, and its root says 2/);
  });

  it('names the scope of a row that stands there twice', async () => {
    await sql(`INSERT INTO row (key, text, tag) SELECT key, text, tag FROM row WHERE key = '${COUNT}'`);
    await expectDamage(/3 rows, and its root says 2/);
  });

  it('names the scope of rows of which one was exchanged for a copy of another, so that the count is right', async () => {
    await sql(`UPDATE row SET key = '${MINE}', (text, tag) = (SELECT text, tag FROM row WHERE key = '${MINE}') WHERE key = '${COUNT}'`);
    await expectDamage(/put back/);
  });

  it('names the scope of a row put back with its tag from an older time', async () => {
    const old = await tamper((database) => database.prepare('SELECT text, tag FROM row WHERE key = ?').get(COUNT));
    await open();
    await put(COUNT, { left: 9 });
    await tamper((database) => {
      database.prepare('UPDATE row SET text = ?, tag = ? WHERE key = ?').run(old?.['text'] ?? '', old?.['tag'] ?? '', COUNT);
    });
    await expectDamage(/put back/);
  });

  it('names the scope of a deleted row that was put back', async () => {
    const old = await tamper((database) => database.prepare('SELECT text, tag FROM row WHERE key = ?').get(COUNT));
    await open();
    await put(COUNT, undefined);
    await tamper((database) => {
      database.prepare('INSERT INTO row (key, text, tag) VALUES (?, ?, ?)').run(COUNT, old?.['text'] ?? '', old?.['tag'] ?? '');
    });
    await expectDamage(/2 rows, and its root says 1/);
  });

  it.each([
    ['edited', "UPDATE root SET seal = zeroblob(64) WHERE scope = '4711'", /root was edited/],
    ['deleted', "DELETE FROM root WHERE scope = '4711'", /root is missing/],
    ['exchanged', "UPDATE root SET seal = (SELECT seal FROM root WHERE scope = '4712') WHERE scope = '4711'", /root was edited/],
  ])('names the scope whose root was %s', async (_, statement, reason) => {
    await sql(statement);
    await expectDamage(reason);
  });

  it('names a scope of which only the root is left', async () => {
    await sql("DELETE FROM row WHERE key GLOB '4711/*'");
    await expectDamage(/0 rows, and its root says 2/);
  });

  it('says that another authentication key is the reason when it is', async () => {
    const opened = await open(2);
    expect(opened.damage().map(({ scope }) => scope)).toEqual(['4711', '4712']);
    for (const { reason } of opened.damage()) expect(reason).toMatch(/another computer/);
    expect((await open()).damage()).toEqual([]);
  });

  it('lets a damaged scope be read by scan', async () => {
    await sql(`UPDATE row SET text = '{"left":99}' WHERE key = '${COUNT}'`);
    const opened = await open();
    const found: unknown[] = [];
    for await (const [key] of opened.scan('4711/')) found.push(key);
    expect(found).toEqual([MINE, COUNT]);
  });
});
