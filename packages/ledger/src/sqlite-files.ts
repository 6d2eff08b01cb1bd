import { chmodSync, closeSync, fsyncSync, lstatSync, mkdirSync, openSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';

// The directory of a ledger is 0700 and its files are 0600 whatever the umask (S11); SQLite gives -wal and -shm the mode of the file
// they belong to. A ledger file that is a symbolic link, or anything else than a file, is refused. An existing ledger file is never
// opened here: closing any descriptor of it would drop the lock that SQLite holds for this process.

const LEDGER_FILE = 'ledger.db';
const BESIDE = ['', '-wal', '-shm', '-journal'];
const STICKY = 0o1000;

/** Makes the directory and an empty ledger file where they are missing; returns the path of the file. */
export function prepareLedgerFile(directory: string): string {
  return prepare(directory, (file) => {
    if (find(file) === undefined) createFile(file);
  });
}

/** The same without making the file. Its opener makes it and gives it its mode: of several processes that begin at once, any may. */
export function prepareLedgerDirectory(directory: string): string {
  return prepare(directory, () => undefined);
}

function prepare(directory: string, make: (file: string) => void): string {
  const file = join(directory, LEDGER_FILE);
  try {
    prepareDirectory(resolve(directory));
    for (const suffix of BESIDE) secureFile(`${file}${suffix}`);
    make(file);
  } catch (cause) {
    if (cause instanceof LicensingError) throw cause;
    throw new LicensingError(Status.DEVICE_ERR, {
      detail: `The state directory ${directory} cannot be prepared: ${cause instanceof Error ? cause.message : String(cause)}`,
      remedy: `See that ${directory} can be made and written by this user and that the disk has space.`,
      cause,
    });
  }
  return file;
}

function prepareDirectory(directory: string): void {
  const made = mkdirSync(directory, { recursive: true, mode: 0o700 });
  const mode = statSync(directory).mode;
  if ((mode & STICKY) !== 0) {
    throw new LicensingError(Status.DEVICE_ERR, {
      detail: `The directory ${directory} is shared by all users of this computer`,
      remedy: 'Give the ledger a directory of its own.',
    });
  }
  if ((mode & 0o777) !== 0o700) chmodSync(directory, 0o700);
  if (made === undefined) return;
  // S21: what was made must survive a power loss as well as what will be written in it.
  const top = dirname(made);
  for (let parent = dirname(directory); parent.startsWith(top); parent = dirname(parent)) {
    syncDirectory(parent);
    if (parent === top) return;
  }
}

function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return; // directories cannot be opened there; NTFS journals its names
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const find = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });

function secureFile(path: string): void {
  const found = find(path);
  if (found === undefined) return;
  if (!found.isFile()) {
    throw new LicensingError(Status.STORAGE_CORRUPT, {
      detail: `${path} is ${found.isSymbolicLink() ? 'a symbolic link' : 'not a file'}, and a ledger does not follow it`,
      remedy: `Find out who put ${path} there, and remove it.`,
    });
  }
  if ((found.mode & 0o777) !== 0o600) tighten(path);
}

function tighten(path: string): void {
  try {
    chmodSync(path, 0o600);
  } catch (error) {
    if (find(path) !== undefined) throw error; // gone: another process of a shared ledger has just closed
  }
}

function createFile(file: string): void {
  closeSync(openSync(file, 'wx', 0o600)); // 'wx' neither follows a link nor takes an existing file
  chmodSync(file, 0o600);
}
