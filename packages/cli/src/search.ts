import { keyTypes } from '@keyhaven/core/license';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { askJson, type Common, whole, withExamples } from './parts.ts';
import { printJson, table } from './print.ts';
import { isListName, type ListName, listNames, lists } from './search-lists.ts';
import { withLm } from './with-lm.ts';

// keyhaven search: text in all lists of a license manager, as the search of the page; or one list with filters, in an order, as long as it may be (C3, C4).

/** BOUNDED: rows of one request; a longer list is asked for in pages. */
const PAGE = 1_000;
const SHOWN = 10;

type Filters = {
  readonly key?: string;
  readonly vendor?: number;
  readonly product?: number;
  readonly feature?: number;
  readonly user?: string;
  readonly host?: string;
  readonly type?: string;
  readonly state?: string;
  readonly kind?: string;
  readonly local?: boolean;
  readonly sort?: string;
  readonly desc?: boolean;
};
type Options = Common & Filters & { readonly in?: string; readonly limit?: number; readonly all?: boolean };
type Found = { readonly total: number; readonly items: readonly Record<string, unknown>[] };

const page = z.object({ items: z.array(z.looseObject({})), next: z.string().nullable(), total: z.number() });

const filtersIn = (options: Options): [string, string][] => {
  const { key, vendor, product, feature, user, host, type, state, kind, local, sort, desc } = options;
  const order = desc === undefined ? undefined : desc ? 'desc' : 'asc';
  const given = { key, vendor, product, feature, user, host, type, state, kind, local, sort, order };
  return Object.entries(given).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, String(value)]]));
};

const ask = async (lm: string, list: ListName, query: readonly [string, string][], limit: number): Promise<Found> => {
  const items: Record<string, unknown>[] = []; // BOUNDED by the limit
  let [cursor, total]: [string | null, number] = ['', 0];
  while (cursor !== null && items.length < limit) {
    const params = new URLSearchParams([...query, ['limit', String(Math.min(PAGE, limit - items.length))]]);
    if (cursor !== '') params.set('cursor', cursor);
    const found: z.infer<typeof page> = await askJson(page, lm, 'GET', `/api/v1/list/${list}?${params.toString()}`);
    items.push(...found.items);
    total = found.total;
    cursor = found.items.length === 0 ? null : found.next;
  }
  return { total, items };
};

const sayOne = (list: ListName, { total, items }: Found): string => {
  const { heads, row } = lists[list];
  const more = total > items.length ? `${items.length} of ${total}; --limit N or --all shows more\n` : '';
  return table(heads, items.map(row), `Nothing of that is among the ${list}.`) + more;
};

export const searchCommand = (): Command => {
  const command = withLm(
    new Command('search').description(
      'finds text in keys, products, features, sessions and license managers; or goes through one of the lists',
    ),
  )
    .argument('[text]', 'a part of a name, a user, a computer or a number; upper and lower case are one')
    .addOption(new Option('--in <list>', 'only in this list, whole rows of it').choices(listNames))
    .option('--key <id>', 'only of this key')
    .option('--vendor <id>', 'only of this vendor', whole(0, 0xffff_ffff))
    .option('--product <id>', 'only of this product', whole(0, 0xffff_ffff))
    .option('--feature <id>', 'only of this feature', whole(0, 0xffff_ffff))
    .option('--user <name>', 'only of this user')
    .option('--host <name>', 'only of this computer')
    .addOption(new Option('--type <type>', 'only keys of this type').choices(keyTypes))
    .addOption(new Option('--state <state>', 'only license managers in this state').choices(['linked', 'lost']))
    .option('--kind <kind>', 'only records of the audit of this kind, like refused')
    .option('--local', 'only what is in keys here')
    .option('--no-local', 'only what is in keys of other license managers')
    .option('--sort <field>', 'in the order of this field')
    .option('--desc', 'the other way round')
    .option('--limit <n>', `how many rows of a list at most (${SHOWN}; with --in 100)`, whole(1, 1_000_000))
    .addOption(new Option('--all', 'all rows, however many').conflicts('limit'))
    .option('--json', 'one JSON document')
    .action(async (text: string | undefined, options: Options) => {
      const query = filtersIn(options);
      const wanted = isListName(options.in) ? [options.in] : listNames.filter((name) => name !== 'audit' || options.kind !== undefined);
      const fits = wanted.filter((name) => query.every(([filter]) => filter === 'order' || lists[name].filters.includes(filter)));
      if (text === undefined && query.length === 0 && options.in === undefined)
        return command.error('error: say what to search for: a text, --in LIST, or a filter like --user NAME', { exitCode: 2 });
      if (fits.length === 0) {
        const names = query.map(([name]) => `--${name}`).join(' and ');
        const known = wanted.map((name) => `${name}: ${lists[name].filters.map((filter) => `--${filter}`).join(', ')}`).join('; ');
        return command.error(`error: ${names} fit no list: ${known}`, { exitCode: 2 });
      }
      const limit = options.all === true ? Number.MAX_SAFE_INTEGER : (options.limit ?? (options.in === undefined ? SHOWN : 100));
      const said = text === undefined ? query : [...query, ['q', text] as [string, string]];
      const found = await Promise.all(fits.map(async (list) => [list, await ask(options.lm, list, said, limit)] as const));
      if (options.json === true) return printJson(Object.fromEntries(found));
      const some = found.filter(([, { items }]) => items.length > 0);
      const parts = some.map(([list, rows]) => (found.length === 1 ? '' : `${list}\n`) + sayOne(list, rows));
      process.stdout.write(
        parts.length === 0 ? 'Nothing was found. Try a part of a name, a user, a computer or a number.\n' : parts.join('\n'),
      );
    });
  return withExamples(
    command,
    'keyhaven search survey',
    'keyhaven search --in features --sort ends --local',
    'keyhaven search --in audit --kind refused --user ada --json',
    'keyhaven search --in sessions --host drawing --all',
  );
};
