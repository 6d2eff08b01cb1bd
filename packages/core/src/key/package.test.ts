import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { toBase64 } from '../bytes/index.ts';
import { exchangePairFrom, privateKeyFrom, publicBytes, sha256 } from '../crypto/index.ts';
import { LicensingError } from '../errors/index.ts';
import { type Certificate, sealTo, signDocument, writeCertificate, writePackage, writeSecrets, writeV2c } from '../license/index.ts';
import { keyFromSeeds } from './identity.ts';
import { inPackage, verifyUpdates } from './package.ts';
import { type Held, sealContext } from './update.ts';

const seed = (fill: number) => Buffer.alloc(32, fill);
const vendor = privateKeyFrom('ed25519', seed(1));
const stranger = privateKeyFrom('ed25519', seed(2));
const keyOf = (fill: number) =>
  keyFromSeeds({ type: 'sl-adminmode', vendor: 7, vendorKey: publicBytes(vendor) }, seed(fill), seed(fill + 1));
const [key, other] = [keyOf(3), keyOf(30)];

type Wish = {
  readonly of?: typeof key;
  readonly by?: typeof vendor;
  readonly base?: Held | undefined;
  readonly final?: true;
  readonly name?: string;
};
const make = (counter: number, { of = key, by = vendor, base, final, name = 'P' }: Wish = {}) => {
  const certificate: Certificate = {
    format: 1,
    vendor: 7,
    key: of.id,
    type: of.type,
    signingKey: toBase64(of.signingPublic),
    counter,
    issued: '2026-11-24T03:00:00Z',
    products: [{ id: 1, name, features: [] }],
    memory: { readWrite: 16, readOnly: 16 },
    ...(final === undefined ? {} : { final }),
  };
  const certificateDocument = signDocument('certificate', writeCertificate(certificate), by);
  const secrets = writeSecrets({ features: [{ id: 0, secret: toBase64(seed(50)) }] });
  const v2c = {
    format: 1,
    vendor: 7,
    key: of.id,
    counter,
    certificate: toBase64(certificateDocument),
    sealed: toBase64(sealTo(of.exchange.publicKey, exchangePairFrom(seed(9)), secrets, sealContext(of.id, counter))),
    ...(base === undefined ? {} : { base: toBase64(sha256(base.certificateDocument)) }),
  } as const;
  return { document: signDocument('V2C', writeV2c(v2c), by), held: { certificate, certificateDocument } };
};
const pack = (documents: readonly Uint8Array[], by = vendor, of = 7) =>
  signDocument('V2CP', writePackage({ format: 1, vendor: of, updates: documents.map((each) => toBase64(each)) }), by);
const statusOf = (act: () => unknown): number => {
  try {
    act();
    return 0;
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
};
const [one, two, three, four] = [make(1), make(2), make(3), make(4)];
const documents = (...of: { readonly document: Uint8Array }[]) => of.map(({ document }) => document);

describe('several V2C of one key', () => {
  it.each([
    ['in order, all of them', 0, documents(one, two, three), 0, 3],
    ['the first of them applied already', 1, documents(one, two, three), 0, 2],
    ['all of them applied already', 3, documents(one, two, three), 65, 0],
    ['all of them older', 4, documents(one, two, three), 54, 0],
    ['a gap before the first', 0, documents(two, three), 55, 0],
    ['a gap between them', 1, documents(two, four), 55, 0],
    ['in another order', 0, documents(two, one), 55, 0],
    ['one twice', 0, documents(one, one), 65, 0],
    ['one for another key', 0, [one.document, make(2, { of: other }).document], 18, 0],
    ['one by another vendor', 0, [one.document, make(2, { by: stranger }).document], 30, 0],
  ])('%s: at counter %d', (_, counter, given, status, count) => {
    let applied = 0;
    expect(statusOf(() => (applied = verifyUpdates(key, counter, given).length))).toBe(status);
    expect(applied).toBe(count);
  });
});

describe('an update computed from what the key has', () => {
  it('fits that state (0), and no other one of the same counter (94)', () => {
    const fork = make(1, { name: 'Q' });
    const change = make(2, { base: one.held });
    expect(statusOf(() => verifyUpdates(key, 1, [change.document], one.held))).toBe(0);
    expect(statusOf(() => verifyUpdates(key, 1, [change.document], fork.held))).toBe(94);
    expect(statusOf(() => verifyUpdates(key, 0, [one.document, change.document]))).toBe(0);
    expect(statusOf(() => verifyUpdates(key, 0, [fork.document, change.document]))).toBe(94);
    expect(statusOf(() => verifyUpdates(key, 2, [change.document], change.held))).toBe(65);
  });
});

describe('a key whose vendor closed it', () => {
  it('takes no update any more (44), and still says which it has (65, 54)', () => {
    const last = make(2, { final: true });
    expect(statusOf(() => verifyUpdates(key, 2, documents(three), last.held))).toBe(44);
    expect(statusOf(() => verifyUpdates(key, 2, documents(four), last.held))).toBe(44);
    expect(statusOf(() => verifyUpdates(key, 2, [last.document], last.held))).toBe(65);
    expect(statusOf(() => verifyUpdates(key, 2, documents(one), last.held))).toBe(54);
  });
});

describe('a V2CP', () => {
  const here = [publicBytes(vendor)];
  it('says its updates by key, in order', () => {
    const foreign = make(1, { of: other });
    const packed = inPackage(pack([one.document, foreign.document, two.document]), here);
    expect(packed.map((each) => [each.key, each.documents.length])).toEqual([
      [key.id, 2],
      [other.id, 1],
    ]);
  });

  it('is not looked into where no key here is of its signer (18), and refused changed (30), of another kind (17)', () => {
    const package_ = pack([one.document]);
    expect(statusOf(() => inPackage(package_, []))).toBe(18);
    expect(statusOf(() => inPackage(signDocument('V2CP', Buffer.from('no JSON'), stranger), here))).toBe(18);
    const bad = Buffer.from(package_);
    bad[200]! ^= 1;
    expect(statusOf(() => inPackage(bad, here))).toBe(30);
    expect(statusOf(() => inPackage(one.document, here))).toBe(17);
  });

  it('is refused where it holds what somebody else signed (30), or of another vendor id (19)', () => {
    expect(statusOf(() => inPackage(pack([make(1, { by: stranger }).document]), here))).toBe(30);
    expect(statusOf(() => inPackage(pack([one.document], vendor, 8), here))).toBe(19);
    expect(() => pack([])).toThrow('must have an entry');
  });
});
