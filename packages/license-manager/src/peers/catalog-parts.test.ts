import type { CatalogKey } from '@keyhaven/core/admin';
import { parseCatalog } from '@keyhaven/core/admin';
import { describe, expect, it } from 'vitest';
import { catalogParts } from './answer-catalog.ts';

const keyOf = (id: number): CatalogKey => ({
  key: String(id),
  type: 'sl-adminmode',
  vendor: 7,
  vendorKey: 'x'.repeat(43),
  counter: 1,
  pools: [],
});

describe('catalogParts', () => {
  it('gives one empty list for no keys', () => {
    expect(catalogParts([])).toEqual(['[]']);
  });

  it('keeps every part within the bound and all keys in their order', () => {
    const keys = Array.from({ length: 500 }, (_, index) => keyOf(index + 1));
    const parts = catalogParts(keys, 2_000);
    expect(parts.length).toBeGreaterThan(10);
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThan(2_100);
    expect(parts.flatMap(parseCatalog)).toEqual(keys);
  });

  it('gives a key that is larger than the bound a part of its own', () => {
    expect(catalogParts([keyOf(1), keyOf(2)], 10)).toHaveLength(2);
  });
});
