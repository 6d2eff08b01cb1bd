import { homedir } from 'node:os';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { iniTextOf, MAX_INI, sayIniFaults } from '@keyhaven/core/ini';
import {
  DEFAULT_NEAR_SETTINGS,
  type NearIni,
  type NearNote,
  type NearOverrides,
  type NearPlace,
  type NearSettings,
  nearFiles,
  readNearIni,
  withOverrides,
} from '@keyhaven/core/near-settings';
import { readBounded } from '../machine/read-bounded.ts';

export type LoadedNearSettings = {
  readonly settings: NearSettings;
  /** What was read; absent where there is no file. */
  readonly file?: string;
  /** What of the file has no effect, or another one than it says. */
  readonly notes: readonly NearNote[];
};

/** BOUNDED: bytes of a file; its text is bounded once more. */
const MAX_BYTES = 4 * MAX_INI;

/** @throws LicensingError 501 that names every fault of the file with its line */
const settingsIn = (path: string, bytes: Uint8Array): NearIni => {
  const read = readNearIni(iniTextOf(bytes).text);
  if (read.faults.length === 0) return read;
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: `The settings of the license manager are not valid: ${sayIniFaults(path, read.faults)}.`,
    remedy: 'Correct these lines, or put a ; in front of them; docs/guide/near-settings.md lists all keys.',
  });
};

/** What a file of this name means. @throws LicensingError as `loadNearSettings`, 72 where it is not there */
export const readNearFile = async (path: string): Promise<NearIni> => {
  const bytes = await readBounded(path, MAX_BYTES);
  if (bytes !== undefined) return settingsIn(path, bytes);
  throw new LicensingError(Status.CANNOT_READ_FILE, { detail: `The settings file ${path} is not there.` });
};

/**
 * The settings of the External or Integrated LM of this vendor: the first file that is there, and over it what the application says.
 * @throws LicensingError 501 that names every fault of the file with its line, 72 where the file is there and cannot be read
 */
export const loadNearSettings = async (vendor: number, place: NearPlace, overrides: NearOverrides = {}): Promise<LoadedNearSettings> => {
  for (const path of nearFiles(place, vendor)) {
    const bytes = await readBounded(path, MAX_BYTES);
    if (bytes === undefined) continue;
    const { settings, notes } = settingsIn(path, bytes);
    return { settings: withOverrides(settings, overrides), file: path, notes };
  }
  return { settings: withOverrides(DEFAULT_NEAR_SETTINGS, overrides), notes: [] };
};

/** For an application whose files are in `beside`. */
export const thisNearPlace = (beside: string | undefined): NearPlace => ({
  beside,
  env: process.env,
  platform: process.platform,
  home: homedir(),
});
