import { type Asked, asked } from './completion-asked.ts';
import { askQuietly, parseTarget } from './lm-client.ts';
import { ADMIN_PASSWORD, passwordIn } from './password-file.ts';

// keyhaven __values WHAT, which the scripts of `keyhaven completion` call: what the license manager knows now, a line each. A program of its own,
// since whoever completes does not wait: it loads little, and what does not answer within a moment has no values.

const PATIENCE_MS = 700;
/** BOUNDED: more of them nobody chooses from. */
const MOST = 200;

type Row = Readonly<Record<string, unknown>>;
type Source = readonly [path: string, values: (row: Row) => readonly unknown[]];
const sessions = `/api/v1/list/sessions?limit=${MOST}`;
const sources: Readonly<Record<Asked, Source>> = {
  sessions: [sessions, ({ id }) => [id]],
  users: [sessions, ({ user }) => [user]],
  hosts: [sessions, ({ host }) => [host]],
  keys: [`/api/v1/list/keys?limit=${MOST}`, ({ key }) => [key]],
  features: [`/api/v1/list/features?limit=${MOST}`, ({ feature }) => [feature]],
  products: [`/api/v1/list/products?limit=${MOST}`, ({ product }) => [product]],
  identities: ['/api/v1/identities', ({ id }) => [id]],
  managers: ['/api/v1/peers', ({ address, hostname }) => [address, hostname]],
};
const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null;
const rowsIn = (json: unknown): readonly Row[] => {
  const list = isRow(json) && 'items' in json ? json['items'] : json;
  return Array.isArray(list) ? list.filter(isRow) : [];
};

/** What others say ends on a command line: only what is nothing but itself there, whichever shell it is (S8). */
export const harmless = (value: unknown): value is string | number =>
  (typeof value === 'number' && Number.isSafeInteger(value)) ||
  (typeof value === 'string' && /^[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,199}$/.test(value));

const optionIn = (argv: readonly string[], name: string): string | undefined =>
  argv.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3);

const valuesOf = async (what: Asked, argv: readonly string[]): Promise<readonly string[]> => {
  const file = optionIn(argv, 'password-file');
  if (file !== undefined) process.env[ADMIN_PASSWORD] = await passwordIn(file);
  const [path, values] = sources[what];
  const target = parseTarget(optionIn(argv, 'lm') ?? '127.0.0.1:1947');
  const json: unknown = JSON.parse(await askQuietly(target, path, AbortSignal.timeout(PATIENCE_MS)));
  return [...new Set(rowsIn(json).flatMap(values).filter(harmless).map(String))].slice(0, MOST);
};

/** Never fails: nothing to choose from is no fault of whoever types. */
export const main = async ([, word, ...argv]: readonly string[]): Promise<void> => {
  const what = asked.find((each) => each === word);
  if (what === undefined) return;
  const found = await valuesOf(what, argv).catch(() => []);
  process.stdout.write(found.map((value) => `${value}\n`).join(''));
};
