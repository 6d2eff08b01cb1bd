import { Buffer } from 'node:buffer';
import { toBase64 } from '../bytes/index.ts';
import { fill } from '../bytes/wire.testing.ts';
import { type Entropy, exchangePairFrom, type KeyObject, privateKeyFrom, publicBytes, sha256 } from '../crypto/index.ts';
import { type KeyIdentity, keyFromSeeds } from '../key/index.ts';
import { type Certificate, type Feature, signDocument, type VendorCode, writeCertificate } from '../license/index.ts';

// A vendor, a key and what was sold with it, all from fixed seeds; and entropy that can be repeated (I7).

/** Counts up through seeds, so that no two draws are alike. */
export const seededEntropy = (start: number): Entropy => {
  let next = start;
  const draw = (length: number): Buffer => {
    next += 1;
    const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, block) => sha256(Buffer.from(`entropy ${next} ${block}`)));
    return Buffer.concat(blocks).subarray(0, length);
  };
  return { bytes: draw, exchangePair: () => exchangePairFrom(draw(32)) };
};

export type TestVendor = VendorCode & { readonly signingKey: KeyObject };
export const vendorOf = (vendor: number, seed: number): TestVendor => {
  const signingKey = privateKeyFrom('ed25519', fill(32, seed));
  return { vendor, signingKey, publicKey: publicBytes(signingKey) };
};

export const featureOf = (id: number, seats: number | 'unlimited', name = `Feature ${id}`): Feature => ({
  id,
  name,
  license: { type: 'perpetual' },
  concurrency: { seats, count: 'login', network: true, remoteDesktop: true, virtualMachine: true },
  detachable: false,
});

export const keyOf = (vendor: TestVendor, seed: number): KeyIdentity =>
  keyFromSeeds({ type: 'sl-adminmode', vendor: vendor.vendor, vendorKey: vendor.publicKey }, fill(32, seed), fill(32, seed + 1));

export const certificateOf = (key: KeyIdentity, counter = 1): Certificate => ({
  format: 1,
  vendor: key.vendor,
  key: key.id,
  type: 'sl-adminmode',
  signingKey: toBase64(key.signingPublic),
  counter,
  issued: '2026-11-24T03:00:00Z',
  products: [
    { id: 1, name: 'Survey', features: [featureOf(42, 5, 'Echo sounder'), featureOf(43, 'unlimited', 'Side scan')] },
    { id: 2, name: 'Charts', features: [featureOf(42, 1, 'Echo sounder')] },
  ],
  memory: { readWrite: 64, readOnly: 32 },
});

/** What `answerOpening` needs of a key. */
export const holderOf = (key: KeyIdentity, certificate: Uint8Array) => ({
  id: key.id,
  vendor: key.vendor,
  signingKey: key.signingKey,
  certificate,
  digest: sha256(certificate),
});

export const documentOf = (certificate: Certificate, vendor: TestVendor): Buffer =>
  signDocument('certificate', writeCertificate(certificate), vendor.signingKey);

export const vendor = vendorOf(37_515, 0x11);
export const key = keyOf(vendor, 0x21);
export const certificate = documentOf(certificateOf(key), vendor);
