import { type BigIntStats, chmodSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { RowSeal } from './row-seal.ts';
import { addHashes, inspect, isOurs, SCHEMA_BEGIN, SCHEMA_END, StoreRefusal } from './sqlite-schema.ts';

// Opens one of several connections to a ledger that processes share, or says why not. No lock is held between two transactions, and
// none is waited for: what is busy throws SQLite's BUSY, and the caller tries again.

const SCHEMA = `
  ${SCHEMA_BEGIN}
  CREATE TABLE row (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, text TEXT NOT NULL, tag BLOB NOT NULL) STRICT;
  CREATE TABLE root (scope TEXT PRIMARY KEY, count INTEGER NOT NULL, seal BLOB NOT NULL, writes INTEGER NOT NULL, sum BLOB NOT NULL)
    STRICT, WITHOUT ROWID;
  INSERT INTO meta (name, value) VALUES ('kind', CAST('shared' AS BLOB));
  ${SCHEMA_END}
`;

export type SharedDatabase = {
  readonly database: DatabaseSync;
  /** True as long as the path leads to the file that is open: a ledger that was moved away or replaced is no longer everybody's. */
  isInPlace(): boolean;
};

const placeOf = (file: string): BigIntStats | undefined => statSync(file, { bigint: true, throwIfNoEntry: false });

export function openSharedDatabase(file: string, seal: RowSeal): SharedDatabase {
  inspect(file, 'shared', 0);
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    const opened = placeOf(file);
    if (opened === undefined) throw new StoreRefusal('device', 'it was removed while it was opened');
    // Before SQLite makes the files beside it: they get the mode of this one.
    if ((opened.mode & 0o777n) !== 0o600n) chmodSync(file, 0o600);
    const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
    database.exec('PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; BEGIN IMMEDIATE');
    if (mode !== 'wal') throw new StoreRefusal('device', 'its disk does not let processes share memory (SQLite WAL)');
    if (!isOurs(database, 'shared')) {
      database.exec(SCHEMA);
      database.prepare("INSERT INTO meta (name, value) VALUES ('check', ?)").run(seal.check());
    }
    addHashes(database);
    database.exec('COMMIT');
    return {
      database,
      isInPlace() {
        const now = placeOf(file);
        return now !== undefined && now.ino === opened.ino && now.dev === opened.dev;
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}
