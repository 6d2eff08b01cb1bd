import { parseDuration } from '@keyhaven/core/parse';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { lookOf } from './color.ts';
import { askLm, askQuietly, followLm, type LmTarget, parseTarget } from './lm-client.ts';
import { printJson, table } from './print.ts';
import { endedByUser } from './stop.ts';
import { watchList } from './watch.ts';
import { blockScreen, type Listed, type Row, type Screen, terminalScreen } from './watch-screen.ts';
import { withLm } from './with-lm.ts';

// A list of a license manager as a command: a table for people, one JSON document for programs, and both again at each change with --watch.

/** Reads a path of the admin API; the parsed answer. */
export type Read = (path: string) => Promise<unknown>;
export type Listing<T, O> = {
  /** What of the license manager it is about, in the words of its events. */
  readonly topics: readonly string[];
  read(ask: Read, options: O): Promise<T>;
  /** A function where they depend on what is listed. */
  readonly heads: readonly string[] | ((value: T) => readonly string[]);
  rows(value: T): readonly Row[];
  readonly none: string;
  /** What is the same whenever nothing has changed; the value itself where it is left out. */
  state?(value: T): unknown;
  /** Seconds after which --watch looks again although nothing was told, where somebody names no other ones. */
  readonly every?: number;
};
type Common = { readonly lm: string; readonly json?: boolean; readonly watch?: boolean | number };

const [LEAST_SECONDS, MOST_SECONDS] = [0.5, 86_400];
const seconds = (text: string): number => {
  const value = /^\d{1,5}\.\d{1,3}$/.test(text) ? Number(text) : (parseDuration(text) ?? Number.NaN);
  if (value >= LEAST_SECONDS && value <= MOST_SECONDS) return value;
  throw new InvalidArgumentError(
    `It must be a number of seconds from ${LEAST_SECONDS} to ${MOST_SECONDS}, or a duration such as 90s or 5m.`,
  );
};

const watchOption = (): Option =>
  new Option('--watch [seconds]', 'shows each change as it happens, until Ctrl-C; with seconds it also looks that often').argParser(
    seconds,
  );

const screenOf = (title: string): Screen => {
  const look = (): ReturnType<typeof lookOf> => lookOf(process.stdout, process.env);
  const write = (text: string): void => void process.stdout.write(text);
  if (!look().live) return blockScreen(look, write, (text) => void process.stderr.write(text));
  const screen = terminalScreen(title, look, write);
  process.stdout.on('resize', () => screen.redraw());
  return screen;
};
/** One document for each change, and what goes wrong on standard error. */
const jsonScreen = <T>(state: (value: T) => unknown): { show(value: T): void; away(reason: string): void } => {
  let shown: string | undefined;
  let isAway = false;
  return {
    show(value) {
      isAway = false;
      const now = JSON.stringify(state(value));
      if (now !== shown) printJson(value);
      shown = now;
    },
    away(reason) {
      if (!isAway) process.stderr.write(`${reason} It is tried again.\n`);
      isAway = true;
    },
  };
};

const headsOf = <T, O>({ heads }: Listing<T, O>, value: T): readonly string[] => (typeof heads === 'function' ? heads(value) : heads);

const watch = async <T, O>(target: LmTarget, title: string, listing: Listing<T, O>, options: O & Common): Promise<void> => {
  const { state = (value: T): unknown => value, topics, none } = listing;
  const named = typeof options.watch === 'number' ? options.watch : listing.every;
  const signal = endedByUser();
  const listed = (value: T): Listed => ({ heads: headsOf(listing, value), none, rows: listing.rows(value) });
  const screen = options.json === true ? undefined : screenOf(title);
  const { show, away } =
    screen === undefined
      ? jsonScreen(state)
      : { show: (value: T) => screen.show(listed(value), new Date()), away: (reason: string, ms: number) => screen.away(reason, ms) };
  try {
    await watchList<T>({
      topics,
      everyMs: named === undefined ? undefined : named * 1_000,
      signal,
      show,
      away,
      read: (until) => listing.read(async (path) => JSON.parse(await askQuietly(target, path, until)) as unknown, options),
      follow: (until, onChange) =>
        followLm(target, '/api/v1/events', until, (event, data) => {
          const change = event === 'change' ? (JSON.parse(data) as { readonly topic?: string }) : {};
          onChange(event === 'change' ? (change.topic ?? '') : undefined);
        }),
    });
  } finally {
    screen?.close();
  }
};

/** Gives the command --lm, --json and --watch, and its action. */
export const listed = <T, O extends object>(command: Command, listing: Listing<T, O>): Command =>
  withLm(command)
    .option('--json', 'one JSON document; with --watch one per line')
    .addOption(watchOption())
    .action(async () => {
      const options = command.opts<O & Common>();
      const target = parseTarget(options.lm);
      if (options.watch !== undefined && options.watch !== false) {
        return watch(target, `keyhaven ${command.name()} at ${options.lm}`, listing, options);
      }
      const value = await listing.read(async (path) => JSON.parse(await askLm(target, 'GET', path)) as unknown, options);
      if (options.json === true) return printJson(value);
      const cells = listing.rows(value).map((row) => row.cells);
      const { columns, ...look } = lookOf(process.stdout, process.env);
      // Lines of text without heads are not cut: the terminal wraps them.
      const heads = headsOf(listing, value);
      const isTable = heads.length > 0 && columns !== undefined;
      process.stdout.write(table(heads, cells, listing.none, isTable ? { ...look, columns } : look));
    });
