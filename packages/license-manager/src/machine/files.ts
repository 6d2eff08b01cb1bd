import { chmodSync, constants, lstatSync, mkdirSync } from 'node:fs';
import { link, open, rename, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';

/** The state directory, 0700, a real directory (S11), and there after a power loss like what will be written in it (S21). */
export const ensureStateDirectory = async (directory: string): Promise<void> => {
  try {
    const made = mkdirSync(directory, { recursive: true, mode: 0o700 });
    const found = lstatSync(directory);
    if (!found.isDirectory()) throw new Error('it is a link or a file');
    if ((found.mode & 0o077) !== 0) chmodSync(directory, 0o700);
    // Of each that was made, the one that it is in.
    for (let parent = dirname(resolve(directory)); made !== undefined && parent.length >= dirname(made).length; parent = dirname(parent)) {
      await syncDirectory(parent);
      if (parent === dirname(parent)) break;
    }
  } catch (cause) {
    throw new LicensingError(Status.SYS_ERR, {
      detail: `The state directory ${directory} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`,
      remedy: 'Name a directory with --state that this user may create and write.',
      cause,
    });
  }
};

const writeDurably = async (path: string, data: string | Uint8Array): Promise<void> => {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const file = await open(path, flags, 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
};

/** Writes a file whole or not at all, 0600, durable when it returns; never through a link (S11). */
export const writeFileAtomically = async (directory: string, name: string, data: string | Uint8Array): Promise<void> => {
  const temporary = join(directory, `.${name}.new`);
  await writeDurably(temporary, data);
  await rename(temporary, join(directory, name));
  await syncDirectory(directory);
};

/**
 * The same for a file that must not be there: of several processes that do it at once, one makes it, and the others leave it as it is.
 * @param unique tells apart what they write at once
 * @returns whether this one made it
 */
export const createFileAtomically = async (
  directory: string,
  name: string,
  data: string | Uint8Array,
  unique: string,
): Promise<boolean> => {
  const temporary = join(directory, `.${name}.${unique}.new`);
  await writeDurably(temporary, data);
  try {
    await link(temporary, join(directory, name));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(temporary);
  }
  await syncDirectory(directory);
  return true;
};

const syncDirectory = async (directory: string): Promise<void> => {
  if (process.platform === 'win32') return; // Directories cannot be opened there; NTFS journals its names.
  const folder = await open(directory, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};
