import {
  decodeIni,
  entriesOf,
  type IniEntry,
  type IniFault,
  type IniKey,
  iniFlag,
  isOf,
  one,
  parseIni,
  sameName,
  sayIniFaults,
} from '@keyhaven/core/ini';
import { NO_WPAD } from '@keyhaven/core/near-settings';
import type { Where } from '../access/index.ts';
import { checkSettings, invalidSettings, type SettingIssue, type Settings } from '../settings.ts';
import { keptKeys, keptSections } from './kept-keys.ts';
import { patternNotes } from './pattern-notes.ts';
import { ruleOf, ruleSections, settingRows } from './setting-rows.ts';

// The settings of an Admin LM from an ini file: `keyhaven.ini`, or an existing `hasplm.ini` as it is (C2). Every fault is told at once, with
// its line. What nothing uses is no fault: it is read, kept in the file and told.

/** `warn`: the file asks for something that it does not get. */
export type SettingNote = { readonly line: number; readonly level: 'info' | 'warn'; readonly text: string };

export const adminRemote = one('SERVER', 'adminremote', iniFlag);

/** The keys that an ini file may have outside of the sections of rules, by the setting or by themselves. */
const keys: Readonly<Record<string, IniKey<unknown>>> = {
  ...Object.fromEntries(
    settingRows.filter(({ path }) => !Object.values(ruleSections).some((rules) => rules.path === path)).map(({ path, ini }) => [path, ini]),
  ),
  'admin remote': adminRemote,
  ...Object.fromEntries(keptKeys.map(({ ini }) => [`kept ${ini.names[0]}`, ini])),
};

const put = (document: Record<string, unknown>, path: string, value: unknown): void => {
  const [head = '', ...rest] = path.split('.');
  if (rest.length === 0) {
    document[head] = value;
    return;
  }
  const inner = document[head];
  const next = typeof inner === 'object' && inner !== null ? { ...inner } : {};
  put(next, rest.join('.'), value);
  document[head] = next;
};

const noteOf = (entry: IniEntry): SettingNote => {
  const { line, key, section } = entry;
  const kept = keptKeys.find(({ ini }) => isOf(entry, ini));
  const name = `[${kept?.ini.section ?? section}] ${key}`;
  return { line, level: 'info', text: `${name}: kept, never used: ${kept?.never ?? 'what it means is not known'}` };
};

export type IniReading = {
  /** For `checkSettings`. */
  readonly document: Readonly<Record<string, unknown>>;
  readonly faults: readonly IniFault[];
  readonly notes: readonly SettingNote[];
  /** The lines of each setting that the file says. */
  readonly lines: ReadonlyMap<string, readonly number[]>;
  /** Where the file says something to this place in the document; undefined where it says nothing. */
  lineOf(path: readonly PropertyKey[]): number | undefined;
};

/** Never throws. */
const readIniSettings = (text: string): IniReading => {
  const { ini, faults } = parseIni(text);
  const document: Record<string, unknown> = {};
  const lines = new Map<string, readonly number[]>();
  const notes: SettingNote[] = [];
  const rest: IniEntry[] = [];
  const rules = new Map<string, IniEntry[]>();
  for (const entry of entriesOf(ini)) {
    const [, rule] = Object.entries(ruleSections).find(([section]) => sameName(section, entry.section)) ?? [];
    if (rule !== undefined) rules.set(rule.path, [...(rules.get(rule.path) ?? []), entry]);
    else if (keptSections.some((section) => sameName(section, entry.section))) notes.push(noteOf(entry));
    else rest.push(entry);
  }
  for (const [path, entries] of rules) {
    put(document, path, entries.map(ruleOf));
    lines.set(
      path,
      entries.map(({ line }) => line),
    );
  }

  const decoded = decodeIni(rest, keys);
  const wrong: IniFault[] = [...faults, ...decoded.faults];
  for (const { path, ini: key, read } of settingRows) {
    const value = decoded.values[path];
    const at = decoded.lines.get(path);
    if (at !== undefined) lines.set(path, at);
    if (value === undefined || (key.repeats && Array.isArray(value) && value.length === 0)) continue;
    const setting = read === undefined ? value : (read as (value: unknown) => unknown)(value);
    put(document, path, setting);
  }
  notes.push(...decoded.kept.map(noteOf));

  const admin = decoded.values['admin remote'];
  const [adminLine] = decoded.lines.get('admin remote') ?? [];
  if (admin === true) {
    put(document, 'access.remoteAdministration', true);
    notes.push({
      line: adminLine ?? 1,
      level: 'info',
      text: '[SERVER] adminremote: the page and the admin API have one gate, which this opens',
    });
  }
  const seconds = Number(entriesOf(ini).find((entry) => isOf(entry, one('REMOTE', 'serversearchinterval', iniFlag)))?.value);
  const [secondsLine] = lines.get('search.intervalMinutes') ?? [];
  if (seconds < 300 && secondsLine !== undefined)
    notes.push({ line: secondsLine, level: 'info', text: '[REMOTE] serversearchinterval: raised to 300, the least there is' });

  const [proxyLine] = lines.get('proxy.connect') ?? [];
  if (decoded.values['proxy.connect'] === 1 && proxyLine !== undefined)
    notes.push({ line: proxyLine, level: 'warn', text: `[SERVER] proxyconnect: no proxy is used: ${NO_WPAD}` });

  const [patternLine] = lines.get('log.pattern') ?? [];
  notes.push(...patternNotes(decoded.values['log.pattern'], patternLine, '[LOGPARAMETERS] text'));

  return {
    document,
    faults: wrong,
    notes: notes.toSorted((a, b) => a.line - b.line),
    lines,
    lineOf(path) {
      const name = path.filter((part) => typeof part !== 'number').join('.');
      const index = path.find((part) => typeof part === 'number') ?? 0;
      const own = lines.get(name)?.[index] ?? lines.get(name)?.[0];
      return own ?? [...lines].find(([other]) => other.startsWith(`${name.split('.')[0]}.`) && name.includes('.'))?.[1][0];
    },
  };
};

/**
 * Settings from the text of an ini file and what the command line says; the command line wins.
 * @throws LicensingError 501 that names every fault with its line
 */
export const parseIniSettings = (
  text: string,
  file: string,
  overrides: Readonly<Record<string, unknown>> = {},
): { readonly settings: Settings; readonly notes: readonly SettingNote[]; readonly where: Where } => {
  const reading = readIniSettings(text);
  const checked = checkSettings(reading.document, overrides);
  const issues: readonly SettingIssue[] = 'issues' in checked ? checked.issues : [];
  const faults = [...reading.faults];
  const elsewhere: string[] = [];
  for (const { path, message } of issues) {
    const line = reading.lineOf(path);
    if (line === undefined) elsewhere.push(`${path.join('.')}: ${message}`);
    else faults.push({ line, fault: `${iniNameOf(path)}: ${message}` });
  }
  const where: Where = (path, index) => {
    const line = reading.lines.get(path)?.[index ?? 0];
    return line === undefined ? undefined : { file, line };
  };
  if ('settings' in checked && faults.length === 0) return { settings: checked.settings, notes: reading.notes, where };
  throw invalidSettings([...(faults.length === 0 ? [] : [sayIniFaults(file, faults)]), ...elsewhere].join('; '));
};

/** How the ini key of a place in the settings is named to people. */
const iniNameOf = (path: readonly PropertyKey[]): string => {
  const name = path.filter((part) => typeof part !== 'number').join('.');
  const row = settingRows.find((each) => each.path === name);
  return row === undefined ? name : `[${row.ini.section}] ${row.ini.names[0]}`;
};
