import { EMPTY_POOL, type PoolId, type PoolRow, poolRowKey } from '@keyhaven/core/seats';

// The rows of the pools as they are decided, for whoever shows them; the ledger holds what counts.

export type PoolFacts = {
  of(pool: PoolId): PoolRow;
  /** Most seats in use at once since this process began. */
  peak(pool: PoolId): number;
  note(pool: PoolId, row: PoolRow): void;
  /** What a decision changed of this pool. */
  noteChanges(pool: PoolId, changes: readonly { readonly key: string; readonly row: object | undefined }[]): void;
};

const isPoolRow = (row: object): row is PoolRow => 'used' in row && typeof row.used === 'number';

/** @param onFreed seats of the pool came free */
export const createPoolFacts = (onFreed: (pool: PoolId) => void = () => undefined): PoolFacts => {
  const rows = new Map<string, PoolRow>(); // BOUNDED by the pools of the keys here
  const peaks = new Map<string, number>(); // BOUNDED likewise
  const note: PoolFacts['note'] = (pool, row) => {
    const name = poolRowKey(pool);
    const before = rows.get(name);
    rows.set(name, row);
    if (row.used > (peaks.get(name) ?? 0)) peaks.set(name, row.used);
    if (before !== undefined && row.used < before.used) onFreed(pool);
  };
  return {
    of: (pool) => rows.get(poolRowKey(pool)) ?? EMPTY_POOL,
    peak: (pool) => peaks.get(poolRowKey(pool)) ?? 0,
    note,
    noteChanges(pool, changes) {
      const own = poolRowKey(pool);
      for (const { key, row } of changes) if (key === own && row !== undefined && isPoolRow(row)) note(pool, row);
    },
  };
};
