import type { PoolRow } from '@keyhaven/core/seats';
import type { Wall } from '@keyhaven/core/time';
import type { Key } from '../keystore/index.ts';
import type { AuthorityOptions } from './types.ts';

/**
 * The row of a pool as all features of its key count: the days of a trial begin with its first use, whatever feature that was (K8), and the pool of another
 * feature knows it only after its own first login.
 */
export const withTrialUse = (
  row: PoolRow,
  key: Key | undefined,
  trials: AuthorityOptions['trials'],
  rowOf: (product: number, feature: number) => PoolRow,
): PoolRow => {
  const license = key?.license;
  if (license?.trial === undefined) return row;
  const known = trials?.firstUse(license);
  let first: Wall | undefined = known;
  for (const { product, feature } of license.pools.values()) {
    const used = product === undefined ? undefined : rowOf(product.id, feature.id).trialUse;
    if (used !== undefined && (first === undefined || used < first)) first = used;
  }
  return first === undefined || first === row.trialUse ? row : { ...row, trialUse: first };
};
