import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Settings } from '../settings.ts';
import { changeIniFile, type SettingChanges } from './change-file.ts';
import { type Change, valueAt } from './live.ts';
import { type Configuration, isIni, loadConfiguration } from './load.ts';
import { checkPattern } from './pattern-notes.ts';
import { settingFacts } from './reference.ts';
import { settingRows } from './setting-rows.ts';

// The settings of a license manager as administrators see and change them (C4). Only its own file is written, which no request names (S17); what the
// whole file would say is checked before anything is written; what widens access says so (S7).

export type SettingInfo = {
  readonly path: string;
  /** What the file and the command line say; null = nothing. */
  readonly value: unknown;
  readonly default: unknown;
  readonly source: 'default' | 'file' | 'command line';
  /** What holds now, where that is something else: it waits for a restart. */
  readonly running: unknown;
  readonly type: string;
  readonly bounds: string;
  readonly live: boolean;
  readonly widens: boolean;
  readonly effect: string;
};
export type SettingsReport = {
  /** null = there is none to write to. */
  readonly file: string | null;
  readonly writable: boolean;
  /** What is wrong with the file as it is now; the settings are then those that hold. */
  readonly fault: string | null;
  readonly notes: readonly { readonly line: number; readonly level: string; readonly text: string }[];
  readonly settings: readonly SettingInfo[];
};
export type AdministeredSettings = {
  read(): Promise<SettingsReport>;
  /** @throws LicensingError 501 where the file or a change is not valid, 16 where there is no such file; as it is written, 13 */
  change(changes: SettingChanges): Promise<Change>;
};

/** What another computer may change with the password. All else may open this one to somebody, or names a file or an address (S7, S18). */
const NARROW =
  /^(?:name|idleConnectionMinutes|sessionIdleMinutes|page\.(?:refreshSeconds|rows)|pidFile|temporaryFileDays|hardwareC2v|search\.(?:broadcast|aggressive|intervalMinutes)|access\.(?:remoteLicenses|users)|detach\.\w+|rest\.idleSeconds|protection\.duplicateKey)$/;
export const widensAccess = (path: string): boolean => !NARROW.test(path);

const plain = (value: unknown): unknown => value ?? null;

export const createAdministeredSettings = (options: {
  readonly file: string | undefined;
  readonly overrides: Readonly<Record<string, unknown>>;
  /** What the license manager goes by. */
  readonly current: () => Settings;
  readonly apply: (configuration: Configuration) => Change;
}): AdministeredSettings => {
  const { file, overrides } = options;
  let changing: Promise<unknown> = Promise.resolve();
  const loaded = async (): Promise<Configuration & { readonly fault: string | null }> => {
    try {
      return { ...(await loadConfiguration(file, overrides)), fault: null };
    } catch (error) {
      // It may be made by the first change.
      const missing = error instanceof LicensingError && error.status === Status.CANNOT_READ_FILE;
      const usual = await loadConfiguration(undefined, overrides);
      if (missing) return { ...usual, fault: null };
      return { ...usual, settings: options.current(), fault: error instanceof Error ? error.message : String(error) };
    }
  };
  const change = async (changes: SettingChanges): Promise<Change> => {
    if (file === undefined)
      throw new LicensingError(Status.REQ_NOT_SUPP, {
        detail: 'This license manager has no file of settings.',
        remedy: 'Start it with --config FILE, a file whose name ends with .ini.',
      });
    checkPattern(changes['log.pattern']);
    try {
      await changeIniFile(file, changes, overrides);
    } catch (error) {
      if (error instanceof LicensingError) throw error;
      throw new LicensingError(Status.SYS_ERR, {
        detail: `The file of settings cannot be written: ${error instanceof Error ? error.message : ''}.`,
        remedy: 'Let the user of the license manager write it and its folder, or change it in an editor.',
        cause: error,
      });
    }
    return options.apply(await loadConfiguration(file, overrides));
  };
  return {
    async read() {
      const { settings, notes, fault } = await loaded();
      const usual = (await loadConfiguration(undefined)).settings;
      const infos = settingFacts().flatMap(({ path, type, bounds }): SettingInfo[] => {
        const row = settingRows.find((each) => each.path === path);
        if (row === undefined) return [];
        const [value, normal, running] = [settings, usual, options.current()].map((of) => plain(valueAt(of, path)));
        const own = JSON.stringify(value) === JSON.stringify(normal) ? 'default' : 'file';
        const source = valueIn(overrides, path) === undefined ? own : 'command line';
        return [
          { path, value, default: normal, source, running, type, bounds, live: row.live, widens: widensAccess(path), effect: row.effect },
        ];
      });
      const said = notes.map(({ line, level, text }) => ({ line, level, text }));
      return { file: file ?? null, writable: file !== undefined && isIni(file), fault, notes: said, settings: infos };
    },
    change(changes) {
      const result = changing.then(() => change(changes));
      changing = result.catch(() => undefined);
      return result;
    },
  };
};

/** What the command line says. */
const valueIn = (overrides: Readonly<Record<string, unknown>>, path: string): unknown => {
  const [first = '', second] = path.split('.');
  const value = overrides[first];
  if (second === undefined || typeof value !== 'object' || value === null) return value;
  return Object.entries(value).find(([name]) => name === second)?.[1];
};
