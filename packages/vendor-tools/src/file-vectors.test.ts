import { Buffer } from 'node:buffer';
import { readFileSync, writeFileSync } from 'node:fs';
import { exchangePairFrom } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { createFeatureCipher, type Held, inPackage, keyFromSeeds, verifyUpdate, verifyUpdates } from '@keyhaven/core/key';
import {
  armor,
  openDocument,
  openSealed,
  parseVendorCode,
  readC2v,
  readCertificate,
  readPackage,
  readV2c,
  sealTo,
  signDocument,
  unarmor,
  writeC2v,
  writeCertificate,
  writePackage,
  writeV2c,
} from '@keyhaven/core/license';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeFileVectors } from './file-vectors.ts';
import { inspectFile } from './inspect.ts';
import { featureSecret, vendorFromSecrets } from './vendor.ts';

// UPDATE_VECTORS=1 writes vectors/files.json anew; without it the file is what counts.

const path = new URL('../../../vectors/files.json', import.meta.url);
if (process.env.UPDATE_VECTORS === '1') writeFileSync(path, `${JSON.stringify(makeFileVectors(), undefined, 2)}\n`);

const bytes = z.hex().transform((text) => Buffer.from(text, 'hex'));
const vectors = z
  .object({
    vendor: z.object({
      id: z.int(),
      signingSeed: bytes,
      masterSecret: bytes,
      publicKey: bytes,
      code: z.string(),
      featureSecrets: z.array(z.object({ feature: z.int(), secret: bytes })),
    }),
    otherVendor: z.object({ id: z.int(), publicKey: bytes, code: z.string() }),
    key: z.object({ id: z.string(), signingSeed: bytes, exchangeSeed: bytes, publicKey: bytes }),
    documents: z.array(
      z.object({
        name: z.string(),
        kind: z.enum(['C2V', 'V2C', 'V2CP', 'certificate']),
        signer: bytes,
        payload: z.string(),
        document: bytes,
        text: z.string(),
      }),
    ),
    updates: z.array(z.object({ license: z.string(), counter: z.int(), held: z.string().optional(), status: z.int() })),
    sealed: z.object({ ephemeralSeed: bytes, context: bytes, plain: bytes, sealed: bytes }),
    cipher: z.object({ secret: bytes, salt: bytes, messages: z.array(z.object({ plain: bytes, sealed: bytes })) }),
  })
  .parse(JSON.parse(readFileSync(path, 'utf8')));

/** What a key has after the V2C of this name. */
const heldOf = (name: string): Held => {
  const { payload } = openDocument('V2C', vectors.documents.find((each) => each.name === name)!.document);
  const certificateDocument = Buffer.from(readV2c(payload).certificate, 'base64url');
  return { certificate: readCertificate(openDocument('certificate', certificateDocument).payload), certificateDocument };
};

const rewrite = {
  C2V: (b: Uint8Array) => writeC2v(readC2v(b)),
  V2C: (b: Uint8Array) => writeV2c(readV2c(b)),
  V2CP: (b: Uint8Array) => writePackage(readPackage(b)),
  certificate: (b: Uint8Array) => writeCertificate(readCertificate(b)),
};
/** The shortest of each kind is tried with every bit flipped. SLOW=1 does that with all. */
const shortest = new Set(
  Object.keys(rewrite).map(
    (kind) =>
      vectors.documents.filter((each) => each.kind === kind).sort((one, other) => one.document.length - other.document.length)[0]?.name,
  ),
);
const refused = (act: () => unknown): boolean => {
  try {
    act();
    return false;
  } catch (error) {
    if (error instanceof LicensingError && (error.status === Status.INV_SIG || error.status === Status.INV_UPDATE_OBJ)) return true;
    throw error;
  }
};

describe('vectors/files.json', () => {
  it('is what the code makes of the same seeds today', () => {
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(makeFileVectors());
  });
});

describe.each(vectors.documents)('the document "$name"', ({ name, kind, signer, payload, document, text }) => {
  it('opens and reads', () => {
    const opened = openDocument(kind, document, signer);
    expect(opened.payload.toString('utf8')).toBe(payload);
    expect(inspectFile(text)).toMatchObject({ kind, bytes: document.length, signature: { holds: true } });
  });

  it('is the same when it is written again from what was read, as bytes and as text (F11)', () => {
    const { payload: content } = openDocument(kind, document);
    const again = rewrite[kind](content);
    expect(again.equals(content)).toBe(true);
    expect(armor(kind, document)).toBe(text);
    expect(unarmor(text).bytes.equals(document)).toBe(true);
    const signingKey = [
      vendorFromSecrets({ id: 1, name: 'x' }, { signingSeed: vectors.vendor.signingSeed, masterSecret: vectors.vendor.masterSecret })
        .signingKey,
      keyFromSeeds({ type: 'sl-adminmode', vendor: 1, vendorKey: signer }, vectors.key.signingSeed, vectors.key.exchangeSeed).signingKey,
    ][kind === 'C2V' ? 1 : 0]!;
    expect(signDocument(kind, again, signingKey).equals(document)).toBe(true);
  });

  it('is refused cut at every byte', () => {
    for (let length = 0; length < document.length; length += 1) {
      expect(
        refused(() => openDocument(kind, document.subarray(0, length), signer)),
        `cut at ${length}`,
      ).toBe(true);
    }
  });

  const whole = shortest.has(name) || process.env.SLOW !== undefined;
  it(`is refused with ${whole ? 'any bit flipped' : 'any bit of its header flipped, and with one of every byte of its payload'}`, () => {
    const accepted: number[] = [];
    const flipped = Buffer.from(document);
    for (let bit = 0; bit < document.length * 8; bit += whole || bit < 101 * 8 ? 1 : 9) {
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      if (!refused(() => openDocument(kind, flipped))) accepted.push(bit);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
    }
    expect(accepted).toEqual([]);
    expect(flipped.equals(document)).toBe(true);
  }, 60_000);

  it('is refused where another vendor is trusted', () => {
    expect(refused(() => openDocument(kind, document, vectors.otherVendor.publicKey))).toBe(true);
  });
});

describe('the vendor and key of the vectors', () => {
  const { vendor, key, otherVendor } = vectors;

  it('have the codes, ids and secrets that follow from their seeds', () => {
    expect(parseVendorCode(vendor.code)).toEqual({ vendor: vendor.id, publicKey: vendor.publicKey });
    expect(parseVendorCode(otherVendor.code)).toEqual({ vendor: otherVendor.id, publicKey: otherVendor.publicKey });
    const made = vendorFromSecrets({ id: vendor.id, name: 'x' }, vendor);
    expect(vendor.publicKey.equals(made.publicKey)).toBe(true);
    for (const { feature, secret } of vendor.featureSecrets) expect(featureSecret(made, feature).equals(secret)).toBe(true);
  });

  it.each(vectors.updates)('answer $status to "$license" at counter $counter', ({ license, counter, held, status }) => {
    const document = vectors.documents.find(({ name }) => name === license)!.document;
    const of = { type: 'sl-adminmode', vendor: vendor.id } as const;
    const own = keyFromSeeds({ ...of, vendorKey: vendor.publicKey }, key.signingSeed, key.exchangeSeed);
    expect(own.id).toBe(key.id);
    let answer: number = Status.OK;
    try {
      expect(verifyUpdate(own, counter, document, held === undefined ? undefined : heldOf(held)).secrets.features.length).toBeGreaterThan(
        1,
      );
    } catch (error) {
      if (!(error instanceof LicensingError)) throw error;
      answer = error.status;
    }
    expect(answer).toBe(status);
    const foreign = keyFromSeeds({ ...of, vendorKey: otherVendor.publicKey }, key.signingSeed, key.exchangeSeed);
    expect(() => verifyUpdate(foreign, counter, document)).toThrow(expect.objectContaining({ status: Status.INV_SIG }));
  });
});

describe('the package of the vectors', () => {
  it('brings its key from nothing to its last update (F90)', () => {
    const { vendor, key } = vectors;
    const own = keyFromSeeds({ type: 'sl-adminmode', vendor: vendor.id, vendorKey: vendor.publicKey }, key.signingSeed, key.exchangeSeed);
    const { document } = vectors.documents.find(({ kind }) => kind === 'V2CP')!;
    const [packed, ...others] = inPackage(document, [vectors.otherVendor.publicKey, vendor.publicKey]);
    expect([packed?.key, others]).toEqual([own.id, []]);
    const updates = verifyUpdates(own, 0, packed?.documents ?? []);
    expect(updates.map(({ certificate, acknowledge }) => [certificate.counter, acknowledge])).toEqual([
      [1, true],
      [2, false],
    ]);
    expect(updates[0].secrets.dynamic).toEqual([{ id: 2, data: Buffer.from('tide tables').toString('base64url') }]);
    expect(updates.at(-1)?.certificate).toMatchObject({
      final: true,
      memory: { dynamic: [{ id: 2 }, { id: 4, size: 2_097_152, access: 'rw' }] },
    });
  });
});

describe('the secrets of the vectors', () => {
  it('are sealed to the key and open there (F50)', () => {
    const { ephemeralSeed, context, plain, sealed } = vectors.sealed;
    const own = exchangePairFrom(vectors.key.exchangeSeed);
    expect(sealTo(own.publicKey, exchangePairFrom(ephemeralSeed), plain, context).equals(sealed)).toBe(true);
    expect(openSealed(own, sealed, context)?.equals(plain)).toBe(true);
  });

  it('encrypt and decrypt as recorded (F60)', () => {
    const { secret, salt, messages } = vectors.cipher;
    const writer = createFeatureCipher(secret, salt);
    const reader = createFeatureCipher(secret, Buffer.alloc(16));
    for (const { plain, sealed } of messages) {
      expect(writer.encrypt(plain).equals(sealed)).toBe(true);
      expect(reader.decrypt(sealed).equals(plain)).toBe(true);
    }
  });
});
