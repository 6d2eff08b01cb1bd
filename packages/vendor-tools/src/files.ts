import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';

// Files that are there whole or not at all: written beside their place, forced to the disk, then moved there (S11).

export const errorCode = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @throws LicensingError CANNOT_READ_FILE (72); INV_FORMAT (15) where the file is larger than `limit` bytes. */
export const readWhole = async (path: string, limit: number): Promise<Buffer> => {
  try {
    const file = await open(path, 'r');
    try {
      // One byte more than allowed is asked for: what grows or has no size (a pipe, a device) costs bounded memory too.
      const parts: Buffer[] = [];
      let size = 0;
      for await (const part of file.createReadStream({ end: limit, autoClose: false })) {
        if (!Buffer.isBuffer(part)) throw new TypeError('a stream of text');
        parts.push(part);
        size += part.length;
      }
      if (size > limit) throw new LicensingError(Status.INV_FORMAT, { detail: `${path} is larger than ${limit} bytes.` });
      return Buffer.concat(parts);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof LicensingError) throw error;
    throw new LicensingError(Status.CANNOT_READ_FILE, { detail: `${path}: ${reason(error)}.`, cause: error });
  }
};

export const syncDirectory = async (directory: string): Promise<void> => {
  // Windows cannot open directories; there the file system orders the rename itself.
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/**
 * @param options.mode permissions; 0o600 for secrets.
 * @param options.exclusive leaves a file that is there already alone and rejects with the system's EEXIST.
 * @throws LicensingError SYS_ERR (13) where the system refuses.
 */
export const writeFileAtomically = async (
  path: string,
  content: string | Uint8Array,
  options: { readonly mode?: number; readonly exclusive?: boolean } = {},
): Promise<void> => {
  const beside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    try {
      const file = await open(beside, 'wx', options.mode ?? 0o644);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      if (options.exclusive === true) await link(beside, path);
      else await rename(beside, path);
    } finally {
      await rm(beside, { force: true });
    }
    await syncDirectory(dirname(path));
  } catch (error) {
    if (options.exclusive === true && errorCode(error) === 'EEXIST') throw error;
    throw cannotWrite(path, error);
  }
};

/** The lines of a file, one at a time; none where there is no such file. @throws LicensingError CANNOT_READ_FILE (72) */
export async function* readLines(path: string): AsyncIterable<string> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw new LicensingError(Status.CANNOT_READ_FILE, { detail: `${path}: ${reason(error)}.`, cause: error });
  }
  try {
    yield* file.readLines();
  } finally {
    await file.close();
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its directory does not exist',
  ENOTDIR: 'a part of the path is not a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the quota of this user is used up',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a directory',
};

export const cannotWrite = (path: string, error: unknown, consequence = ''): LicensingError =>
  new LicensingError(Status.SYS_ERR, {
    detail: `${path} cannot be written: ${REASONS[errorCode(error)] ?? reason(error)}.${consequence}`,
    remedy: 'Check the path, the permissions and the free space there.',
    cause: error,
  });
