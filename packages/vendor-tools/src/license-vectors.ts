import { Buffer } from 'node:buffer';
import { fromBase64, hex } from '@keyhaven/core/bytes';
import {
  armor,
  chainWith,
  openDocument,
  openStanding,
  openTrial,
  readV2c,
  signTrialKey,
  trialSecrets,
  unarmor,
} from '@keyhaven/core/license';
import { readCatalog } from './catalog.ts';
import { fixedEntropy, makeC2v, makeKey, makeVendor, now, seed } from './fixtures.ts';
import { issueLicense } from './issue.ts';
import { issueTrial } from './trial.ts';

// Makes vectors/licenses.json: every type of license in one certificate, and a trial license with the key that was made for it.

const everyType = `
products:
  - id: 1
    name: Every type
    features:
      - { id: 1, name: Perpetual, license: { type: perpetual } }
      - { id: 2, name: From a date, license: { type: perpetual, from: 2027-01-01 } }
      - { id: 3, name: Until a date, license: { type: expiration, until: 2027-12-31, from: 2027-01-01T08:00:00Z, graceDays: 14 } }
      - { id: 4, name: Days from first use, license: { type: period, days: 3650, graceDays: 365 } }
      - { id: 5, name: Days from a date, license: { type: period, days: 1, from: 2027-01-01 } }
      - { id: 6, name: Executions, license: { type: executions, count: 16777215, from: 2027-01-01 } }
      - { id: 7, name: Here only, license: { type: perpetual }, concurrency: { remoteDesktop: true, virtualMachine: false } }
    memory: { readWrite: 16, readOnly: 16, readOnlyData: { text: hello }, readWriteData: { hex: "0001" } }
`;

/** All byte strings are hex. */
export const makeLicenseVectors = () => {
  const vendor = makeVendor(37_515, 0x11);
  const stranger = makeVendor(37_515, 0x31);
  const key = makeKey(vendor, 0x21);
  const catalog = readCatalog(everyType);
  const request = { vendor, catalog, now, entropy: fixedEntropy };
  const { v2c } = issueLicense({ ...request, c2v: makeC2v(key), products: [1] });
  const certificate = fromBase64(readV2c(openDocument('V2C', unarmor(v2c).bytes).payload).certificate) ?? Buffer.alloc(0);
  const { text } = issueTrial({ ...request, product: 1, days: 30 });
  const trial = unarmor(text).bytes;
  const trialKey = signTrialKey(trial, openTrial(trial), key.signingKey);
  const chain = chainWith(trial, trialKey);
  const document = (name: string, kind: 'certificate' | 'trial' | 'trialkey', bytes: Buffer) => {
    const { signer, payload } = openDocument(kind, bytes);
    return { name, kind, signer: hex(signer), payload: payload.toString('utf8'), document: hex(bytes), text: armor(kind, bytes) };
  };
  return {
    about:
      'Every type of license and a trial license, by docs/protocol/files.md, from fixed seeds. Byte strings are hex. `standing` is what an ' +
      'application may believe of the chain of the trial.',
    vendor: { id: vendor.id, publicKey: hex(vendor.publicKey) },
    otherVendor: { publicKey: hex(stranger.publicKey) },
    key: { id: key.id, signingSeed: hex(seed(0x21)) },
    documents: [
      document('certificate with every type of license', 'certificate', certificate),
      document('trial license', 'trial', trial),
      document('key of the trial license', 'trialkey', trialKey),
    ],
    chain: hex(chain),
    standing: JSON.stringify(openStanding(chain, vendor.publicKey).certificate),
    secrets: trialSecrets(openTrial(trial)).features.map(({ id, secret }) => ({ id, secret: hex(fromBase64(secret) ?? Buffer.alloc(0)) })),
  };
};
