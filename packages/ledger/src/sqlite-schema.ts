import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Refusal } from './sqlite-protocol.ts';

// Opens the one connection to a ledger file, or says why not. A file that is not ours or is newer than this program is looked at
// through a read-only connection and stays as it is, byte for byte. The connection holds SQLite's exclusive lock until it is closed
// or the process ends, however it ends: there is no lock file that could be left over.

const APPLICATION = 0x4b48_4c31; // 'KHL1'
const VERSION = 1;
/** A predecessor that was just killed may still be ending. */
const LOCK_WAIT_MS = 500;
/** Checkpoints write back about 16 MB at once; SQLite's own figure of 4 MB makes them too frequent under load. */
const CHECKPOINT_PAGES = 4_000;

const SCHEMA = `
  CREATE TABLE row (id INTEGER PRIMARY KEY, key TEXT NOT NULL, text TEXT NOT NULL, tag BLOB NOT NULL) STRICT;
  CREATE TABLE root (scope TEXT PRIMARY KEY, count INTEGER NOT NULL, seal BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE audit (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, entries TEXT NOT NULL) STRICT;
  CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION};
  PRAGMA user_version = ${VERSION};
`;

/** A refusal on its way to the owner of the ledger. */
class StoreRefusal extends Error {
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

/** True for a file without content, which is a new ledger. */
function inspect(file: string): boolean {
  if (statSync(file).size === 0) return true;
  const database = new DatabaseSync(file, { readOnly: true, timeout: LOCK_WAIT_MS });
  try {
    const application = pragma(database, 'application_id');
    const version = pragma(database, 'user_version');
    const tables = numberFrom(database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get(), 'tables');
    // Our own first start may have ended before its one transaction did: a database without anything in it.
    if (application === 0 && version === 0 && tables === 0) return true;
    if (application !== APPLICATION) throw new StoreRefusal('foreign', 'it is a database of another program');
    if (version > VERSION) throw new StoreRefusal('newer', `its format is version ${version}, and this program knows ${VERSION}`);
    return false;
  } finally {
    database.close();
  }
}

export function openDatabase(file: string): DatabaseSync {
  const isNew = inspect(file);
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
    if (isNew && pragma(database, 'user_version') === 0) database.exec(SCHEMA);
    database.exec('COMMIT');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/** What SQLite's own error codes mean for the owner. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof StoreRefusal) return error.refusal;
  const detail = error instanceof Error ? error.message : String(error);
  // An id beyond what a number holds: we never write one.
  if (error instanceof RangeError) return { kind: 'refused', reason: 'corrupt', detail };
  const code = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0;
  switch (code) {
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
