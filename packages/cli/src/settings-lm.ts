import { LicensingError, Status } from '@keyhaven/core/errors';
import { Command } from 'commander';
import { z } from 'zod';
import { askJson, type Common, withExamples } from './parts.ts';
import { printJson, table } from './print.ts';
import { plain } from './width.ts';
import { withLm } from './with-lm.ts';

// keyhaven config show, set and reset: the settings of a license manager that runs, as the page has them (C2, C4). It writes its own file, and says what
// holds at once and what after a start.

const value = z.unknown();
const setting = z.looseObject({
  path: z.string(),
  value,
  default: value,
  source: z.string(),
  running: value,
  type: z.string(),
  bounds: z.string(),
  live: z.boolean(),
  widens: z.boolean(),
  effect: z.string(),
});
const report = z.looseObject({
  file: z.string().nullable(),
  writable: z.boolean(),
  fault: z.string().nullable(),
  notes: z.array(z.looseObject({ line: z.number(), level: z.string(), text: z.string() })),
  settings: z.array(setting),
});
const changed = z.object({ now: z.array(z.string()), restart: z.array(z.string()) });
type Setting = z.infer<typeof setting>;

const URL = '/api/v1/settings';
const say = (of: unknown): string => plain(of === null ? 'none' : typeof of === 'string' ? of : JSON.stringify(of));
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const settingsOf = (lm: string): Promise<z.infer<typeof report>> => askJson(report, lm, 'GET', URL);

/** `search.*` and `LOG` find what a person means by them: `*` is any text; without one, names that contain it. */
const matcher = (pattern: string): ((path: string) => boolean) => {
  const text = pattern.toLowerCase();
  if (!text.includes('*')) return (path) => path.toLowerCase().includes(text);
  const parts = text.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const found = new RegExp(`^${parts.join('.*')}$`);
  return (path) => found.test(path.toLowerCase());
};

const unknownSetting = (name: string): LicensingError =>
  new LicensingError(Status.INVALID_PARAMETER, {
    detail: `There is no setting ${JSON.stringify(name.slice(0, 80))}.`,
    remedy: 'List all of them with: keyhaven config show',
  });

const one = (each: Setting): string =>
  [
    `${each.path} = ${say(each.value)}`,
    `  ${plain(each.effect).replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1')}`,
    `  default ${say(each.default)}; ${plain(each.type)}, ${plain(each.bounds)}; set by ${plain(each.source)}`,
    `  a change holds ${each.live ? 'at once' : 'after a start'}${each.widens ? '; it is made on that computer only' : ''}`,
    ...(isSame(each.value, each.running) ? [] : [`  until the next start ${say(each.running)} holds`]),
    '',
  ].join('\n');

const forPeople = (rows: readonly Setting[]): string =>
  table(
    ['SETTING', 'VALUE', 'SET BY', 'A CHANGE HOLDS', 'HOLDS NOW'],
    rows.map((each) => [
      each.path,
      say(each.value),
      each.source,
      each.live ? 'at once' : 'after a start',
      isSame(each.value, each.running) ? '' : `${say(each.running)}, until the next start`,
    ]),
    'No setting is like that. List all of them with: keyhaven config show',
  );

export const showCommand = (): Command =>
  withExamples(
    withLm(new Command('show').description('the settings of the license manager: what they are, who set them, and when a change holds'))
      .argument('[pattern]', 'only those whose name contains this; * is any text. A whole name is told in full')
      .option('--changed', 'only those that are not as by default')
      .option('--json', 'one JSON document')
      .action(async (pattern: string | undefined, { lm, changed: only, json }: Common & { readonly changed?: boolean }) => {
        const all = await settingsOf(lm);
        const matches = pattern === undefined ? () => true : matcher(pattern);
        const rows = all.settings.filter((each) => matches(each.path) && (only !== true || each.source !== 'default'));
        if (json === true) return printJson({ ...all, settings: rows });
        const exact = rows.find(({ path }) => path === pattern);
        process.stdout.write(exact === undefined ? forPeople(rows) : one(exact));
        if (all.fault !== null) process.stderr.write(`attention: ${plain(all.fault)}\n`);
        for (const { line, text } of all.notes) process.stderr.write(`line ${line} of ${plain(all.file ?? '')}: ${plain(text)}\n`);
      }),
    'keyhaven config show',
    'keyhaven config show log.pattern',
    "keyhaven config show 'search.*' --changed --json",
  );

const sayChange = ({ now, restart }: z.infer<typeof changed>, wanted: readonly string[]): string => {
  const same = wanted.filter((path) => !now.includes(path) && !restart.includes(path));
  return [
    ...now.map((path) => `${plain(path)} holds now\n`),
    ...restart.map(
      (path) =>
        `${plain(path)} ${wanted.includes(path) ? 'holds' : 'changed before and holds, too,'} after a start of the license manager\n`,
    ),
    ...same.map((path) => `${plain(path)} was so already\n`),
  ].join('');
};

const send = async ({ lm, json }: Common, settings: Readonly<Record<string, unknown>>): Promise<void> => {
  const done = await askJson(changed, lm, 'PUT', URL, { settings });
  if (json === true) printJson(done);
  else process.stdout.write(sayChange(done, Object.keys(settings)));
};

/** The JSON value of what was typed. @throws LicensingError INVALID_PARAMETER (501) where it is none of the type */
const valueOf = ({ path, type, bounds }: Setting, text: string): unknown => {
  const isNumber = type === 'integer' || type === 'number';
  if (type === 'boolean' && /^(?:true|false|0|1)$/.test(text)) return text === 'true' || text === '1';
  if (isNumber && /^-?\d{1,15}(?:\.\d{1,15})?$/.test(text)) return Number(text);
  if (!isNumber && type !== 'boolean') return text;
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: `${JSON.stringify(text.slice(0, 80))} is nothing that ${path} can be.`,
    remedy: isNumber ? `Write a number, ${plain(bounds)}.` : 'Write true or false.',
  });
};

/**
 * `search.broadcast=false`; several of one name make a list, and nothing behind the = takes a setting out.
 * @throws LicensingError
 */
export const setAtLm = async (options: Common, changes: readonly (readonly [path: string, text: string])[]): Promise<void> => {
  const { settings } = await settingsOf(options.lm);
  const wanted = new Map<string, unknown>();
  for (const [path, text] of changes) {
    const known = settings.find((each) => each.path === path);
    if (known === undefined) throw unknownSetting(path);
    const list = changes.filter((each) => each[0] === path && each[1] !== '').map((each) => each[1]);
    if (list.length === 0) wanted.set(path, null);
    else wanted.set(path, known.type === 'array' ? list : valueOf(known, text));
  }
  await send(options, Object.fromEntries(wanted));
};

export const resetCommand = (): Command =>
  withExamples(
    withLm(new Command('reset').description('takes settings out of the file of the license manager, so that their defaults hold'))
      .argument('<names...>', 'as in: keyhaven config show; with * in it, all like it that the file sets')
      .option('--json', 'one JSON document')
      .action(async (names: string[], options: Common) => {
        const { settings } = await settingsOf(options.lm);
        const paths = names.flatMap((name) => {
          if (name.includes('*'))
            return settings.filter((each) => each.source === 'file' && matcher(name)(each.path)).map((each) => each.path);
          if (settings.every(({ path }) => path !== name)) throw unknownSetting(name);
          return [name];
        });
        await send(options, Object.fromEntries(paths.map((path) => [path, null])));
      }),
    'keyhaven config reset search.intervalMinutes',
    "keyhaven config reset 'search.*'",
  );
