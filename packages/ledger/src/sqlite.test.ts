import { createSecretKey } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LicensingError } from '@keyhaven/core/errors';
import { wall } from '@keyhaven/core/time';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ledgerContract } from './contract.ts';
import type { Ledger } from './port.ts';
import { openSqliteLedger } from './sqlite.ts';

const authenticationKey = createSecretKey(Buffer.alloc(32, 1));
const now = () => wall(5);

ledgerContract('the SQLite ledger', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-'));
  return {
    open: (clock) => openSqliteLedger({ directory, now: clock, authenticationKey }),
    remove: async () => rmSync(directory, { recursive: true }),
  };
});

describe('the SQLite ledger on its disk', () => {
  let parent: string;
  let directory: string;
  const opened: Ledger[] = [];

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'ledger-'));
    directory = join(parent, 'deep', 'state');
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((ledger) => ledger.close()));
    rmSync(parent, { recursive: true });
  });

  const open = async (options: { readonly auditKept?: number } = {}): Promise<Ledger> => {
    const ledger = await openSqliteLedger({ directory, now, authenticationKey, ...options });
    opened.push(ledger);
    return ledger;
  };
  const add = (ledger: Ledger, count = 1): Promise<void> =>
    ledger.update(['a/b/c'], () => ({
      changes: [{ key: 'a/b/c', row: { count } }],
      audit: [{ kind: 'login', scope: 'a', detail: {} }],
      reply: undefined,
    }));
  const refusal = async (): Promise<LicensingError> => {
    const error: unknown = await open().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error instanceof LicensingError) return error;
    throw new Error(`the ledger opened or failed otherwise: ${String(error)}`);
  };

  it('makes its directory 0700 and its files 0600 whatever the umask, and tightens what is looser (S11)', async () => {
    const before = process.umask(0o777);
    try {
      const ledger = await open();
      await add(ledger);
      expect(statSync(directory).mode & 0o777).toBe(0o700);
      const names = readdirSync(directory);
      expect(names).toContain('ledger.db');
      expect(names).toContain('ledger.db-wal');
      for (const name of names) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
      await ledger.close();
    } finally {
      process.umask(before);
    }
    chmodSync(directory, 0o755);
    chmodSync(join(directory, 'ledger.db'), 0o644);
    await open();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'ledger.db')).mode & 0o777).toBe(0o600);
  });

  it('refuses a directory that all users share', async () => {
    directory = join(parent, 'shared');
    await (await open()).close();
    chmodSync(directory, 0o1777);
    expect(await refusal()).toMatchObject({ name: 'DEVICE_ERR' });
    expect(statSync(directory).mode & 0o7777).toBe(0o1777);
  });

  it.each(['ledger.db', 'ledger.db-wal'])('does not follow a symbolic link in place of %s (S11)', async (name) => {
    await (await open()).close();
    const target = join(parent, 'target');
    writeFileSync(target, 'precious');
    rmSync(join(directory, name), { force: true });
    symlinkSync(target, join(directory, name));
    expect(await refusal()).toMatchObject({ name: 'STORAGE_CORRUPT', message: expect.stringContaining('symbolic link') });
    expect(readFileSync(target, 'utf8')).toBe('precious');
  });

  it('has one owner at a time, in this process too, and says which directory is taken', async () => {
    const owner = await open();
    await add(owner);
    const error = await refusal();
    expect(error).toMatchObject({ name: 'SHARING_VIOLATION', message: expect.stringContaining(directory) });
    expect(error.remedy).toContain('state directory of its own');
    await add(owner, 2);
    expect(await refusal()).toMatchObject({ name: 'SHARING_VIOLATION' });
    await owner.close();
    await add(await open(), 3);
  });

  it.each([
    ['a file that is no database', Buffer.from('this is not a database')],
    ['a long file that is no database', Buffer.alloc(20_000, 'garbage ')],
  ])('names %s in the remedy and leaves it as it is', async (_, content) => {
    await (await open()).close();
    const file = join(directory, 'ledger.db');
    writeFileSync(file, content);
    const error = await refusal();
    expect(error.name).toBe('STORAGE_CORRUPT');
    expect(error.remedy).toContain(file);
    expect(readFileSync(file)).toEqual(content);
  });

  it.each([
    ['a newer format', 'PRAGMA user_version = 2', 'newer version'],
    ['another program', 'PRAGMA application_id = 7', 'another program'],
  ])('leaves a database of %s as it is', async (_, statement, said) => {
    const ledger = await open();
    await add(ledger);
    await ledger.close();
    const file = join(directory, 'ledger.db');
    const database = new DatabaseSync(file);
    database.exec(statement);
    database.close();
    const content = readFileSync(file);
    const error = await refusal();
    expect(error).toMatchObject({ name: 'STORAGE_CORRUPT', message: expect.stringContaining(said) });
    expect(error.remedy).toContain(file);
    expect(readFileSync(file)).toEqual(content);
  });

  it('forgets the oldest audit records beyond what it keeps', async () => {
    const ledger = await open({ auditKept: 100 });
    for (let round = 0; round < 250; round += 1) await add(ledger, round);
    expect((await ledger.audit()).map(({ sequence }) => sequence)).toEqual(Array.from({ length: 100 }, (_, index) => 250 - index));
    await ledger.close();
    const database = new DatabaseSync(join(directory, 'ledger.db'));
    expect(database.prepare('SELECT count(*) AS blocks FROM audit').get()?.['blocks']).toBeLessThan(130);
    database.close();
  });

  it('writes a row that changed often within one commit once, and nothing for one that came and went', async () => {
    const ledger = await open();
    const turn = Array.from({ length: 100 }, (_, count) => add(ledger, count));
    const session = (row: object | undefined): Promise<void> =>
      ledger.update(['a/session/1'], () => ({ changes: [{ key: 'a/session/1', row }], audit: [], reply: undefined }));
    await Promise.all([...turn, session({}), session(undefined)]);
    await ledger.close();
    const database = new DatabaseSync(join(directory, 'ledger.db'));
    expect(database.prepare('SELECT key, text FROM row').all()).toEqual([{ key: 'a/b/c', text: '{"count":99}' }]);
    expect(database.prepare('SELECT count FROM audit').all()).toEqual([{ count: 100 }]);
    database.close();
  });

  it('rejects a row that is not JSON alone, not those that share its commit', async () => {
    const ledger = await open();
    const good = add(ledger, 1);
    const bad = ledger.update(['a/b/c'], () => ({ changes: [{ key: 'a/b/c', row: { count: 2n } }], audit: [], reply: 0 }));
    await expect(bad).rejects.toThrow(TypeError);
    await good;
    await ledger.close();
    expect(await (await open()).update(['a/b/c'], (rows) => ({ changes: [], audit: [], reply: rows.get('a/b/c') }))).toEqual({ count: 1 });
  });
});
