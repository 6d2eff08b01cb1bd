import { Buffer } from 'node:buffer';
import { readFileSync, writeFileSync } from 'node:fs';
import { LicensingError, Status } from '@keyhaven/core/errors';
import {
  chainWith,
  openDocument,
  openStanding,
  openTrial,
  readCertificate,
  signTrialKey,
  trialSecrets,
  writeCertificate,
} from '@keyhaven/core/license';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeKey, makeVendor } from './fixtures.ts';
import { inspectFile } from './inspect.ts';
import { makeLicenseVectors } from './license-vectors.ts';

// UPDATE_VECTORS=1 writes vectors/licenses.json anew; without it the file is what counts.

const path = new URL('../../../vectors/licenses.json', import.meta.url);
if (process.env.UPDATE_VECTORS === '1') writeFileSync(path, `${JSON.stringify(makeLicenseVectors(), undefined, 2)}\n`);

const bytes = z.hex().transform((text) => Buffer.from(text, 'hex'));
const vectors = z
  .object({
    vendor: z.object({ id: z.int(), publicKey: bytes }),
    otherVendor: z.object({ publicKey: bytes }),
    key: z.object({ id: z.string(), signingSeed: bytes }),
    documents: z.array(
      z.object({
        name: z.string(),
        kind: z.enum(['certificate', 'trial', 'trialkey']),
        signer: bytes,
        payload: z.string(),
        document: bytes,
        text: z.string(),
      }),
    ),
    chain: bytes,
    standing: z.string(),
    secrets: z.array(z.object({ id: z.int(), secret: bytes })),
  })
  .parse(JSON.parse(readFileSync(path, 'utf8')));

const statusOf = (work: () => unknown): number => {
  try {
    work();
    return 0;
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
};
const refusals: readonly number[] = [Status.INV_SIG, Status.INV_UPDATE_OBJ, Status.INV_UPDATE_DATA];
/** The flipped bits with which it is not refused as it should be. */
const acceptedFlips = (document: Buffer, open: (flipped: Buffer) => unknown): string[] => {
  const accepted: string[] = [];
  const flipped = Buffer.from(document);
  for (let bit = 0; bit < document.length * 8; bit += 1) {
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    const status = statusOf(() => open(flipped));
    if (!refusals.includes(status)) accepted.push(`bit ${bit}: ${status}`);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  }
  if (!flipped.equals(document) || statusOf(() => open(flipped)) !== 0) accepted.push('refused as it is');
  return accepted;
};
const documentOf = (kind: string): Buffer => vectors.documents.find((each) => each.kind === kind)?.document ?? Buffer.alloc(0);

describe('vectors/licenses.json', () => {
  it('is what the code makes of the same seeds today', () => {
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(makeLicenseVectors());
  });
  it('has a certificate that is the same when it is written again (F11)', () => {
    const { payload } = openDocument('certificate', documentOf('certificate'), vectors.vendor.publicKey);
    expect(writeCertificate(readCertificate(payload)).equals(payload)).toBe(true);
  });
  it('has secrets that follow from the public key of the vendor (F105)', () => {
    for (const { id, secret } of trialSecrets(openTrial(documentOf('trial'))).features)
      expect(secret).toBe(vectors.secrets.find((each) => each.id === id)?.secret.toString('base64url'));
  });
});

describe.each(vectors.documents)('the document "$name"', ({ kind, signer, payload, document, text }) => {
  it('opens, reads, and says so to a person', () => {
    expect(openDocument(kind, document, signer).payload.toString('utf8')).toBe(payload);
    expect(inspectFile(text)).toMatchObject({ kind, signature: { holds: true } });
  });
  it('is refused cut at every byte and with any bit flipped', () => {
    for (let length = 0; length < document.length; length += 1)
      expect(refusals, `cut at ${length}`).toContain(statusOf(() => openDocument(kind, document.subarray(0, length), signer)));
    expect(acceptedFlips(document, (flipped) => openDocument(kind, flipped))).toEqual([]);
  }, 60_000);
});

describe('the chain of a trial license (K8, K10)', () => {
  const { chain, vendor, otherVendor } = vectors;
  const standing = (of: Uint8Array, by: Uint8Array = vendor.publicKey) => statusOf(() => openStanding(of, by));
  const [trial, trialKey] = [documentOf('trial'), documentOf('trialkey')];

  it('gives what the vendor signed, for the key that was made for it', () => {
    const { certificate, trial: of } = openStanding(chain, vendor.publicKey);
    expect(JSON.stringify(certificate)).toBe(vectors.standing);
    expect(of?.days).toBe(30);
    for (const feature of certificate.products[0]?.features ?? []) {
      expect(feature).toMatchObject({ license: { type: 'period', days: 30, trial: true }, detachable: false });
      expect(feature.concurrency).toMatchObject({ seats: 'unlimited', count: 'login', network: false });
    }
  });
  it('is refused cut at every byte, and with any bit flipped', () => {
    for (let length = 0; length < chain.length; length += 1) expect(refusals).toContain(standing(chain.subarray(0, length)));
    expect(acceptedFlips(chain, (flipped) => openStanding(flipped, vendor.publicKey))).toEqual([]);
  }, 60_000);
  it('is refused where another vendor is trusted', () => expect(standing(chain, otherVendor.publicKey)).toBe(Status.INV_SIG));
  it('is refused with the key of another trial, without one, with two, or with a key that signed for another', () => {
    const other = makeKey(makeVendor(37_515, 0x11), 0x41);
    const foreign = signTrialKey(Buffer.concat([trial, Buffer.of(0)]), openTrial(trial), other.signingKey);
    expect(standing(chainWith(trial, foreign))).toBe(Status.INV_UPDATE_DATA);
    expect(standing(trial)).toBe(Status.INV_UPDATE_DATA);
    expect(standing(chainWith(chain, trialKey))).toBe(Status.INV_UPDATE_DATA);
    const spliced = Buffer.from(trialKey);
    other.signingPublic.forEach((byte, index) => {
      spliced[5 + index] = byte;
    });
    expect(standing(chainWith(trial, spliced))).toBe(Status.INV_SIG);
  });
});
