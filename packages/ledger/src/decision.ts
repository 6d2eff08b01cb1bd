import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Wall } from '@keyhaven/core/time';
import type { AuditQuery, Decision, Row, RowKey, Rows } from './port.ts';
import { scopeOf } from './row-key.ts';

// What every adapter does alike: runs a `decide` and holds it to the port (reads only what it named, changes one scope).
// A breach is a mistake of the program, not a state of the world: TypeError, and nothing of the decision remains.

/** How many audit records a ledger keeps, and how many one query returns at most. */
export const AUDIT_KEPT = 1_000_000;
const AUDIT_ANSWERED = 10_000;

const FEW = 8;

function nameTest(keys: readonly RowKey[]): (key: RowKey) => boolean {
  if (keys.length <= FEW) return (key) => keys.includes(key);
  const named = new Set(keys);
  return (key) => named.has(key);
}

export function runDecision<T>(
  keys: readonly RowKey[],
  decide: (rows: Rows, now: Wall) => Decision<T>,
  read: (key: RowKey) => Row | undefined,
  now: Wall,
): Decision<T> {
  const isNamed = nameTest(keys);
  const rows: Rows = {
    get<R extends Row>(key: RowKey): R | undefined {
      if (!isNamed(key)) throw new TypeError(`the decision reads ${key}, which it did not name`);
      return read(key) as R | undefined; // the port's contract: the caller knows what it stored under this key
    },
  };
  const decision = decide(rows, now);
  const [first] = decision.changes;
  if (first !== undefined) {
    const scope = `${scopeOf(first.key)}/`;
    for (const { key } of decision.changes) {
      if (!key.startsWith(scope)) throw new TypeError(`the decision changes ${key} beside rows of ${scope}`);
    }
  }
  return decision;
}

export const answered = (query: AuditQuery): number => Math.max(0, Math.min(query.limit ?? AUDIT_ANSWERED, AUDIT_ANSWERED));

/** The rows of `rows` whose key begins with `prefix`, fixed now and handed out at the reader's pace. */
export async function* pace<R extends Row>(found: readonly (readonly [RowKey, Row])[]): AsyncIterable<readonly [RowKey, R]> {
  for (const [key, row] of found) yield [key, row as R]; // as in runDecision
}

export const closedError = (): LicensingError =>
  new LicensingError(Status.DEVICE_ERR, { detail: 'The ledger is closed', remedy: 'Start the license manager again.' });
