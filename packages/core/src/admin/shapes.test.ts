import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParseError } from '../parse/index.ts';
import { type Catalog, parseCatalog } from './shapes.ts';

const catalog: Catalog = [
  {
    key: '2622877015606951895',
    type: 'sl-adminmode',
    vendor: 37_515,
    vendorKey: 'A'.repeat(43),
    counter: 3,
    pools: [
      {
        product: 1,
        productName: 'Survey',
        feature: 42,
        name: 'Echo sounder',
        license: { type: 'expiration', until: '2027-12-31T23:59:59Z' },
        limit: 5,
        used: 2,
        executions: 0,
        count: 'login',
        network: true,
      },
    ],
  },
];
const [first] = catalog;
const [pool] = first?.pools ?? [];
const faults = (value: unknown): number => {
  try {
    parseCatalog(JSON.stringify(value));
  } catch (error) {
    if (error instanceof ParseError) return error.faults.length;
    throw error;
  }
  return 0;
};

describe('the catalog of another license manager (R3)', () => {
  it('comes back as it went', () => {
    expect(parseCatalog(JSON.stringify(catalog))).toEqual(catalog);
    expect(parseCatalog('[]')).toEqual([]);
  });

  it.each([
    ['a key id over 64 bits, which no frame can carry', { ...first, key: '18446744073709551616' }],
    ['a key id that is no number', { ...first, key: 'x' }],
    ['a key of a type unknown', { ...first, type: 'sl-other' }],
    ['a vendor that cannot be', { ...first, vendor: 0 }],
    ['a feature out of range', { ...first, pools: [{ ...pool, feature: 65_472 }] }],
    ['a license of a type unknown', { ...first, pools: [{ ...pool, license: { type: 'forever' } }] }],
    ['no seats', { ...first, pools: [{ ...pool, limit: 0 }] }],
    ['a number of uses that is none', { ...first, pools: [{ ...pool, used: -1 }] }],
    ['a field unknown', { ...first, pools: [{ ...pool, more: 1 }] }],
    ['a long name', { ...first, pools: [{ ...pool, name: 'x'.repeat(51) }] }],
  ])('is refused with %s', (_, key) => {
    expect(faults([key])).toBe(1);
  });

  it('takes the greatest key id that a frame can carry', () => {
    expect(faults([{ ...first, key: '18446744073709551615' }])).toBe(0);
  });

  it('of any text gives ParseError and nothing else (S6)', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (json) => {
        try {
          parseCatalog(json);
        } catch (error) {
          if (!(error instanceof ParseError)) throw error;
        }
      }),
    );
  });
});
