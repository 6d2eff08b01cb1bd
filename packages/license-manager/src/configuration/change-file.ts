import { constants } from 'node:fs';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import {
  EMPTY_INI,
  editIni,
  type Ini,
  type IniValue,
  iniBytesOf,
  iniTextOf,
  isOf,
  parseIni,
  sayIniFaults,
  writeIni,
} from '@keyhaven/core/ini';
import { readBounded } from '../machine/read-bounded.ts';
import { adminRemote, parseIniSettings } from './ini-settings.ts';
import { isIni } from './load.ts';
import { localOnly, ruleSections, saysTo, settingRows } from './setting-rows.ts';

// Changes settings in an ini file and leaves everything else in it as it is: comments, order, keys that nothing uses yet.

/** New values by the names of settings; undefined takes the setting out, so that its default holds. */
export type SettingChanges = Readonly<Record<string, unknown>>;

const textOf = (value: unknown): string => (typeof value === 'boolean' ? (value ? '1' : '0') : String(value));

/** @throws LicensingError 501 for a setting that there is not, and a value that no line can hold */
export const withSettings = (ini: Ini, changes: SettingChanges): Ini => {
  let edited = ini;
  for (const [path, value] of Object.entries(changes)) {
    const row = settingRows.find((each) => each.path === path);
    if (row === undefined)
      throw new LicensingError(Status.INVALID_PARAMETER, {
        detail: `There is no setting ${JSON.stringify(path.slice(0, 80))}.`,
        remedy: 'docs/guide/operate.md lists all of them.',
      });
    const { section, names } = row.ini;
    const list = value === undefined ? [] : Array.isArray(value) ? value : [value];
    const texts = row.write !== undefined && value !== undefined ? row.write(value) : list.map(textOf);
    const wanted = texts.map((text): IniValue => {
      if (!Object.hasOwn(ruleSections, section)) return { key: names[0], value: text };
      const equals = text.indexOf('=');
      return { key: text.slice(0, equals).trim(), value: text.slice(equals + 1).trim() };
    });
    edited = editIni(edited, section, (entry) => saysTo(entry, row), wanted);
    // What an older key says to the same setting must not undo the change.
    const rival = path === 'access.remoteAdministration' ? adminRemote : path === 'bind' ? localOnly : undefined;
    if (rival !== undefined) edited = editIni(edited, section, (entry) => isOf(entry, rival), []);
  }
  return edited;
};

/** Puts a file in the place of another one with its rights and owner, whole or not at all; of a link, in the place of what it names. */
const replaceFile = async (file: string, bytes: Uint8Array): Promise<void> => {
  const target = await realpath(file).catch(() => file);
  const before = await stat(target).catch(() => undefined);
  const temporary = join(dirname(target), `.${basename(target)}.new`);
  await rm(temporary, { force: true });
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  try {
    await using written = await open(temporary, flags, before === undefined ? 0o644 : before.mode & 0o777);
    if (before !== undefined) {
      await written.chmod(before.mode & 0o777);
      // Only root may give a file away, and whoever is not root owns it already or may not keep its owner.
      await written.chown(before.uid, before.gid).catch(() => undefined);
    }
    await written.writeFile(bytes);
    await written.sync();
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
};

/**
 * Writes the changes into the file, whole or not at all, and makes it where it is missing. What the file would then say is checked first.
 * @throws LicensingError 501 where the file or a change is not valid, 72 where it cannot be read; as it is written, errors of the system
 */
export const changeIniFile = async (
  file: string,
  changes: SettingChanges,
  overrides: Readonly<Record<string, unknown>> = {},
): Promise<void> => {
  if (!isIni(file))
    throw new LicensingError(Status.REQ_NOT_SUPP, {
      detail: `${file} is no ini file, and only those are changed without losing what people wrote into them.`,
      remedy: 'Change it in an editor, or use a file whose name ends with .ini.',
    });
  const bytes = await readBounded(file, 8 * 1024 * 1024);
  const { text, encoding } = bytes === undefined ? { text: '', encoding: 'utf8' as const } : iniTextOf(bytes);
  const { ini, faults } = parseIni(text);
  if (faults.length > 0)
    throw new LicensingError(Status.INVALID_PARAMETER, { detail: sayIniFaults(file, faults), remedy: 'Correct these lines first.' });
  const next = writeIni(withSettings(bytes === undefined ? EMPTY_INI : ini, changes));
  parseIniSettings(next, file, overrides);
  await replaceFile(file, iniBytesOf(next, encoding));
};
