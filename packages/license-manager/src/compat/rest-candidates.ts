import { type Identity, mayUse } from '@keyhaven/core/compat';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { isOver, type PoolId } from '@keyhaven/core/seats';
import type { Authority } from '../authority/index.ts';
import type { Key, Keystore, Pool } from '../keystore/index.ts';

// Which features of the keys of this computer a login through the REST licensing API may mean, the best first.

export type RestLogin = {
  readonly feature: number;
  readonly keys: readonly string[];
  readonly products: readonly number[];
};
export type RestCandidate = { readonly key: Key; readonly product: number; readonly feature: number };

/** Licensed keys of the vendor that are served. */
export const keysOf = (keystore: Pick<Keystore, 'keys'>, vendor: number): Key[] =>
  [...keystore.keys()].filter(
    ({ identity, license, damage }) => identity.vendor === vendor && license !== undefined && damage === undefined,
  );

const inScope = <T>(wanted: readonly T[], value: T): boolean => wanted.length === 0 || wanted.includes(value);

/** @throws LicensingError KEY_NOT_FOUND (7), FEATURE_NOT_FOUND (31), SCOPE_RESULTS_EMPTY (50), IDENTITY_DENIED (90), STORAGE_CORRUPT (47) */
export const restCandidates = (
  { keystore, authority }: { readonly keystore: Pick<Keystore, 'keys'>; readonly authority: Pick<Authority, 'used' | 'pool' | 'time'> },
  vendor: number,
  asked: RestLogin,
  identity: Identity,
): RestCandidate[] => {
  const keys = keysOf(keystore, vendor);
  if (keys.length === 0) {
    const damaged = [...keystore.keys()].find((key) => key.identity.vendor === vendor && key.damage !== undefined);
    if (damaged !== undefined)
      throw new LicensingError(Status.STORAGE_CORRUPT, { detail: `Key ${damaged.identity.id}: ${damaged.damage}` });
    throw new LicensingError(Status.KEY_NOT_FOUND, { detail: `No key of vendor ${vendor} is on this computer.` });
  }
  const ofFeature = keys.flatMap((key) =>
    [...(key.license?.pools.values() ?? [])].flatMap((pool): { readonly at: RestCandidate; readonly pool: Pool }[] =>
      pool.feature.id === asked.feature ? [{ at: { key, product: pool.product?.id ?? 0, feature: asked.feature }, pool }] : [],
    ),
  );
  if (ofFeature.length === 0)
    throw new LicensingError(Status.FEATURE_NOT_FOUND, {
      detail: `Feature ${asked.feature} is in none of the ${keys.length} keys of vendor ${vendor} here.`,
    });
  const scoped = ofFeature.filter(({ at }) => inScope(asked.keys, at.key.identity.id) && inScope(asked.products, at.product));
  if (scoped.length === 0)
    throw new LicensingError(Status.SCOPE_RESULTS_EMPTY, { detail: 'The scope leaves none of the keys that have the feature.' });
  const allowed = scoped.filter(({ at }) => mayUse(identity, at.key.identity.id, at.feature === 0 ? undefined : at.product));
  if (allowed.length === 0)
    throw new LicensingError(Status.IDENTITY_DENIED, { detail: `The identity ${identity.id} is limited to other keys or products.` });
  const rank = ({ at, pool: { terms } }: (typeof allowed)[number]): number => {
    const pool: PoolId = { key: at.key.identity.id, product: at.product, feature: at.feature };
    const free = terms.seats === undefined || authority.used(pool) < terms.seats;
    return (isOver(terms, authority.pool(pool), authority.time()) ? 2 : 0) + (free ? 0 : 1);
  };
  return allowed.toSorted((a, b) => rank(a) - rank(b)).map(({ at }) => at);
};
