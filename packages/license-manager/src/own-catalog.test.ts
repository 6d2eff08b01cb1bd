import { describe, expect, it } from 'vitest';
import { systemEntropy } from './machine/index.ts';
import { createOwnCatalog } from './own-catalog.ts';
import { catalogKey } from './peers/link-peers.testing.ts';

// K30: what is lent over the network is told on links from version 3 on. Earlier readers take no field that they do not know, and would lose the whole catalog.

const key = catalogKey(7);
const offers = { ...key, detachable: [{ product: 1, seats: 3 }] };

describe('the catalog of a license manager that lends', () => {
  const own = () => createOwnCatalog({ boot: 1, entropy: systemEntropy, keys: () => [key], offered: () => [offers] });

  it('has what is lent from version 3 on, and not before', () => {
    const catalog = own();
    const told = (linkVersion: number): unknown[] => catalog.changes(0, false, linkVersion).keys.map((text) => JSON.parse(text) as unknown);
    expect([told(2), told(3)]).toEqual([[key], [offers]]);
    expect(catalog.current().keys()).toEqual([key]);
  });

  it('is counted apart, so that a version of the one says nothing of the other', () => {
    const catalog = own();
    const old = catalog.changes(0, false, 2).version;
    expect(catalog.changes(old, false, 3)).toMatchObject({ since: 0, keys: [JSON.stringify(offers)] });
    const now = catalog.changes(0, false, 3).version;
    catalog.touch();
    expect(catalog.changes(now, false, 3)).toMatchObject({ since: now, keys: [] });
    expect(catalog.changes(old, false, 2)).toMatchObject({ since: old, keys: [] });
  });
});
