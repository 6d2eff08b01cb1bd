import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { LicensingError, Status } from '@keyhaven/core/errors';

/**
 * At most so many bytes of a file that a person wrote; undefined where it is not there.
 * @throws LicensingError CANNOT_READ_FILE (72)
 */
export const readBounded = async (path: string, limit: number): Promise<Buffer | undefined> => {
  try {
    const file = openSync(path, 'r');
    try {
      // What lies about its size, as files of the kernel do, is read as if it had none.
      const buffer = Buffer.alloc(Math.min(fstatSync(file).size, limit));
      let filled = 0;
      while (filled < buffer.length) {
        const bytes = readSync(file, buffer, filled, buffer.length - filled, filled);
        if (bytes === 0) break;
        filled += bytes;
      }
      return buffer.subarray(0, filled);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new LicensingError(Status.CANNOT_READ_FILE, {
      detail: `The file ${path} cannot be read${typeof code === 'string' ? ` (${code})` : ''}.`,
      remedy: 'Let this user read the file, or take it away.',
      cause,
    });
  }
};
