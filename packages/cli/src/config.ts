import { LicensingError, Status } from '@keyhaven/core/errors';
import { changeIniFile, loadConfiguration, parseSettings, type SettingChanges, settingFacts, valueAt } from '@keyhaven/license-manager';
import { Command } from 'commander';
import { printJson } from './print.ts';

// keyhaven config: what a file of settings means, and changes of one that keep all else in it.

const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/\p{Cc}+/gu, ' ');

const checkCommand = (): Command =>
  new Command('check')
    .description('says what a file of settings means, and every fault of it')
    .argument('<file>', 'keyhaven.ini, an existing hasplm.ini, or TOML')
    .option('--json', 'one JSON document')
    .action(async (file: string, { json }: { readonly json?: boolean }) => {
      const { settings, notes } = await loadConfiguration(file);
      if (json === true) return printJson({ settings, notes });
      const usual = parseSettings('');
      const lines = settingFacts().flatMap(({ path }) => {
        const value = valueAt(settings, path);
        return JSON.stringify(value) === JSON.stringify(valueAt(usual, path)) ? [] : [`${path} = ${plain(value)}`];
      });
      const said = notes.map(({ line, level, text }) => `line ${line}: ${level === 'warn' ? 'attention: ' : ''}${plain(text)}`);
      process.stdout.write([...(lines.length === 0 ? ['all settings as by default'] : lines), ...said, 'valid', ''].join('\n'));
    });

const valueOf = (type: string, text: string): unknown => {
  if (type === 'boolean') return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;
  return text;
};

/** `search.broadcast=false`; a list is said in several of them, and nothing behind the = takes the setting out. */
const changesIn = (texts: readonly string[]): SettingChanges => {
  const changes: Record<string, unknown> = {};
  const lists = new Map<string, string[]>();
  for (const text of texts) {
    const [, path, value] = /^([A-Za-z.]+)=(.*)$/.exec(text) ?? [];
    if (path === undefined || value === undefined)
      throw new LicensingError(Status.INVALID_PARAMETER, {
        detail: `${plain(text).slice(0, 80)} is not NAME=VALUE.`,
        remedy: 'Write for example search.broadcast=false; docs/guide/operate.md has all names.',
      });
    const type = settingFacts().find((each) => each.path === path)?.type ?? '';
    if (type === 'array') {
      const list = [...(lists.get(path) ?? []), ...(value === '' ? [] : [value])];
      lists.set(path, list);
      changes[path] = list;
    } else changes[path] = value === '' ? undefined : valueOf(type, value);
  }
  return changes;
};

const setCommand = (): Command =>
  new Command('set')
    .description('changes settings in an ini file and keeps everything else in it')
    .argument('<file>', 'an ini file; made where it is missing')
    .argument('<changes...>', 'NAME=VALUE; several of one NAME make a list; NAME= takes the setting out')
    .action(async (file: string, texts: readonly string[]) => changeIniFile(file, changesIn(texts)));

export const configCommand = (): Command =>
  new Command('config').description('files of settings').addCommand(checkCommand()).addCommand(setCommand());
