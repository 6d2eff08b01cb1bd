import { describe, expect, it } from 'vitest';
import { toBase64 } from '../bytes/index.ts';
import { fill } from '../bytes/wire.testing.ts';
import { certificateOf, documentOf, featureOf, keyOf, vendorOf } from '../channel/world.testing.ts';
import { LicensingError, Status } from '../errors/index.ts';
import type { KeyIdentity } from '../key/index.ts';
import { trustCertificate } from '../session/index.ts';
import {
  type Certificate,
  chainWith,
  type Delegation,
  type Feature,
  openStanding,
  signDocument,
  standingDigest,
  writeDelegation,
} from './index.ts';

const vendor = vendorOf(37_515, 0x11);
const [owner, child, grandchild, fourth] = [0x21, 0x31, 0x41, 0x51].map((seed) => keyOf(vendor, seed)) as [
  KeyIdentity,
  KeyIdentity,
  KeyIdentity,
  KeyIdentity,
];
const lendable = (id: number, of: Partial<Feature> = {}): Feature => ({ ...featureOf(id, 5), detachable: true, ...of });
const sold: Certificate = {
  ...certificateOf(owner),
  products: [
    {
      id: 1,
      name: 'Survey',
      features: [
        lendable(42),
        lendable(43, { license: { type: 'expiration', until: '2026-11-25T00:00:00Z' } }),
        featureOf(44, 5),
        lendable(45, { license: { type: 'executions', count: 7 } }),
        { ...lendable(46), concurrency: { ...featureOf(46, 'unlimited').concurrency, network: false } },
      ],
    },
    { id: 2, name: 'Charts', features: [featureOf(42, 1)] },
  ],
  rehost: true,
};
const shown = documentOf(sold, vendor);
const delegationOf = (from: KeyIdentity, above: Uint8Array, to: KeyIdentity, of: Partial<Delegation> = {}): Delegation => ({
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
  sequence: 1,
  ...of,
});
const lend = (from: KeyIdentity, above: Uint8Array, to: KeyIdentity, of: Partial<Delegation> = {}): Buffer =>
  chainWith(above, signDocument('delegation', writeDelegation(delegationOf(from, above, to, of)), from.signingKey));
const refusal = (act: () => unknown): number => {
  try {
    act();
    return 0;
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
};

describe('a delegated certificate (K5, K10)', () => {
  it('gives only what may be detached of one product, with the seats and the end of the delegation, and no more right to move', () => {
    const { certificate, links, delegation } = openStanding(lend(owner, shown, child), vendor.publicKey);
    expect([links, delegation?.parent, certificate.key, certificate.rehost, certificate.counter]).toEqual([
      2,
      owner.id,
      child.id,
      undefined,
      1,
    ]);
    expect(certificate.products.map(({ id }) => id)).toEqual([1]);
    expect(
      certificate.products[0]?.features.map(({ id, license, concurrency, detachable }) => [
        id,
        license,
        concurrency.seats,
        concurrency.network,
        detachable,
      ]),
    ).toEqual([
      [42, { type: 'expiration', until: '2026-11-30T00:00:00.000Z' }, 2, true, true],
      [43, { type: 'expiration', until: '2026-11-25T00:00:00Z' }, 2, true, true],
      [46, { type: 'expiration', until: '2026-11-30T00:00:00.000Z' }, 'unlimited', false, true],
    ]);
  });

  it('is for no longer than the vendor signed, at any link, whoever made it', () => {
    const features = sold.products[0]!.features.map((feature) => (feature.id === 42 ? { ...feature, detachDays: 6 } : feature));
    const bounded = documentOf({ ...sold, products: [{ ...sold.products[0]!, features }] }, vendor);
    const two = lend(owner, bounded, child);
    expect(openStanding(two, vendor.publicKey).certificate.products[0]?.features[0]).toMatchObject({ detachDays: 6 });
    const later = { until: '2026-11-30T00:00:00.001Z' };
    expect(refusal(() => openStanding(lend(owner, bounded, child, later), vendor.publicKey))).toBe(Status.INV_UPDATE_DATA);
    expect(refusal(() => openStanding(lend(child, two, grandchild, later), vendor.publicKey))).toBe(Status.INV_UPDATE_DATA);
  });

  it('for one computer is for that computer: no network, and nothing to detach further', () => {
    const { certificate } = openStanding(lend(owner, shown, child, { network: false }), vendor.publicKey);
    expect(certificate.products[0]?.features.map(({ concurrency, detachable }) => [concurrency.network, detachable])).toEqual([
      [false, false],
      [false, false],
      [false, false],
    ]);
  });

  it('ends with every link above it, and is at most three long', () => {
    const two = lend(owner, shown, child);
    const three = lend(child, two, grandchild, { until: '2026-12-31T00:00:00.000Z', seats: 1 });
    const { certificate, links } = openStanding(three, vendor.publicKey);
    expect(links).toBe(3);
    expect(certificate.products[0]?.features[0]).toMatchObject({
      license: { until: '2026-11-30T00:00:00.000Z' },
      concurrency: { seats: 1 },
      detachable: false,
    });
    expect(refusal(() => openStanding(lend(grandchild, three, fourth, { seats: 1 }), vendor.publicKey))).toBe(Status.INV_UPDATE_OBJ);
  });

  const two = lend(owner, shown, child);
  const plainChild = lend(owner, shown, child, { network: false });
  const others = documentOf({ ...sold, counter: 2 }, vendor);
  it.each<[string, number, () => Buffer]>([
    ['more seats than its signer has', Status.INV_UPDATE_DATA, () => lend(owner, shown, child, { seats: 6 })],
    ['more seats than its signer was lent', Status.INV_UPDATE_DATA, () => lend(child, two, grandchild, { seats: 3 })],
    ['a product that may not be detached', Status.INV_UPDATE_DATA, () => lend(owner, shown, child, { product: 2 })],
    ['a product that its signer has not', Status.INV_UPDATE_DATA, () => lend(owner, shown, child, { product: 9 })],
    ['what was detached for one computer', Status.INV_UPDATE_DATA, () => lend(child, plainChild, grandchild, { seats: 1 })],
    ['another vendor', Status.INV_UPDATE_DATA, () => lend(owner, shown, child, { vendor: 5 })],
    ['another certificate of its signer', Status.INV_UPDATE_DATA, () => lend(owner, shown, child, { certificate: standingDigest(others) })],
    ['another signer than it names', Status.INV_UPDATE_DATA, () => lend(owner, shown, child, { parent: child.id })],
    ['its own signer', Status.INV_UPDATE_DATA, () => lend(owner, shown, owner)],
    ['the id of another key', Status.INV_UPDATE_DATA, () => lend(owner, shown, child, { key: grandchild.id })],
    ['an end before its beginning', Status.INV_UPDATE_DATA, () => lend(owner, shown, child, { until: '2026-11-23T00:00:00.000Z' })],
    [
      'by a key that is not in it',
      Status.INV_SIG,
      () => chainWith(shown, signDocument('delegation', writeDelegation(delegationOf(owner, shown, child)), child.signingKey)),
    ],
    ['by the vendor of another', Status.INV_SIG, () => lend(owner, documentOf(sold, vendorOf(37_515, 0x71)), child)],
    ['with a certificate in the place of the delegation', Status.INV_UPDATE_OBJ, () => chainWith(shown, shown)],
    [
      'with a delegation in the place of the certificate',
      Status.INV_UPDATE_OBJ,
      () => chainWith(signDocument('delegation', writeDelegation(delegationOf(owner, shown, child)), vendor.signingKey), shown),
    ],
  ])('is refused for %s (%i), and no application believes it (46)', (_, status, make) => {
    const chain = make();
    expect(refusal(() => openStanding(chain, vendor.publicKey))).toBe(status);
    for (const key of [owner, child, grandchild]) expect(refusal(() => trustCertificate(chain, vendor, key.id))).toBe(Status.SCHAN_ERR);
  });

  it('is believed by applications of the vendor, for the key at its end and for no other (I4)', () => {
    expect(trustCertificate(two, vendor, child.id).key).toBe(child.id);
    expect(refusal(() => trustCertificate(two, vendor, owner.id))).toBe(Status.SCHAN_ERR);
    expect(refusal(() => trustCertificate(two, vendorOf(37_515, 0x71), child.id))).toBe(Status.SCHAN_ERR);
    expect(refusal(() => trustCertificate(two, { ...vendor, vendor: 5 }, child.id))).toBe(Status.SCHAN_ERR);
  });

  it('keeps the start date of a license, and no grace behind its end', () => {
    const odd = {
      type: 'expiration',
      until: '2027-01-01T00:00:00Z',
      from: '2026-11-26T00:00:00Z',
      grace: 30,
    } as unknown as Feature['license'];
    const above = signDocument(
      'certificate',
      Buffer.from(JSON.stringify({ ...sold, products: [{ ...sold.products[0], features: [lendable(42, { license: odd })] }] })),
      vendor.signingKey,
    );
    const read = refusal(() => openStanding(above, vendor.publicKey));
    // Such fields come with other license types; where they are not known, the document is refused as a whole.
    if (read !== 0) return expect(read).toBe(Status.INV_UPDATE_DATA);
    const [feature] = openStanding(lend(owner, above, child), vendor.publicKey).certificate.products[0]?.features ?? [];
    expect(feature?.license).toEqual({ type: 'expiration', until: '2026-11-30T00:00:00.000Z', from: '2026-11-26T00:00:00Z' });
  });

  it('is refused where it is no chain at all', () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('KHC1'),
      Buffer.concat([Buffer.from('KHC1\u0002'), fill(40, 0)]),
      Buffer.concat([two, Buffer.alloc(1)]),
      Buffer.alloc(1_000_001),
    ]) {
      expect(refusal(() => openStanding(bytes, vendor.publicKey))).toBe(Status.INV_UPDATE_OBJ);
    }
  });
});
