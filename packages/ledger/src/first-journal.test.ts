import { createSecretKey } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { wall } from '@keyhaven/core/time';
import { expect, it, onTestFinished } from 'vitest';
import type { Ledger } from './port.ts';
import { openSharedLedger } from './shared.ts';
import { openSqliteLedger } from './sqlite.ts';

// What a power loss in the first moment of a ledger leaves: a page of a database, and the journal that says that there was none.

const PAGE = 4_096;
const authenticationKey = createSecretKey(Buffer.alloc(32, 1));
const openers: readonly (readonly [string, (directory: string) => Promise<Ledger>])[] = [
  ['one owner', (directory) => openSqliteLedger({ directory, now: () => wall(0), authenticationKey })],
  ['several processes', (directory) => openSharedLedger({ directory, now: () => wall(0), authenticationKey })],
];

/** A directory with a database of another program, and a journal of a transaction that found so many pages. */
function interrupted(pages: number): { readonly directory: string; readonly file: string } {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'ledger.db');
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA page_size = ${PAGE}; CREATE TABLE of_somebody (text TEXT)`);
  database.close();
  const header = Buffer.alloc(512);
  Buffer.from('d9d505f920a163d7', 'hex').copy(header);
  for (const [index, value] of [0, 1, pages, 512, PAGE].entries()) header.writeUInt32BE(value, 8 + 4 * index);
  writeFileSync(`${file}-journal`, header);
  return { directory, file };
}

it.each(openers)('a ledger of %s whose first start was cut off begins anew (S21)', async (_, open) => {
  const { directory, file } = interrupted(0);
  const ledger = await open(directory);
  expect(await ledger.update(['a/b/c'], () => ({ changes: [{ key: 'a/b/c', row: {} }], audit: [], reply: 1 }))).toBe(1);
  await ledger.close();
  expect(existsSync(`${file}-journal`)).toBe(false);
});

it.each(openers)('the database of another program in the middle of its work is no ledger of %s and stays as it is', async (_, open) => {
  const { directory, file } = interrupted(2);
  const before = readFileSync(file);
  await expect(open(directory)).rejects.toMatchObject({ status: 43 });
  expect(readFileSync(file)).toEqual(before);
  expect(existsSync(`${file}-journal`)).toBe(true);
});
