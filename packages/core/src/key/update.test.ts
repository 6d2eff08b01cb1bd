import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { toBase64 } from '../bytes/index.ts';
import { exchangePairFrom, privateKeyFrom, publicBytes } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import {
  type Certificate,
  type Secrets,
  sealTo,
  signDocument,
  type V2c,
  writeCertificate,
  writeSecrets,
  writeV2c,
} from '../license/index.ts';
import { keyFromSeeds } from './identity.ts';
import { peekV2c, sealContext, verifyUpdate } from './update.ts';

const seed = (fill: number) => Buffer.alloc(32, fill);
const vendorA = privateKeyFrom('ed25519', seed(1));
const vendorB = privateKeyFrom('ed25519', seed(2));
const key = keyFromSeeds({ type: 'sl-adminmode', vendor: 7, vendorKey: publicBytes(vendorA) }, seed(3), seed(4));
const secretOf = (id: number) => ({ id, secret: toBase64(seed(50 + id)) });
const concurrency = { seats: 5, count: 'login', network: true, remoteDesktop: false, virtualMachine: true } as const;

type Parts = {
  readonly counter?: number;
  readonly signer?: typeof vendorA;
  readonly certificateSigner?: typeof vendorA;
  readonly certificate?: Partial<Certificate>;
  readonly v2c?: Partial<V2c>;
  readonly secrets?: Secrets;
  readonly context?: Buffer;
  readonly recipient?: Uint8Array;
};

const makeV2c = (parts: Parts = {}): Buffer => {
  const counter = parts.counter ?? 1;
  const certificate: Certificate = {
    format: 1,
    vendor: 7,
    key: key.id,
    type: key.type,
    signingKey: toBase64(key.signingPublic),
    counter,
    issued: '2026-11-24T03:00:00Z',
    products: [{ id: 1, name: 'P', features: [{ id: 5, name: 'F', license: { type: 'perpetual' }, concurrency, detachable: false }] }],
    memory: { readWrite: 16, readOnly: 16 },
    ...parts.certificate,
  };
  const secrets = writeSecrets(parts.secrets ?? { features: [secretOf(0), secretOf(5)] });
  const ephemeral = exchangePairFrom(seed(9));
  const sealed = sealTo(parts.recipient ?? key.exchange.publicKey, ephemeral, secrets, parts.context ?? sealContext(key.id, counter));
  const document = signDocument('certificate', writeCertificate(certificate), parts.certificateSigner ?? vendorA);
  const v2c = { format: 1, vendor: 7, key: key.id, counter, certificate: toBase64(document), sealed: toBase64(sealed) } as const;
  return signDocument('V2C', writeV2c({ ...v2c, ...parts.v2c }), parts.signer ?? vendorA);
};

const statusOf = (current: number, document: Uint8Array): number => {
  try {
    verifyUpdate(key, current, document);
    return Status.OK;
  } catch (error) {
    if (!(error instanceof LicensingError)) throw error;
    return error.status;
  }
};

describe('an update against its key (K4)', () => {
  it('is taken when it is the next one, and brings certificate and secrets', () => {
    const update = verifyUpdate(key, 0, makeV2c());
    expect(update.certificate).toMatchObject({ key: key.id, counter: 1 });
    expect(update.secrets.features).toEqual([secretOf(0), secretOf(5)]);
    expect(verifyUpdate(key, 4, makeV2c({ counter: 5 })).certificate.counter).toBe(5);
  });

  it('answers 65 when applied twice, 54 when older, 55 when one before it is missing', () => {
    const third = makeV2c({ counter: 3 });
    expect(statusOf(2, third)).toBe(Status.OK);
    expect(statusOf(3, third)).toBe(Status.UPDATE_ALREADY_ADDED);
    expect(statusOf(4, third)).toBe(Status.UPDATE_TOO_OLD);
    expect(statusOf(1, third)).toBe(Status.UPDATE_TOO_NEW);
  });

  it('answers 18 to an update for another key', () => {
    expect(statusOf(0, makeV2c({ v2c: { key: '99' } }))).toBe(Status.KEYID_NOT_FOUND);
  });

  it('answers 30 to another vendor, whatever the document claims, before its counter or key is looked at (S12)', () => {
    expect(statusOf(0, makeV2c({ signer: vendorB }))).toBe(Status.INV_SIG);
    expect(statusOf(0, makeV2c({ signer: vendorB, certificateSigner: vendorB, v2c: { key: '99' } }))).toBe(Status.INV_SIG);
    expect(statusOf(0, makeV2c({ certificateSigner: vendorB }))).toBe(Status.INV_SIG);
  });

  it('answers 30 or 17 when any byte is changed (S1)', () => {
    const document = makeV2c();
    for (let at = 0; at < document.length; at += 1) {
      const changed = Buffer.from(document);
      changed[at]! ^= 0x20;
      expect([Status.INV_SIG, Status.INV_UPDATE_OBJ], `byte ${at}`).toContain(statusOf(0, changed));
    }
  });

  it('answers 19 when the signed parts do not belong together', () => {
    const signingKey = toBase64(seed(8));
    for (const parts of [
      { certificate: { key: '99' } },
      { certificate: { vendor: 8 } },
      { v2c: { vendor: 8 } },
      { certificate: { counter: 2 } },
      { certificate: { type: 'sl-usermode' } },
      { certificate: { signingKey } },
      { context: sealContext(key.id, 2) },
      { recipient: exchangePairFrom(seed(8)).publicKey },
      { v2c: { sealed: toBase64(Buffer.alloc(48)) } },
      { secrets: { features: [secretOf(5)] } },
      { secrets: { features: [secretOf(0)] } },
      { secrets: { features: [secretOf(0), secretOf(5)], readOnly: toBase64(Buffer.alloc(17)) } },
      { secrets: { features: [secretOf(0), secretOf(5)], readWrite: toBase64(Buffer.alloc(17)) } },
    ] satisfies Parts[]) {
      expect(statusOf(0, makeV2c(parts)), JSON.stringify(parts)).toBe(Status.INV_UPDATE_DATA);
    }
  });

  it('can be looked at without the key, and then names who signed it', () => {
    const { signer, v2c } = peekV2c(makeV2c({ signer: vendorB }));
    expect(signer.equals(publicBytes(vendorB))).toBe(true);
    expect(v2c.key).toBe(key.id);
  });
});
