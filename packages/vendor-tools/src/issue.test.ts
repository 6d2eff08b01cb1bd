import { Buffer } from 'node:buffer';
import { toBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type KeyIdentity, verifyUpdate } from '@keyhaven/core/key';
import { armor, openDocument, readC2v, signDocument, unarmor, writeC2v } from '@keyhaven/core/license';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCatalog } from './catalog.ts';
import { catalogText, fixedEntropy, makeC2v, makeKey, makeVendor, now } from './fixtures.ts';
import { issueLicense } from './issue.ts';
import { featureSecret, type Vendor } from './vendor.ts';

const vendorA = makeVendor(7, 1);
const vendorB = makeVendor(8, 11);
const keyA = makeKey(vendorA, 21);
const catalog = readCatalog(catalogText);

const issue = (options: { vendor?: Vendor; c2v?: string; products?: readonly number[] } = {}) =>
  issueLicense({ vendor: vendorA, catalog, c2v: makeC2v(keyA), products: [1], now, entropy: fixedEntropy, ...options });
const apply = (key: KeyIdentity, current: number, v2c: string) => verifyUpdate(key, current, unarmor(v2c).bytes);
const failure = (act: () => unknown): LicensingError => {
  try {
    act();
  } catch (error) {
    if (error instanceof LicensingError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

describe('an issued license', () => {
  it('is taken by its key and holds exactly the products named, in their order', () => {
    const { v2c, certificate, counter } = issue({ products: [2, 1] });
    const update = apply(keyA, 0, v2c);
    expect(update.certificate).toEqual(certificate);
    expect(counter).toBe(1);
    expect(certificate.products.map(({ id }) => id)).toEqual([2, 1]);
    expect(certificate.products[1]?.features).toEqual(catalog.products[0]?.features);
    expect(certificate).toMatchObject({ vendor: 7, key: keyA.id, type: 'sl-adminmode', issued: '2026-11-24T03:00:00.000Z' });
  });

  it('counts on from the counter of the C2V, and replaces the products', () => {
    const { v2c, counter } = issue({ c2v: makeC2v(keyA, 6), products: [2] });
    expect(counter).toBe(7);
    expect(apply(keyA, 6, v2c).certificate.products.map(({ id }) => id)).toEqual([2]);
    expect(failure(() => apply(keyA, 7, v2c)).status).toBe(Status.UPDATE_ALREADY_ADDED);
    expect(failure(() => apply(keyA, 8, v2c)).status).toBe(Status.UPDATE_TOO_OLD);
    expect(failure(() => apply(keyA, 5, v2c)).status).toBe(Status.UPDATE_TOO_NEW);
  });

  it('brings one secret for each of its features and for feature 0', () => {
    const { secrets } = apply(keyA, 0, issue({ products: [1, 2] }).v2c);
    expect(secrets.features).toEqual([0, 42, 43, 50].map((id) => ({ id, secret: toBase64(featureSecret(vendorA, id)) })));
  });

  it('never shows a secret outside the seal', () => {
    const { v2c } = issue();
    const plain = unarmor(v2c).bytes.toString('latin1');
    for (const id of [0, 42, 43]) {
      for (const form of ['base64url', 'base64', 'hex', 'latin1'] as const)
        expect(plain).not.toContain(featureSecret(vendorA, id).toString(form));
    }
  });

  it('takes the larger memory of its products, and the contents of the one that has them', () => {
    const first = apply(keyA, 0, issue({ products: [1, 2] }).v2c);
    expect(first.certificate.memory).toEqual({ readWrite: 128, readOnly: 32 });
    expect(first.secrets).toMatchObject({ readOnly: toBase64(Buffer.from('hello')), readWrite: toBase64(Buffer.of(0, 1)) });
  });

  it('brings read-write contents with the first license only: later the memory is the application’s', () => {
    const { secrets } = apply(keyA, 3, issue({ c2v: makeC2v(keyA, 3) }).v2c);
    expect(secrets.readOnly).toBeDefined();
    expect(secrets).not.toHaveProperty('readWrite');
  });

  it('is the same for the same arguments and entropy (I7)', () => {
    expect(issue().v2c).toBe(issue().v2c);
  });

  it('of vendor A never verifies for a key pinned to vendor B, whatever their ids and products (S12)', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 0xffff_ffff }),
        fc.boolean(),
        fc.integer({ min: 30, max: 200 }),
        fc.subarray([1, 2, 3], { minLength: 1, maxLength: 1 }),
        fc.integer({ min: 0, max: 1_000 }),
        (id, sameId, fill, products, current) => {
          const a = makeVendor(id, 1);
          const b = makeVendor(sameId ? id : (id % 0xffff_ffff) + 1, 11);
          const keyB = makeKey(b, fill);
          // Vendor A pretends that the key is its own: the same seeds, pinned to A.
          const claimed = makeKey(a, fill);
          expect(claimed.id).toBe(keyB.id);
          const { v2c } = issue({ vendor: a, c2v: makeC2v(claimed, current), products });
          expect(apply(claimed, current, v2c).certificate.vendor).toBe(id);
          expect(failure(() => apply(keyB, current, v2c)).status).toBe(Status.INV_SIG);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('goes to no other key of the same vendor', () => {
    expect(failure(() => apply(makeKey(vendorA, 31), 0, issue().v2c)).status).toBe(Status.KEYID_NOT_FOUND);
  });
});

describe('a license is refused', () => {
  it('for a key of another vendor, by its id or by its pinned public key', () => {
    const other = failure(() => issue({ vendor: vendorB }));
    expect(other).toMatchObject({
      status: Status.UNKNOWN_VCODE,
      detail: expect.stringContaining('was made for vendor 7; this is vendor 8'),
    });
    const sameId = failure(() => issue({ vendor: makeVendor(7, 11) }));
    expect(sameId).toMatchObject({ status: Status.UNKNOWN_VCODE, detail: expect.stringContaining('another vendor that has the id 7') });
  });

  it('where the C2V was changed, cut, is something else, or speaks of another key', () => {
    const { bytes } = unarmor(makeC2v(keyA));
    for (let at = 0; at < bytes.length; at += 11) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect([Status.INV_SIG, Status.INV_UPDATE_OBJ]).toContain(failure(() => issue({ c2v: armor('C2V', changed) })).status);
    }
    expect(failure(() => issue({ c2v: armor('C2V', bytes.subarray(0, -1)) })).status).toBe(Status.INV_SIG);
    expect(failure(() => issue({ c2v: issue().v2c })).status).toBe(Status.INV_FORMAT);
    expect(failure(() => issue({ c2v: 'nothing' })).status).toBe(Status.INV_FORMAT);
    const { payload } = openDocument('C2V', bytes);
    const stranger = makeKey(vendorA, 31);
    expect(failure(() => issue({ c2v: armor('C2V', signDocument('C2V', payload, stranger.signingKey)) })).status).toBe(Status.INV_SIG);
  });

  it('where the exchange key in the C2V is no key', () => {
    const c2v = readC2v(openDocument('C2V', unarmor(makeC2v(keyA)).bytes).payload);
    const hostile = writeC2v({ ...c2v, exchangeKey: toBase64(Buffer.alloc(32)) });
    const error = failure(() => issue({ c2v: armor('C2V', signDocument('C2V', hostile, keyA.signingKey)) }));
    expect(error).toMatchObject({ status: Status.INV_FORMAT, detail: expect.stringContaining('exchange key') });
  });

  it('where the counter of the key is at its end', () => {
    expect(failure(() => issue({ c2v: makeC2v(keyA, 0xffff_ffff) })).detail).toContain('counter');
    expect(issue({ c2v: makeC2v(keyA, 0xffff_fffe) }).counter).toBe(0xffff_ffff);
  });

  it('with 61 naming all products that the catalog lacks', () => {
    const error = failure(() => issue({ products: [1, 8, 9] }));
    expect(error).toMatchObject({ status: Status.INV_PRODUCT, detail: expect.stringContaining('8, 9') });
    expect(error.remedy).toContain('1, 2, 3');
  });

  it('where products are named twice, not at all, or fight over one memory', () => {
    expect(failure(() => issue({ products: [] })).detail).toContain('no product is named');
    expect(failure(() => issue({ products: [1, 1] })).detail).toContain('product 1 is named twice');
    const both = failure(() => issue({ products: [1, 3] }));
    expect(both).toMatchObject({
      status: Status.INVALID_PARAMETER,
      detail: expect.stringContaining('products 1, 3 all bring readOnlyData'),
    });
  });

  it('where a catalog made by a program breaks the limits, with every fault named', () => {
    const [product] = catalog.products;
    const [feature] = product!.features;
    const broken = { products: [{ ...product!, name: 'x'.repeat(51), features: [{ ...feature!, id: 70_000 }] }] };
    const error = failure(() =>
      issueLicense({ vendor: vendorA, catalog: broken, c2v: makeC2v(keyA), products: [1], now, entropy: fixedEntropy }),
    );
    expect(error.status).toBe(Status.INVALID_PARAMETER);
    expect(error.detail).toMatch(/name.*50 characters/);
    expect(error.detail).toContain('from 1 to 65471');
  });
});

describe('memory files of several products (K3)', () => {
  const two = (one: string, other: string) =>
    readCatalog(
      `products: [{ id: 1, features: [], memory: { dynamic: [${one}] } }, { id: 2, features: [], memory: { dynamic: [${other}] } }]`,
    );
  const issueTwo = (one: string, other: string) =>
    issueLicense({ vendor: vendorA, catalog: two(one, other), c2v: makeC2v(keyA), products: [1, 2], now, entropy: fixedEntropy });

  it('are all in the key, each once, with their contents', () => {
    const { v2c, certificate } = issueTwo(
      '{ id: 9, size: 5, access: rw }',
      '{ id: 3, size: 5, access: ro, data: { text: hello } }, { id: 9, size: 5, access: rw }',
    );
    expect(certificate.memory.dynamic?.map(({ id }) => id)).toEqual([3, 9]);
    expect(apply(keyA, 0, v2c).secrets.dynamic).toEqual([{ id: 3, data: toBase64(Buffer.from('hello')) }]);
  });

  it('are refused where two products mean different ones, or both bring contents, or all are too much', () => {
    const file = '{ id: 9, size: 5, access: rw, data: { text: a } }';
    expect(failure(() => issueTwo(file, '{ id: 9, size: 6, access: rw }')).detail).toContain('products 1, 2 have different memory files 9');
    expect(failure(() => issueTwo(file, '{ id: 9, size: 5, access: ro }')).detail).toContain('different memory files 9');
    expect(failure(() => issueTwo(file, file)).detail).toContain('products 1, 2 all bring contents of memory file 9');
    expect(failure(() => issueTwo('{ id: 1, size: 2000000, access: rw }', '{ id: 2, size: 2000000, access: rw }')).detail).toContain(
      'at most 3145728 are possible',
    );
  });
});
