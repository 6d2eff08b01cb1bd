import { toBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { anyScope, parseScope } from '@keyhaven/core/scope';
import type { Transfer } from '@keyhaven/core/wire';
import type { Source } from '../candidates.ts';
import { judge } from '../information/index.ts';

/** What an application's scope chooses: one key here, and for a detachment one product of it. */
export type Chosen = { readonly key: string; readonly product: number | undefined };

type Found = { readonly guid: string; readonly local: boolean; readonly key: string; readonly product: number };

/**
 * Pure. Keys here come before keys elsewhere, which this license manager cannot move.
 * @param lent whether the license of a key here is lent: only such a one can be given back.
 * @throws LicensingError KEY_NOT_FOUND (7), SCOPE_RESULTS_EMPTY (50), TOO_MANY_HOSTS (68), TOO_MANY_KEYS (37), TOO_MANY_PRODUCTS (60),
 * REQ_NOT_SUPP (16) where the key is on another computer, INV_SCOPE (36)
 */
export const chosenBy = (wish: Transfer, sources: readonly Source[], lent: (key: string) => boolean): Chosen => {
  const scope = wish.scope === '' ? anyScope : parseScope(wish.scope).scope;
  const vendorKey = toBase64(wish.vendorKey);
  let ofVendor = 0;
  const found: Found[] = [];
  for (const source of sources) {
    const { guid, hostname, address, local } = source;
    const place = { licenseManager: { hostname, id: guid, ips: [address], local }, vendor: { id: wish.vendor } };
    const inScope = judge(scope, place);
    for (const key of source.keys) {
      if (key.vendor !== wish.vendor || key.vendorKey !== vendorKey || key.counter === 0) continue;
      ofVendor += 1;
      if (wish.action === 'cancel' && !(local && lent(key.key))) continue;
      for (const pool of key.pools) {
        if (inScope({ id: key.key, type: key.type }, pool.product, pool.feature))
          found.push({ guid, local, key: key.key, product: pool.product });
      }
    }
  }
  if (ofVendor === 0) throw new LicensingError(Status.KEY_NOT_FOUND, { detail: `No key of vendor ${wish.vendor} was found.` });
  const here = found.filter(({ local }) => local);
  const left = here.length > 0 ? here : found;
  const [first] = left;
  if (first === undefined)
    throw new LicensingError(Status.SCOPE_RESULTS_EMPTY, { detail: 'The scope leaves no key that this could be done with.' });
  const count = (of: (each: Found) => string | number): number => new Set(left.map(of)).size;
  if (count(({ guid }) => guid) > 1) throw new LicensingError(Status.TOO_MANY_HOSTS);
  if (count(({ key }) => key) > 1)
    throw new LicensingError(Status.TOO_MANY_KEYS, { detail: `The scope leaves ${count(({ key }) => key)} keys.` });
  if (!first.local) {
    throw new LicensingError(Status.REQ_NOT_SUPP, {
      detail: `Key ${first.key} is on another computer.`,
      remedy: 'Detach it there: keyhaven detach on that computer, with the ID file of this one.',
    });
  }
  const detaches = wish.action === 'detach' || wish.action === 'network_detach';
  if (detaches && count(({ product }) => product) > 1) {
    throw new LicensingError(Status.TOO_MANY_PRODUCTS, {
      detail: `The scope leaves ${count(({ product }) => product)} products of key ${first.key}.`,
    });
  }
  return { key: first.key, product: detaches ? first.product : undefined };
};
