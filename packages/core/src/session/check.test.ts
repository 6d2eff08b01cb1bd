import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { fill } from '../bytes/wire.testing.ts';
import { certificate, certificateOf, documentOf, featureOf, key, keyOf, vendor, vendorOf } from '../channel/world.testing.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { signDocument, writeC2v } from '../license/index.ts';
import type { Grant } from './calls.ts';
import { checkGrant, signingKeyIn, soldFeature, trustCertificate } from './check.ts';

const sold = certificateOf(key);
const asked = { product: 1, feature: 42, seats: 2 };
const grant: Grant = { handle: 1, session: fill(16, 1), token: fill(32, 2), ...asked };
const expectRefused = (act: () => unknown): void =>
  expect(act).toThrow(expect.objectContaining({ constructor: LicensingError, status: Status.SCHAN_ERR }));

describe('an application believes a grant (I4)', () => {
  it('for what it asked and its vendor sold, and learns the terms', () => {
    expect(checkGrant(grant, asked, sold)).toEqual(featureOf(42, 5, 'Echo sounder'));
    expect(checkGrant({ ...grant, product: 2, seats: 1 }, { product: 2, feature: 42, seats: 1 }, sold)).toEqual(
      featureOf(42, 1, 'Echo sounder'),
    );
  });

  it('for feature 0, which is in every key and in no product', () => {
    const default0 = { product: 0, feature: 0, seats: 1 };
    expect(checkGrant({ ...grant, ...default0 }, default0, { ...sold, products: [] })).toMatchObject({
      id: 0,
      license: { type: 'perpetual' },
    });
    expectRefused(() => checkGrant({ ...grant, ...default0, product: 1 }, { ...default0, product: 1 }, sold));
  });

  it('up to all the seats that were sold, and any number where they are unlimited', () => {
    const of = (feature: number, seats: number) => ({ product: 1, feature, seats });
    expect(checkGrant({ ...grant, ...of(42, 5) }, of(42, 5), sold).id).toBe(42);
    expectRefused(() => checkGrant({ ...grant, ...of(42, 6) }, of(42, 6), sold));
    expect(checkGrant({ ...grant, ...of(43, 32_752) }, of(43, 32_752), sold).id).toBe(43);
  });
});

describe('an application refuses a grant with 46 (I4)', () => {
  it.each([
    ['another feature that was sold too', { feature: 43 }],
    ['the feature 0, that everybody has', { product: 0, feature: 0 }],
    ['the same feature of another product', { product: 2 }],
    ['fewer seats than were asked for', { seats: 1 }],
    ['more seats than were asked for', { seats: 3 }],
    ['no seats', { seats: 0 }],
  ])('for %s', (_, other) => {
    expectRefused(() => checkGrant({ ...grant, ...other }, asked, sold));
  });

  it('for a product that was not asked for, though all else is as asked and sold', () => {
    expectRefused(() => checkGrant({ ...grant, product: 2, seats: 1 }, { ...asked, seats: 1 }, sold));
  });

  it.each([
    ['a feature that was not sold', { product: 1, feature: 44, seats: 1 }],
    ['a product that was not sold', { product: 3, feature: 42, seats: 1 }],
    ['a feature of the other product', { product: 2, feature: 43, seats: 1 }],
  ])('for %s, although it was asked for', (_, wish) => {
    expectRefused(() => checkGrant({ ...grant, ...wish }, wish, sold));
    expect(soldFeature(sold, wish.product, wish.feature)).toBeUndefined();
  });
});

describe('an application believes a certificate', () => {
  it('of its vendor, for the key that it asked for', () => {
    expect(trustCertificate(certificate, vendor, key.id)).toEqual(sold);
    expect(Buffer.from(signingKeyIn(sold)).equals(key.signingPublic)).toBe(true);
  });

  const others = {
    'of another vendor with the same id': documentOf(sold, vendorOf(vendor.vendor, 0x31)),
    'of its vendor under another id': documentOf({ ...sold, vendor: 1 }, vendor),
    'of another key of its vendor': documentOf(certificateOf(keyOf(vendor, 0x41)), vendor),
    'that the key signed itself': signDocument('certificate', Buffer.from(JSON.stringify(sold)), key.signingKey),
    'that is another document of its vendor': signDocument(
      'C2V',
      writeC2v({
        format: 1,
        vendor: vendor.vendor,
        vendorKey: sold.signingKey,
        key: key.id,
        type: 'sl-adminmode',
        signingKey: sold.signingKey,
        exchangeKey: sold.signingKey,
        counter: 0,
        created: sold.issued,
        host: '',
        virtualMachine: false,
        usage: [],
      }),
      vendor.signingKey,
    ),
    'that is no JSON, though signed': signDocument('certificate', Buffer.from('{'), vendor.signingKey),
    'that is nothing': Buffer.alloc(0),
  };
  it.each(Object.entries(others))('but none %s (46)', (_, document) => {
    expectRefused(() => trustCertificate(document, vendor, key.id));
  });

  it('and none with a byte changed, or cut', () => {
    for (let at = 0; at < certificate.length; at += 1) {
      const changed = Buffer.from(certificate);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      expectRefused(() => trustCertificate(changed, vendor, key.id));
      if (at % 16 === 0) expectRefused(() => trustCertificate(certificate.subarray(0, at), vendor, key.id));
    }
  });
});
