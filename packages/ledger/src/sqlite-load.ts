import type { DatabaseSync } from 'node:sqlite';
import type { Damage } from './port.ts';
import { emptySum, equalBytes, type RowSeal, type ScopeSum, secretOf, tagOf, toggle } from './row-seal.ts';
import type { RowColumns } from './sqlite-protocol.ts';
import { numberFrom } from './sqlite-schema.ts';

// Reads all rows at start-up and authenticates them (row-seal.ts). A scope that does not hold is named with its reason; the others go
// on. All rows are handed over, also those of a damaged scope, because people want to see what is left of it.

const ROWS_PER_MESSAGE = 2_000;

type Tally = { readonly sum: ScopeSum; edited: number };

export function loadRows(
  database: DatabaseSync,
  seal: RowSeal,
  receive: (rows: RowColumns) => void,
): { readonly found: ReadonlyMap<string, ScopeSum>; readonly damage: readonly Damage[] } {
  const tallies = readRows(database, seal, receive);
  const roots = new Map<string, { count: number; seal: unknown }>();
  for (const root of database.prepare('SELECT scope, count, seal FROM root').iterate()) {
    roots.set(String(root['scope']), { count: numberFrom(root, 'count'), seal: root['seal'] });
  }
  const otherKey = !checkKey(database, seal);
  const found = new Map<string, ScopeSum>();
  const damage: Damage[] = [];
  for (const scope of new Set([...tallies.keys(), ...roots.keys()])) {
    const { sum, edited } = tallies.get(scope) ?? { sum: emptySum(), edited: 0 };
    found.set(scope, sum);
    const fault = faultOf(scope, sum, edited, roots.get(scope), seal);
    if (fault === undefined) continue;
    damage.push({ scope, reason: otherKey ? 'it was written on another computer, or the identity of this computer has changed' : fault });
  }
  return { found, damage };
}

function readRows(database: DatabaseSync, seal: RowSeal, receive: (rows: RowColumns) => void): ReadonlyMap<string, Tally> {
  const tallies = new Map<string, Tally>();
  let chunk: RowColumns = { ids: [], keys: [], texts: [] };
  for (const row of database.prepare('SELECT id, key, text, tag FROM row ORDER BY id').iterate()) {
    const key = String(row['key']);
    const text = String(row['text']);
    const [scope = ''] = key.split('/', 1);
    const tally = tallies.get(scope) ?? { sum: emptySum(), edited: 0 };
    tallies.set(scope, tally);
    const sealed = seal.row(key, text);
    tally.sum.count += 1;
    toggle(tally.sum, secretOf(sealed));
    if (!equalBytes(tagOf(sealed), row['tag'])) tally.edited += 1;
    chunk.ids.push(numberFrom(row, 'id'));
    chunk.keys.push(key);
    chunk.texts.push(text);
    if (chunk.ids.length < ROWS_PER_MESSAGE) continue;
    receive(chunk);
    chunk = { ids: [], keys: [], texts: [] };
  }
  receive(chunk);
  return tallies;
}

function faultOf(
  scope: string,
  sum: ScopeSum,
  edited: number,
  root: { readonly count: number; readonly seal: unknown } | undefined,
  seal: RowSeal,
): string | undefined {
  if (edited > 0) return `${edited} of its rows ${edited === 1 ? 'was' : 'were'} edited or added by hand`;
  if (root === undefined) return 'its root is missing';
  if (root.count !== sum.count) return `it has ${sum.count} rows, and its root says ${root.count}`;
  if (!equalBytes(seal.root(scope, sum), root.seal)) return 'a row was put back from an older time, or its root was edited';
  return undefined;
}

function checkKey(database: DatabaseSync, seal: RowSeal): boolean {
  const stored = database.prepare("SELECT value FROM meta WHERE name = 'check'").get();
  if (stored !== undefined) return equalBytes(seal.check(), stored['value']);
  database.prepare("INSERT INTO meta (name, value) VALUES ('check', ?)").run(seal.check());
  return true;
}
