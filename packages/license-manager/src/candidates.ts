import type { CatalogKey, CatalogPool } from '@keyhaven/core/admin';
import { toBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { keyTypeNames } from '@keyhaven/core/format';
import { anyScope, matches, parseScope, type Scope } from '@keyhaven/core/scope';
import { type Candidate, type Find, MAX_CANDIDATES } from '@keyhaven/core/wire';

// Which keys could serve a login, in order of preference: here before elsewhere, a free seat before none. A hint for the application; the key
// itself decides, and the application believes only the key.

export type Source = {
  readonly local: boolean;
  readonly guid: string;
  readonly hostname: string;
  readonly address: string;
  readonly kind: string;
  readonly keys: readonly CatalogKey[];
  /** Keys here that must not be served. */
  readonly damaged?: readonly { readonly key: string; readonly vendor: number; readonly reason: string }[];
  /** Keys that moved from here to another computer (K5). */
  readonly moved?: readonly { readonly key: string; readonly vendor: number }[];
  /** Why a key elsewhere is not used (K9). */
  readonly barred?: (key: string) => { readonly status: StatusCode; readonly detail: string } | undefined;
};

const freeSeats = (pool: CatalogPool): boolean => pool.limit === 'unlimited' || pool.used < pool.limit;

/** Feature 0 is in every key, of no product. */
const keyItself = { product: 0, feature: 0, free: true };

const scopeOf = (text: string): Scope => (text === '' ? anyScope : parseScope(text).scope);

/** @throws LicensingError KEY_NOT_FOUND (7), UNKNOWN_VCODE (34), STORAGE_CORRUPT (47), FEATURE_NOT_FOUND (31), SCOPE_RESULTS_EMPTY (50), INV_SCOPE (36). */
export const candidatesFor = (question: Find, sources: readonly Source[]): Candidate[] => {
  const scope = scopeOf(question.scope);
  const vendorKey = toBase64(question.vendorKey);
  let ofVendor = 0;
  let ofFeature = 0;
  let foreign = false;
  let barred: { readonly status: StatusCode; readonly detail: string } | undefined;
  /** `turn`: how many of the same rank the same license manager has before it. */
  const found: { readonly candidate: Candidate; readonly rank: number; readonly turn: number }[] = [];
  for (const source of sources) {
    const turns = new Map<number, number>(); // BOUNDED by the ranks
    for (const key of source.keys) {
      // Without an update it has no license, or one that is for its own computer only: a trial (K8).
      if (key.vendor !== question.vendor || (key.counter === 0 && (!source.local || key.pools.length === 0))) continue;
      if (key.vendorKey !== vendorKey) {
        // Not the end of the search: whoever puts such a key on the network would stop everybody else's logins.
        foreign = true;
        continue;
      }
      const bar = source.barred?.(key.key);
      if (bar !== undefined) {
        barred ??= bar;
        continue;
      }
      ofVendor += 1;
      const pools =
        question.feature === 0
          ? [keyItself]
          : key.pools
              .filter((pool) => pool.feature === question.feature && (source.local || pool.network))
              .map((pool) => ({ product: pool.product, feature: pool.feature, free: freeSeats(pool) }));
      for (const pool of pools) {
        ofFeature += 1;
        const { type, configuration } = keyTypeNames[key.type];
        const subject = {
          licenseManager: { hostname: source.hostname, id: source.guid, ips: [source.address], local: source.local },
          vendor: { id: key.vendor },
          key: { id: key.key, type, configuration },
          product: { id: pool.product },
          feature: { id: pool.feature },
        };
        if (!matches(scope, subject)) continue;
        const licenseManager = { guid: source.guid, hostname: source.hostname, address: source.address, kind: source.kind };
        const rank = (source.local ? 0 : 1) + (pool.free ? 0 : 2);
        const turn = turns.get(rank) ?? 0;
        turns.set(rank, turn + 1);
        found.push({ candidate: { key: key.key, product: pool.product, licenseManager }, rank, turn });
      }
    }
  }
  const [damage] = sources.flatMap(({ damaged }) => damaged ?? []).filter(({ vendor }) => vendor === question.vendor);
  if (ofVendor === 0 && damage !== undefined)
    throw new LicensingError(Status.STORAGE_CORRUPT, { detail: `Key ${damage.key}: ${damage.reason}` });
  const [moved] = sources.flatMap((source) => source.moved ?? []).filter(({ vendor }) => vendor === question.vendor);
  if (ofVendor === 0 && moved !== undefined) {
    throw new LicensingError(Status.LICENSE_REHOSTED, { detail: `Key ${moved.key} moved to another computer, which was not found.` });
  }
  if (ofVendor === 0 && barred !== undefined) throw new LicensingError(barred.status, { detail: barred.detail });
  if (ofVendor === 0 && foreign) {
    throw new LicensingError(Status.UNKNOWN_VCODE, {
      detail: `A key of vendor ${question.vendor} is there, but it was made for another vendor code.`,
    });
  }
  if (ofVendor === 0)
    throw new LicensingError(Status.KEY_NOT_FOUND, { detail: `No key of vendor ${question.vendor} was found here or on the network.` });
  if (ofFeature === 0)
    throw new LicensingError(Status.FEATURE_NOT_FOUND, {
      detail: `Feature ${question.feature} is in none of the ${ofVendor} keys of vendor ${question.vendor}.`,
    });
  if (found.length === 0)
    throw new LicensingError(Status.SCOPE_RESULTS_EMPTY, { detail: 'The scope leaves none of the keys that have the feature.' });
  return (
    found
      // By turns, so that one that tells of a thousand keys does not hide the one key of another.
      .sort((a, b) => a.rank - b.rank || a.turn - b.turn)
      .slice(0, MAX_CANDIDATES)
      .map(({ candidate }) => candidate)
  );
};
