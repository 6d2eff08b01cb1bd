import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { cannotWrite } from './files.ts';
import { vendorPaths } from './vendor-paths.ts';

// One command at a time changes a vendor's directory. The lock is SQLite's lock of an empty file: the system gives it back when the process ends, however it
// ends, so that no lock is ever left over. It works between processes and between tasks of one process.

const LOCK_WAIT_MS = 60_000;
const RETRY_MS = 25;
const SQLITE_BUSY = 5;

const isBusy = (error: unknown): boolean => error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;

/** True when the lock was taken, false while somebody else has it. */
const tryLock = (database: DatabaseSync): boolean => {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
};

/**
 * Runs `task` while no other vendor command changes the directory.
 * @param waitMs how long another command may take.
 * @throws LicensingError SYS_ERR (13) where the directory cannot be written, or another command keeps the lock for longer.
 */
export const withVendorLock = async <T>(directory: string, task: () => Promise<T>, waitMs = LOCK_WAIT_MS): Promise<T> => {
  const path = vendorPaths(directory).lock;
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
  } catch (error) {
    throw cannotWrite(path, error);
  }
  try {
    const until = performance.now() + waitMs;
    while (!locked(database, path)) {
      if (performance.now() >= until) throw stillLocked(directory, waitMs);
      await pause(RETRY_MS);
    }
    return await task();
  } finally {
    database.close();
  }
};

const locked = (database: DatabaseSync, path: string): boolean => {
  try {
    return tryLock(database);
  } catch (error) {
    throw cannotWrite(path, error);
  }
};

const stillLocked = (directory: string, waitMs: number): LicensingError =>
  new LicensingError(Status.SYS_ERR, {
    detail: `Another vendor command has been changing ${directory} for ${Math.round(waitMs / 1_000)} seconds.`,
    remedy: 'Wait until it has ended, or end it, and run this command again.',
  });
