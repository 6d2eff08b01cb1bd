import { closeSync, openSync, readSync } from 'node:fs';

// The one rollback journal that a ledger ever has: SQLite keeps it for the moment in which an empty file becomes a database with a
// write-ahead log. A process that is killed then, or a power loss, leaves it behind; until somebody who may write opens the file, SQLite refuses
// everybody who only looks (SQLITE_READONLY_ROLLBACK). Rolling back a journal that begins with a database of no pages empties the file, whoever
// opens it, so nothing that was ever committed is touched by it.

const MAGIC = Buffer.from('d9d505f920a163d7', 'hex');
/** Of a journal's header: magic, records, nonce, and the pages that the database had. */
const PAGES_AT = 16;
const READONLY_ROLLBACK = 776;

/** Whether a look at this file failed only because its first moment was never ended. */
export function isUnfinishedStart(file: string, error: unknown): boolean {
  if (!(error instanceof Error && 'errcode' in error && error.errcode === READONLY_ROLLBACK)) return false;
  const header = Buffer.alloc(PAGES_AT + 4);
  const journal = openSync(`${file}-journal`, 'r');
  try {
    readSync(journal, header, 0, header.length, 0);
  } finally {
    closeSync(journal);
  }
  return header.subarray(0, MAGIC.length).equals(MAGIC) && header.readUInt32BE(PAGES_AT) === 0;
}
