import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isUnfinishedStart } from './first-journal.ts';
import type { Refusal } from './sqlite-protocol.ts';

// Opens the one connection to a ledger file, or says why not. A file that is not ours or is newer than this program is looked at
// through a read-only connection and stays as it is, byte for byte. The connection holds SQLite's exclusive lock until it is closed
// or the process ends, however it ends: there is no lock file that could be left over. Ledgers that several processes share
// (shared-schema.ts) have the same tables, name and application; a row of `meta` keeps the two kinds apart.

const APPLICATION = 0x4b48_4c31; // 'KHL1'
/** Of both kinds. */
const VERSION = 1;
/** A predecessor that was just killed may still be ending. */
const LOCK_WAIT_MS = 500;
/** Checkpoints write back about 16 MB at once; SQLite's own figure of 4 MB makes them too frequent under load. */
const CHECKPOINT_PAGES = 4_000;

/** The first and the last statements of the schema of both kinds. */
export const SCHEMA_BEGIN = `
  CREATE TABLE audit (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, entries TEXT NOT NULL, hashes BLOB) STRICT;
  CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
`;
export const SCHEMA_END = `
  PRAGMA application_id = ${APPLICATION};
  PRAGMA user_version = ${VERSION};
`;

const SCHEMA = `
  CREATE TABLE row (id INTEGER PRIMARY KEY, key TEXT NOT NULL, text TEXT NOT NULL, tag BLOB NOT NULL) STRICT;
  CREATE TABLE root (scope TEXT PRIMARY KEY, count INTEGER NOT NULL, seal BLOB NOT NULL) STRICT, WITHOUT ROWID;
  ${SCHEMA_BEGIN}
  ${SCHEMA_END}
`;

/** A refusal on its way to the owner of the ledger. */
export class StoreRefusal extends Error {
  readonly refusal: Refusal;

  constructor(reason: Refusal['reason'], detail: string) {
    super(detail);
    this.refusal = { kind: 'refused', reason, detail };
  }
}

export function numberFrom(row: Record<string, unknown> | undefined, column: string): number {
  const value = row?.[column];
  return typeof value === 'number' ? value : 0;
}

const pragma = (database: DatabaseSync, name: string): number => numberFrom(database.prepare(`PRAGMA ${name}`).get(), name);

export type LedgerKind = 'owned' | 'shared';

/** True for a file without content, which is a new ledger. */
export function inspect(file: string, kind: LedgerKind, timeout: number): boolean {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) return true;
  const database = new DatabaseSync(file, { readOnly: true, timeout });
  try {
    return !isOurs(database, kind);
  } catch (error) {
    if (isUnfinishedStart(file, error)) return true;
    throw error;
  } finally {
    database.close();
  }
}

/** False for a database without anything in it: our own first start may have ended before its one transaction did. */
export function isOurs(database: DatabaseSync, kind: LedgerKind): boolean {
  const application = pragma(database, 'application_id');
  const version = pragma(database, 'user_version');
  const tables = numberFrom(database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get(), 'tables');
  if (application === 0 && version === 0 && tables === 0) return false;
  if (application !== APPLICATION) throw new StoreRefusal('foreign', 'it is a database of another program');
  if (version > VERSION) throw new StoreRefusal('newer', `its format is version ${version}, and this program knows ${VERSION}`);
  const found = kindOf(database);
  if (found === kind) return true;
  if (found === 'owned') throw new StoreRefusal('kind', 'one process owns it alone, as an Admin LM does');
  if (found === 'shared') throw new StoreRefusal('kind', 'the license managers of several applications share it');
  throw new StoreRefusal('newer', `it is of a kind ${JSON.stringify(found)}, which this program does not know`);
}

/** Absent in ledgers with one owner, the first kind there was. */
function kindOf(database: DatabaseSync): string {
  const value = database.prepare("SELECT value FROM meta WHERE name = 'kind'").get()?.['value'];
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8', 0, 40) : 'owned';
}

/** A ledger that was written before the audit had a chain (audit-chain.ts); to be called in a transaction. */
export function addHashes(database: DatabaseSync): void {
  const columns = database.prepare("SELECT count(*) AS columns FROM pragma_table_info('audit') WHERE name = 'hashes'").get();
  if (numberFrom(columns, 'columns') === 0) database.exec('ALTER TABLE audit ADD COLUMN hashes BLOB');
}

export function openDatabase(file: string): DatabaseSync {
  inspect(file, 'owned', LOCK_WAIT_MS);
  const database = new DatabaseSync(file, { timeout: LOCK_WAIT_MS });
  try {
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA trusted_schema = OFF;
      BEGIN EXCLUSIVE;
    `);
    if (!isOurs(database, 'owned')) database.exec(SCHEMA);
    addHashes(database);
    database.exec('COMMIT');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

export const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/** SQLite's primary error code; 0 for an error that is not SQLite's. */
export const codeOf = (error: unknown): number =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0;

/** What SQLite's own error codes mean for the owner. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof StoreRefusal) return error.refusal;
  const detail = error instanceof Error ? error.message : String(error);
  // An id beyond what a number holds: we never write one.
  if (error instanceof RangeError) return { kind: 'refused', reason: 'corrupt', detail };
  switch (codeOf(error)) {
    case BUSY:
    case LOCKED:
      return { kind: 'refused', reason: 'shared', detail };
    case NOT_A_DATABASE:
      return { kind: 'refused', reason: 'foreign', detail };
    case CORRUPT:
      return { kind: 'refused', reason: 'corrupt', detail };
    default:
      return { kind: 'refused', reason: 'device', detail };
  }
}
