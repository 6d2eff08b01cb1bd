import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { toBase64 } from '../bytes/index.ts';
import { certificateOf, documentOf, featureOf, keyOf, vendorOf } from '../channel/world.testing.ts';
import { LicensingError } from '../errors/index.ts';
import type { KeyIdentity } from '../key/index.ts';
import { chainWith, type Delegation, signDocument, standingDigest, unarmor, writeDelegation } from '../license/index.ts';
import { certificatesOf, fingerprintOfKey } from './certificates.ts';

const vendor = vendorOf(37_515, 0x11);
const [owner, child, grandchild] = [0x21, 0x31, 0x41].map((seed) => keyOf(vendor, seed)) as [KeyIdentity, KeyIdentity, KeyIdentity];
const lendable = { ...featureOf(42, 5), detachable: true };
const sold = {
  ...certificateOf(owner),
  products: [
    { id: 1, name: 'Survey', features: [lendable, featureOf(44, 'unlimited')] },
    { id: 2, name: 'Charts', features: [featureOf(43, 1)] },
  ],
  rehost: true as const,
};
const shown = documentOf(sold, vendor);
const lend = (from: KeyIdentity, above: Uint8Array, to: KeyIdentity, of: Partial<Delegation> = {}): Buffer => {
  const delegation: Delegation = {
    format: 1,
    vendor: from.vendor,
    parent: from.id,
    certificate: standingDigest(above),
    key: to.id,
    type: 'sl-adminmode',
    signingKey: toBase64(to.signingPublic),
    product: 1,
    seats: 2,
    network: true,
    from: '2026-11-24T00:00:00.000Z',
    until: '2026-11-30T00:00:00.000Z',
    sequence: 4,
    ...of,
  };
  return chainWith(above, signDocument('delegation', writeDelegation(delegation), from.signingKey));
};
const of = (what: Uint8Array) => certificatesOf(what, vendor.publicKey, 37_515);
const brief = (what: Uint8Array) => of(what).map(({ kind, key, signatureHolds, fault }) => [kind, key, signatureHolds, fault === null]);

describe('the certificates of a key, link by link (field-facts 2.1)', () => {
  it('of what a vendor licensed: who signed, for which key, and what', () => {
    const [link, ...more] = of(shown);
    expect(more).toEqual([]);
    expect(link).toMatchObject({
      kind: 'vendor',
      signer: { vendor: 37_515, fingerprint: fingerprintOfKey(vendor.publicKey) },
      signatureHolds: true,
      fault: null,
      key: owner.id,
      type: sold.type,
      fingerprint: fingerprintOfKey(owner.signingPublic),
      issued: sold.issued,
      counter: sold.counter,
      rehost: true,
    });
    expect(
      link?.products.map(({ product, name, features }) => [product, name, features.map((each) => [each.feature, each.seats])]),
    ).toEqual([
      [
        1,
        'Survey',
        [
          [42, 5],
          [44, null],
        ],
      ],
      [2, 'Charts', [[43, 1]]],
    ]);
    expect(unarmor(link?.document ?? '')).toEqual({ kind: 'certificate', bytes: Buffer.from(shown) });
  });

  it('of what is lent on: every key between, each by the public key of the one before it, and no more than it passed on', () => {
    const once = lend(owner, shown, child);
    const links = of(lend(child, once, grandchild, { seats: 1, network: false, until: '2026-11-28T00:00:00.000Z', sequence: 1 }));
    expect(links.map(({ kind, key, until, counter }) => [kind, key, until, counter])).toEqual([
      ['vendor', owner.id, undefined, sold.counter],
      ['delegation', child.id, '2026-11-30T00:00:00.000Z', 4],
      ['delegation', grandchild.id, '2026-11-28T00:00:00.000Z', 1],
    ]);
    expect(links.slice(1).map(({ signer }) => signer)).toEqual(
      [owner, child].map((by) => ({ key: by.id, fingerprint: fingerprintOfKey(by.signingPublic) })),
    );
    expect(links.map(({ products }) => products.flatMap(({ features }) => features.map(({ seats }) => seats)))).toEqual([
      [5, null, 1],
      [2],
      [1],
    ]);
    expect(links[2]?.rehost).toBe(undefined);
  });

  it('says which signature does not hold, and nothing of what stands behind it', () => {
    const whole = lend(owner, shown, child);
    expect(brief(whole)).toEqual([
      ['vendor', owner.id, true, true],
      ['delegation', child.id, true, true],
    ]);
    const changed = Buffer.from(whole);
    changed[changed.length - 2] = (changed.at(-2) ?? 0) ^ 1;
    expect(brief(changed)).toEqual([
      ['vendor', owner.id, true, true],
      ['delegation', undefined, false, false],
    ]);
    expect(of(changed)[1]?.products).toEqual([]);
    const stranger = vendorOf(37_515, 0x12);
    const foreign = certificatesOf(whole, stranger.publicKey, 37_515);
    expect(foreign.map(({ kind, signatureHolds, key }) => [kind, signatureHolds, key])).toEqual([['vendor', false, undefined]]);
  });

  it('tells a delegation that gives more than its signer has from one that nobody signed', () => {
    const greedy = lend(owner, shown, child, { seats: 6 });
    expect(brief(greedy)[1]).toEqual(['delegation', undefined, true, false]);
    expect(of(greedy)[1]?.fault).toContain('more seats');
  });

  it('refuses what is no certificate', () => {
    expect(() => of(Buffer.from('KHC1 nothing of ours'))).toThrow(LicensingError);
  });
});

describe('the fingerprint of a public key', () => {
  it('is the beginning of its SHA-256, in groups', () => {
    // SHA-256 of nothing, as everybody knows it.
    expect(fingerprintOfKey(new Uint8Array())).toBe('e3b0 c442 98fc 1c14 9afb f4c8 996f b924');
  });
});
