import { LicensingError, Status } from '@keyhaven/core/errors';
import { DEFAULT_NEAR_SETTINGS, vendorOfNearFile } from '@keyhaven/core/near-settings';
import type { SettingChanges } from '@keyhaven/license-manager';
import { Command } from 'commander';
import { type Common, withExamples } from './parts.ts';
import { printJson } from './print.ts';
import { resetCommand, setAtLm, showCommand } from './settings-lm.ts';
import { plain } from './width.ts';
import { withLm } from './with-lm.ts';

// keyhaven config: settings of a license manager that runs; and what a file of settings means, and changes of one that keep all else in it.

const said = (value: unknown): string => plain(typeof value === 'string' ? value : JSON.stringify(value));

type Note = { readonly line: number; readonly level: 'info' | 'warn'; readonly text: string };
const noteLine = ({ line, level, text }: Note): string => `line ${line}: ${level === 'warn' ? 'attention: ' : ''}${plain(text)}`;

/** Of an External or Integrated LM: what differs from the defaults, and what has no effect and why. */
const checkNearFile = async (file: string, json: boolean): Promise<void> => {
  const { readNearFile } = await import('@keyhaven/license-manager/near');
  const { settings, notes } = await readNearFile(file);
  if (json) return printJson({ settings, notes });
  const lines = Object.entries(settings).flatMap(([name, value]) =>
    JSON.stringify(value) === JSON.stringify(Object.entries(DEFAULT_NEAR_SETTINGS).find(([each]) => each === name)?.[1])
      ? []
      : [`${name} = ${said(value)}`],
  );
  process.stdout.write([...(lines.length === 0 ? ['all settings as by default'] : lines), ...notes.map(noteLine), 'valid', ''].join('\n'));
};

const checkCommand = (): Command =>
  new Command('check')
    .description('says what a file of settings means, and every fault of it')
    .argument('<file>', 'keyhaven.ini, an existing hasplm.ini, TOML, or keyhaven_<vendorid>.ini of an External or Integrated LM')
    .option('--json', 'one JSON document')
    .action(async (file: string, { json }: { readonly json?: boolean }) => {
      if (vendorOfNearFile(file) !== undefined) return checkNearFile(file, json === true);
      const { loadConfiguration, settingFacts, valueAt } = await import('@keyhaven/license-manager/configuration');
      const { settings, notes } = await loadConfiguration(file);
      if (json === true) return printJson({ settings, notes });
      const { settings: usual } = await loadConfiguration(undefined);
      const lines = settingFacts().flatMap(({ path }) => {
        const value = valueAt(settings, path);
        return JSON.stringify(value) === JSON.stringify(valueAt(usual, path)) ? [] : [`${path} = ${said(value)}`];
      });
      process.stdout.write(
        [...(lines.length === 0 ? ['all settings as by default'] : lines), ...notes.map(noteLine), 'valid', ''].join('\n'),
      );
    });

const valueOf = (type: string, text: string): unknown => {
  if (type === 'boolean') return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;
  return text;
};

const CHANGE = /^([A-Za-z.]+)=(.*)$/s;
const pairIn = (text: string): readonly [path: string, value: string] => {
  const [, path, value] = CHANGE.exec(text) ?? [];
  if (path !== undefined && value !== undefined) return [path, value];
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: `${plain(text).slice(0, 80)} is not NAME=VALUE.`,
    remedy: 'Write for example search.broadcast=false; docs/guide/operate.md has all names.',
  });
};

/** `search.broadcast=false`; a list is said in several of them, and nothing behind the = takes the setting out. */
const changesIn = (types: ReadonlyMap<string, string>, pairs: readonly (readonly [path: string, value: string])[]): SettingChanges => {
  const changes: Record<string, unknown> = {};
  const lists = new Map<string, string[]>();
  for (const [path, value] of pairs) {
    const type = types.get(path) ?? '';
    if (type === 'array') {
      const list = [...(lists.get(path) ?? []), ...(value === '' ? [] : [value])];
      lists.set(path, list);
      changes[path] = list;
    } else changes[path] = value === '' ? undefined : valueOf(type, value);
  }
  return changes;
};

const setCommand = (): Command => {
  const command = withLm(
    new Command('set').description(
      'changes settings of the license manager; or, where a file is named first, those of an ini file, and keeps everything else in it',
    ),
  )
    .usage('[options] [file] NAME=VALUE...')
    .argument(
      '<words...>',
      'NAME=VALUE; several of one NAME make a list; NAME= takes the setting out. An ini file before them is made where it is missing',
    )
    .option('--json', 'one JSON document')
    .action(async (words: string[], options: Common) => {
      const [first = '', ...rest] = words;
      if (CHANGE.test(first)) return setAtLm(options, words.map(pairIn));
      if (rest.length === 0)
        return command.error(`error: what to set in ${plain(first).slice(0, 80)}? Write it like search.broadcast=false`, { exitCode: 2 });
      const { changeIniFile, settingFacts } = await import('@keyhaven/license-manager/configuration');
      const types = new Map(settingFacts().map(({ path, type }) => [path, type]));
      await changeIniFile(first, changesIn(types, rest.map(pairIn)));
    });
  return withExamples(
    command,
    'keyhaven config set search.intervalMinutes=10',
    "keyhaven config set 'access.users=allow=ada' 'access.users=deny=*'",
    'keyhaven config set ./keyhaven.ini search.broadcast=false',
  );
};

export const configCommand = (): Command =>
  new Command('config')
    .description('settings of the license manager, and files of settings')
    .addCommand(showCommand())
    .addCommand(setCommand())
    .addCommand(resetCommand())
    .addCommand(checkCommand());
