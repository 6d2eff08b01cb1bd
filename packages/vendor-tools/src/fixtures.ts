import { Buffer } from 'node:buffer';
import { type Entropy, exchangePairFrom } from '@keyhaven/core/crypto';
import { type KeyIdentity, keyFromSeeds, stateDocument, type Usage } from '@keyhaven/core/key';
import { armor } from '@keyhaven/core/license';
import { wall } from '@keyhaven/core/time';
import { type Vendor, type VendorInfo, vendorFromSecrets } from './vendor.ts';

// What the tests of this package share: everything from fixed seeds.

export const seed = (fill: number): Buffer => Buffer.alloc(32, fill);
export const now = wall(Date.UTC(2026, 10, 24, 3));
export const fixedEntropy: Entropy = {
  bytes: (length) => Buffer.alloc(length, 0x77),
  exchangePair: () => exchangePairFrom(seed(0x77)),
};
export const makeVendor = (id: number, fill: number): Vendor =>
  vendorFromSecrets({ id, name: `Vendor ${fill}` }, { signingSeed: seed(fill), masterSecret: seed(fill + 1) });
export const makeKey = (vendor: VendorInfo, fill: number): KeyIdentity =>
  keyFromSeeds({ type: 'sl-adminmode', vendor: vendor.id, vendorKey: vendor.publicKey }, seed(fill), seed(fill + 1));
export const makeC2v = (key: KeyIdentity, counter = 0, usage: Usage = []): string =>
  armor('C2V', stateDocument(key, { counter, host: 'survey-1.example', virtualMachine: false, usage }, now));

export const catalogText = `
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 5, network: true }, detachable: true }
      - { id: 43, name: Side scan, license: { type: expiration, until: 2027-12-31 }, concurrency: { seats: 2, count: station } }
    memory: { readWrite: 64, readOnly: 32, readOnlyData: { text: hello }, readWriteData: { hex: "0001" } }
  - id: 2
    name: Charts
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual } }
      - { id: 50, name: Charts, license: { type: executions, count: 100 }, concurrency: { count: process } }
    memory: { readWrite: 128, readOnly: 16 }
  - id: 3
    name: Other memory
    features: []
    memory: { readOnlyData: { base64: AAAA } }
`;
