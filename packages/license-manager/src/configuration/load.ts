import { LicensingError, Status } from '@keyhaven/core/errors';
import { iniTextOf, MAX_INI } from '@keyhaven/core/ini';
import type { Where } from '../access/index.ts';
import { readBounded } from '../machine/read-bounded.ts';
import { parseSettings, type Settings } from '../settings.ts';
import { parseIniSettings, type SettingNote } from './ini-settings.ts';
import { patternLineIn, patternNotes } from './pattern-notes.ts';
import { tomlLines } from './toml-places.ts';

/** BOUNDED: bytes of a file of settings; UTF-16 has four for a character at most. */
const MAX_BYTES = 4 * MAX_INI;

export type Configuration = {
  readonly settings: Settings;
  readonly notes: readonly SettingNote[];
  /** Where the file says a rule of access, or the mode of it. */
  readonly where: Where;
};
type Overrides = Readonly<Record<string, unknown>>;

/** Whether the file of this name is read as an ini file; others are TOML. */
export const isIni = (file: string): boolean => /\.ini$/i.test(file);

/** @throws LicensingError 501 that names every fault */
export const parseConfiguration = (file: string, bytes: Uint8Array, overrides: Overrides = {}): Configuration => {
  const { text } = iniTextOf(bytes);
  if (isIni(file)) return parseIniSettings(text, file, overrides);
  const toml = text.replace(/^\ufeff/, '');
  const settings = parseSettings(toml, overrides, file);
  const lineOf = tomlLines(toml, settings);
  const where: Where = (path, index) => {
    const line = lineOf(path, index);
    return line === undefined ? undefined : { file, line };
  };
  return { settings, notes: patternNotes(settings.log.pattern, patternLineIn(toml), 'log.pattern'), where };
};

/** @throws LicensingError 72 where the file is not there or cannot be read */
export const readConfigurationFile = async (file: string): Promise<Buffer> => {
  const bytes = await readBounded(file, MAX_BYTES);
  if (bytes !== undefined) return bytes;
  throw new LicensingError(Status.CANNOT_READ_FILE, {
    detail: `The configuration file ${file} cannot be read: it is not there.`,
    remedy: 'Name a file with --config that this user may read.',
  });
};

/**
 * The settings of a file, `keyhaven.ini`, an existing `hasplm.ini` or TOML, and what the command line says; the command line wins.
 * @throws LicensingError 501 that names every fault, 72 where the file cannot be read
 */
export const loadConfiguration = async (file: string | undefined, overrides: Overrides = {}): Promise<Configuration> =>
  file === undefined
    ? { settings: parseSettings('', overrides), notes: [], where: () => undefined }
    : parseConfiguration(file, await readConfigurationFile(file), overrides);

export const loadSettings = async (file: string | undefined, overrides: Overrides = {}): Promise<Settings> =>
  (await loadConfiguration(file, overrides)).settings;
