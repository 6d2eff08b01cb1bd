import { Buffer } from 'node:buffer';
import { readFileSync, writeFileSync } from 'node:fs';
import { toBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { fingerprintOf } from '@keyhaven/core/fingerprint';
import { verifyLegacy } from '@keyhaven/core/key';
import {
  chainWith,
  type LegacyTerms,
  legacyKeyId,
  openDocument,
  openLegacy,
  openStanding,
  signDocument,
  signLegacyKey,
  writeLegacy,
  writeLegacyTerms,
} from '@keyhaven/core/license';
import { trustCertificate } from '@keyhaven/core/session';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readFingerprintFile } from './fingerprint-file.ts';
import { makeKey, makeVendor } from './fixtures.ts';
import { inspectFile } from './inspect.ts';
import { makeLegacyVectors, tower } from './legacy-vectors.ts';

// UPDATE_VECTORS=1 writes vectors/legacy.json anew; without it the file is what counts.

const path = new URL('../../../vectors/legacy.json', import.meta.url);
if (process.env.UPDATE_VECTORS === '1') writeFileSync(path, `${JSON.stringify(makeLegacyVectors(), undefined, 2)}\n`);

const bytes = z.hex().transform((text) => Buffer.from(text, 'hex'));
const kind = z.enum(['legacy', 'legacyterms', 'legacykey']);
const vectors = z
  .object({
    vendor: z.object({ id: z.int(), publicKey: bytes }),
    otherVendor: z.object({ publicKey: bytes }),
    key: z.object({ id: z.string(), signingSeed: bytes }),
    fingerprintFile: z.string(),
    versions: z.array(z.object({ license: bytes, counter: z.int() })),
    documents: z.array(z.object({ name: z.string(), kind, signer: bytes, payload: z.string(), document: bytes, text: z.string() })),
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
/** The flipped bits and cut lengths with which it is not refused as it should be. */
const accepted = (document: Buffer, open: (changed: Buffer) => unknown): string[] => {
  const faults: string[] = [];
  for (let length = 0; length < document.length; length += 1)
    if (!refusals.includes(statusOf(() => open(document.subarray(0, length))))) faults.push(`cut at ${length}`);
  const flipped = Buffer.from(document);
  for (let bit = 0; bit < document.length * 8; bit += 1) {
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    if (!refusals.includes(statusOf(() => open(flipped)))) faults.push(`bit ${bit}`);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  }
  if (!flipped.equals(document) || statusOf(() => open(flipped)) !== 0) faults.push('refused as it is');
  return faults;
};
const named = (name: string): Buffer => vectors.documents.find((each) => each.name === name)?.document ?? Buffer.alloc(0);
const [first, second] = [named('legacy license'), named('legacy license that takes its place')];
const vendor = makeVendor(37_515, 0x11);
const { terms, termsDocument } = openLegacy(first);

describe('vectors/legacy.json', () => {
  it('is what the code makes of the same seeds today', () => {
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(makeLegacyVectors());
  });
  it('has a fingerprint file that tells its vendor what the computer is recognised by', () => {
    expect(readFingerprintFile(vectors.fingerprintFile, vendor)).toEqual(fingerprintOf(tower, vectors.vendor.publicKey));
  });
  it('has two versions of one license, with one key', () => {
    const [a, b] = [openLegacy(first), openLegacy(second)];
    expect([a.key, b.key]).toEqual([vectors.key.id, vectors.key.id]);
    for (const [index, { license, counter }] of [a.terms, b.terms].entries())
      expect({ license, counter }).toEqual({
        license: toBase64(vectors.versions[index]!.license),
        counter: vectors.versions[index]!.counter,
      });
    expect(a.secrets.features.map(({ secret }) => secret)).toEqual(vectors.secrets.map(({ secret }) => toBase64(secret)));
  });
  it('are taken in order, whichever is the first one (K4)', () => {
    const at = (document: Buffer, counter: number | undefined) => statusOf(() => verifyLegacy(document, () => counter));
    expect([at(first, undefined), at(second, undefined), at(second, 1)]).toEqual([0, 0, 0]);
    expect([at(first, 1), at(first, 2), at(second, 2)]).toEqual([65, 54, 65]);
  });
});

describe.each(vectors.documents)('the document "$name"', ({ kind: of, signer, payload, document, text }) => {
  it('opens, reads, and says so to a person', () => {
    expect(openDocument(of, document, signer).payload.toString('utf8')).toBe(payload);
    expect(inspectFile(text)).toMatchObject({ kind: of, signature: { holds: true } });
  });
  it('is refused cut at every byte and with any bit flipped', () => {
    expect(accepted(document, (changed) => openDocument(of, changed, signer))).toEqual([]);
  }, 60_000);
});

describe('the chain of a legacy license (T1, K10)', () => {
  const { chain, otherVendor } = vectors;
  const standing = (of: Uint8Array, by: Uint8Array = vendor.publicKey) => statusOf(() => openStanding(of, by));
  /** What the vendor signs, changed. */
  const sign = (change: Partial<LegacyTerms>): Buffer =>
    signDocument('legacyterms', writeLegacyTerms({ ...terms, ...change }), vendor.signingKey);

  it('gives what the vendor signed, for the computer of its fingerprint and the key of its license', () => {
    const { certificate, legacy } = openStanding(chain, vendor.publicKey);
    expect(JSON.stringify(certificate)).toBe(vectors.standing);
    expect(certificate).toMatchObject({ key: vectors.key.id, type: 'sl-legacy', counter: 1, fingerprint: terms.fingerprint });
    expect(legacy).toEqual(terms);
    expect(trustCertificate(chain, { vendor: vendor.id, publicKey: vendor.publicKey }, vectors.key.id).products).toEqual(terms.products);
  });
  it('is refused cut at every byte, and with any bit flipped', () => {
    expect(accepted(chain, (changed) => openStanding(changed, vendor.publicKey))).toEqual([]);
  }, 60_000);
  it('is refused where another vendor is trusted', () => expect(standing(chain, otherVendor.publicKey)).toBe(Status.INV_SIG));
  it('is refused with the key of another license, without one, or lent to somebody', () => {
    const other = makeKey(vendor, 0x41);
    const another = { ...terms, license: toBase64(Buffer.alloc(16, 9)) };
    const foreign = signLegacyKey(termsDocument, another, other.signingKey);
    const newer = signLegacyKey(sign({ counter: 2 }), terms, other.signingKey);
    expect(standing(chainWith(termsDocument, foreign))).toBe(Status.INV_UPDATE_DATA);
    expect(standing(chainWith(termsDocument, newer))).toBe(Status.INV_UPDATE_DATA);
    expect(standing(termsDocument)).toBe(Status.INV_UPDATE_DATA);
    expect(standing(chainWith(chain, named('key of the legacy license')))).toBe(Status.INV_UPDATE_DATA);
  });
  it('has a key id that only this license of this vendor gives', () => {
    expect(legacyKeyId(terms)).toBe(vectors.key.id);
    expect(legacyKeyId({ ...terms, license: toBase64(Buffer.alloc(16, 9)) })).not.toBe(vectors.key.id);
    expect(legacyKeyId({ ...terms, vendorKey: toBase64(otherVendor.publicKey) })).not.toBe(vectors.key.id);
  });
  it('is refused where the vendor bound it to no computer, lends it, or mixes it with a trial', () => {
    const [product] = terms.products;
    const [feature] = product!.features;
    const { protection: _, ...unbound } = product!;
    const withKey = (change: Partial<LegacyTerms>): number => {
      const document = sign(change);
      const of = { ...terms, ...change };
      return standing(chainWith(document, signLegacyKey(document, of, makeKey(vendor, 0x21).signingKey)));
    };
    expect(withKey({})).toBe(0);
    const loose = { physical: 'Disable', virtual: 'PlatformDefault' } as const;
    for (const products of [
      [],
      [unbound],
      [{ ...product!, protection: loose }],
      [{ ...product!, features: [{ ...feature!, detachable: true }] }],
      [{ ...product!, features: [{ ...feature!, license: { type: 'period', days: 3, trial: true } as const }] }],
    ])
      expect(withKey({ products }), JSON.stringify(products)).toBe(Status.INV_UPDATE_DATA);
    expect(withKey({ vendorKey: toBase64(otherVendor.publicKey) })).toBe(Status.INV_UPDATE_DATA);
  });
  it('comes in a file of one hand: the terms of another vendor inside of it are refused', () => {
    const stranger = makeVendor(37_515, 0x31);
    const file = writeLegacy({ format: 1, vendor: vendor.id, terms: toBase64(termsDocument), secrets: openLegacy(first).secrets });
    expect(statusOf(() => openLegacy(signDocument('legacy', file, stranger.signingKey)))).toBe(Status.INV_SIG);
    expect(statusOf(() => openLegacy(signDocument('legacy', file, vendor.signingKey)))).toBe(0);
    const without = writeLegacy({ format: 1, vendor: vendor.id, terms: toBase64(termsDocument), secrets: { features: [] } });
    expect(statusOf(() => verifyLegacy(signDocument('legacy', without, vendor.signingKey), () => undefined))).toBe(Status.INV_UPDATE_DATA);
  });
});
