import type { SeatDecision, SeatRows } from '../seats/index.ts';
import { EMPTY_POOL, type PoolRow, poolRowKey } from '../seats/index.ts';
import type { Wall } from '../time/index.ts';
import { detachEndRows, isDetachOver } from './detach-end.ts';
import { type DetachRow, detachRowKey, NO_TRANSFERS, type TransferRow, transferRowKey } from './rows.ts';

// The way back of a detached license (K5): by the word of the recipient's key, or by time. Repeating it frees nothing twice.

type Change = { readonly key: `${string}/${string}/${string}`; readonly row: object | undefined };
const poolOf = (key: string, product: number, feature: number) => ({ key, product, feature });

export type Reattach = {
  readonly key: string;
  readonly child: string;
  /** The row as the caller knows it: it says which pools the decision reads. */
  readonly known: Pick<DetachRow, 'product' | 'reserved'> | undefined;
  /** `returned`: the recipient's key has signed that it is no more. `ended`: its time is over by all clocks (detach-end.ts). */
  readonly cause: 'returned' | 'ended';
};
export type ReattachReply =
  | { readonly kind: 'free' }
  /** No such copy is out: it came back before, or its time is over. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'early' }
  /** The row has more pools than were named: ask again with this one. */
  | { readonly kind: 'stale'; readonly row: DetachRow };

export const reattachRows = ({ key, child, known }: Reattach): `${string}/${string}/${string}`[] => [
  transferRowKey(key),
  detachRowKey(key, child),
  ...detachEndRows,
  ...(known?.reserved ?? []).map(({ feature }) => poolRowKey(poolOf(key, known?.product ?? 0, feature))),
];

/** @param now the owner's clock as it is set, not its license time: of that, what is stored counts. */
export const decideReattach = (rows: SeatRows, command: Reattach, now: Wall): SeatDecision<ReattachReply> => {
  const { key, child, known, cause } = command;
  const row = rows.get<DetachRow>(detachRowKey(key, child));
  if (row === undefined) return { changes: [], audit: [], reply: { kind: 'unknown' } };
  const named = new Set(known?.reserved.map(({ feature }) => feature));
  if (known?.product !== row.product || row.reserved.some(({ feature }) => !named.has(feature))) {
    return { changes: [], audit: [], reply: { kind: 'stale', row } };
  }
  if (cause === 'ended' && !isDetachOver(row, rows, now)) return { changes: [], audit: [], reply: { kind: 'early' } };
  const state = rows.get<TransferRow>(transferRowKey(key)) ?? NO_TRANSFERS;
  const changes: Change[] = [
    { key: detachRowKey(key, child), row: undefined },
    { key: transferRowKey(key), row: { ...state, out: Math.max(0, state.out - 1) } satisfies TransferRow },
  ];
  for (const { feature, seats } of row.reserved) {
    const poolKey = poolRowKey(poolOf(key, row.product, feature));
    const pool = rows.get<PoolRow>(poolKey) ?? EMPTY_POOL;
    changes.push({ key: poolKey, row: { ...pool, used: Math.max(0, pool.used - seats) } satisfies PoolRow });
  }
  const detail = { product: row.product, recipient: child, host: row.host, seats: row.seats, sequence: row.sequence, cause };
  return { changes, audit: [{ kind: 'reattached', scope: key, detail }], reply: { kind: 'free' } };
};
