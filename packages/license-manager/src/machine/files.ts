import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';

/** The state directory, 0700 and a real directory (S11). */
export const ensureStateDirectory = async (directory: string): Promise<void> => {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const found = await lstat(directory);
    if (!found.isDirectory()) throw new Error('it is a link or a file');
    if ((found.mode & 0o077) !== 0) await chmod(directory, 0o700);
  } catch (cause) {
    throw new LicensingError(Status.SYS_ERR, {
      detail: `The state directory ${directory} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`,
      remedy: 'Name a directory with --state that this user may create and write.',
      cause,
    });
  }
};

/** Writes a file whole or not at all, 0600, durable when it returns; never through a link (S11). */
export const writeFileAtomically = async (directory: string, name: string, data: string | Uint8Array): Promise<void> => {
  const temporary = join(directory, `.${name}.new`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const file = await open(temporary, flags, 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(directory, name));
  const folder = await open(directory, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};
