import { readFile } from 'node:fs/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';

export const ADMIN_PASSWORD = 'KEYHAVEN_ADMIN_PASSWORD';

/** The first line of a file. @throws LicensingError CANNOT_READ_FILE (72) */
export const passwordIn = async (file: string): Promise<string> => {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0] ?? '';
  } catch (cause) {
    throw new LicensingError(Status.CANNOT_READ_FILE, { detail: `${file} cannot be read.`, cause });
  }
};
