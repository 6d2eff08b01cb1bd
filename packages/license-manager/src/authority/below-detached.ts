import { LicensingError, Status } from '@keyhaven/core/errors';
import { type DetachRow, detachRowKey } from '@keyhaven/core/transfer';
import type { Ledger } from '@keyhaven/ledger';
import { type Key, type KeyLicense, poolName } from '../keystore/index.ts';

/**
 * A license that sells less than is detached would let both sides together hold more than it sells (K5, I1), and what is out cannot be
 * called back. So it is refused until the copies are back or over.
 * @throws LicensingError DETACHED_LICENSE_FOUND (76)
 */
export const refuseBelowDetached = async (ledger: Ledger, key: Key, next: KeyLicense): Promise<void> => {
  const out = new Map<string, number>();
  let last = 0;
  for await (const [, row] of ledger.scan<DetachRow>(detachRowKey(key.identity.id, ''))) {
    last = Math.max(last, row.until);
    for (const { feature, seats } of row.reserved) {
      const name = poolName(row.product, feature);
      out.set(name, (out.get(name) ?? 0) + seats);
    }
  }
  for (const [name, seats] of out) {
    const pool = next.pools.get(name);
    const sold = pool === undefined ? 0 : (pool.terms.seats ?? Number.POSITIVE_INFINITY);
    if (seats <= sold) continue;
    const [product, feature] = name.split('.');
    throw new LicensingError(Status.DETACHED_LICENSE_FOUND, {
      detail: `${seats} seats of feature ${feature} of product ${product} are detached, and the license has ${sold}.`,
      remedy: `Apply it when they were given back, or when the last of them is over after ${new Date(last).toISOString()}.`,
    });
  }
};
