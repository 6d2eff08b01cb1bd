import { Buffer } from 'node:buffer';
import { fromBase64, sameBytes, toBase64 } from '../bytes/index.ts';
import { type KeyObject, publicBytes, sha256 } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { type Fingerprint, fingerprint } from '../fingerprint/index.ts';
import { type Decoder, integer, literal, object } from '../parse/index.ts';
import { bytes, CERTIFICATE_LIMIT, type Certificate, canonical, keyId, read, type Secrets, secrets, vendorId } from './documents.ts';
import { documentKinds, openDocument, signDocument } from './envelope.ts';
import { keyIdOf } from './key-id.ts';
import { type MemorySizes, memorySizes, moment, type Product, products } from './terms.ts';

// SL Legacy (T1): a license file for one computer, issued without a key that was made there before. The vendor signs what the computer of a
// fingerprint may do; the license manager there makes a signing key, which signs that it belongs to the license. Both documents together,
// as a chain, are what the key shows instead of a certificate. The key's id follows from the license, so that a computer has it once, and two
// computers that have it are found out (K9). Promised: nothing but what the vendor signed, and every product of it bound to the computer.
// Not promised: that whoever has the file cannot read the secrets in it. docs/protocol/files.md F110 to F119, docs/decisions/0014-sl-legacy.md.

/** What the vendor signs, and every application sees. */
export type LegacyTerms = {
  readonly format: 1;
  readonly vendor: number;
  readonly vendorKey: string;
  /** Names this license in all its versions: 16 random bytes. */
  readonly license: string;
  /** Rises with every version. */
  readonly counter: number;
  readonly issued: string;
  /** Each with `protection`; none detachable. */
  readonly products: readonly Product[];
  readonly memory: MemorySizes;
  /** Of the computer that it is for (K6). */
  readonly fingerprint: Fingerprint;
};
const legacyTerms: Decoder<LegacyTerms> = object({
  format: literal(1),
  vendor: vendorId,
  vendorKey: bytes(32, 32),
  license: bytes(16, 16),
  counter: integer(1, 0xffff_ffff),
  issued: moment,
  products,
  memory: memorySizes,
  fingerprint,
});
const readTerms = read(legacyTerms, 'legacy terms', Status.INV_UPDATE_DATA);
/** Bytes to be signed. @throws ParseError naming every fault. */
export const writeLegacyTerms = canonical(legacyTerms, 'legacy terms');

/** The license file: what is shown, and what is not. */
type LegacyFile = { readonly format: 1; readonly vendor: number; readonly terms: string; readonly secrets: Secrets };
/** The key's document comes behind it in the chain. */
const TERMS_LIMIT = CERTIFICATE_LIMIT - 1_000;
const legacyFile: Decoder<LegacyFile> = object({ format: literal(1), vendor: vendorId, terms: bytes(100, TERMS_LIMIT), secrets });
const readFile = read(legacyFile, 'legacy license', Status.INV_UPDATE_DATA);
/** Bytes to be signed. @throws ParseError naming every fault. */
export const writeLegacy = canonical(legacyFile, 'legacy license');

/** What the key of a legacy license says of itself. */
type LegacyKey = {
  readonly format: 1;
  readonly vendor: number;
  /** SHA-256 of the document of the terms. */
  readonly terms: string;
  readonly key: string;
  readonly type: 'sl-legacy';
  readonly signingKey: string;
};
const legacyKey: Decoder<LegacyKey> = object({
  format: literal(1),
  vendor: vendorId,
  terms: bytes(32, 32),
  key: keyId,
  type: literal('sl-legacy'),
  signingKey: bytes(32, 32),
});
const readLegacyKey = read(legacyKey, 'legacy key', Status.INV_UPDATE_DATA);
const writeLegacyKey = canonical(legacyKey, 'legacy key');

const refuse = (detail: string): LicensingError => new LicensingError(Status.INV_UPDATE_DATA, { detail });
const decoded = (text: string): Buffer => fromBase64(text) ?? Buffer.alloc(0);

/** The id of the key of a license, on whatever computer it is: the license and its vendor, not a signing key, determine it. */
export const legacyKeyId = ({ vendorKey, license }: Pick<LegacyTerms, 'vendorKey' | 'license'>): string =>
  keyIdOf(Buffer.concat([Buffer.from('keyhaven legacy key 1\0', 'latin1'), decoded(vendorKey), decoded(license)]));

/** Why terms are for no computer in particular, or for another use; undefined where they are as they must be. */
export const faultOfLegacy = ({
  products: of,
  fingerprint: { host },
}: Pick<LegacyTerms, 'products' | 'fingerprint'>): string | undefined => {
  const loose = of.find(({ protection }) => (host === 'physical' ? protection?.physical : protection?.virtual) === 'Disable');
  const unbound = of.find(({ protection }) => protection === undefined) ?? loose;
  if (of.length === 0) return 'has no product';
  if (unbound !== undefined) return `has product ${unbound.id}, which is not bound to a computer`;
  const features = of.flatMap((product) => product.features);
  if (features.some(({ detachable }) => detachable)) return 'has features that may be detached';
  if (features.some(({ license }) => license.type === 'period' && license.trial === true)) return 'is a trial license, too';
  return undefined;
};

const openTerms = (document: Uint8Array, vendorKey: Uint8Array | undefined): LegacyTerms => {
  const { signer, payload } = openDocument('legacyterms', document, vendorKey);
  const terms = readTerms(payload);
  if (!sameBytes(signer, decoded(terms.vendorKey))) throw refuse('The legacy license names another vendor than signed it.');
  const fault = faultOfLegacy(terms);
  if (fault !== undefined) throw refuse(`The legacy license ${fault}.`);
  return terms;
};

export type LegacyLicense = {
  readonly terms: LegacyTerms;
  readonly termsDocument: Buffer;
  readonly key: string;
  readonly secrets: Secrets;
};

/**
 * A license file of SL Legacy, as one hand wrote it.
 * @param vendorKey the vendor that is trusted; without it the one inside, which proves nothing but that one hand wrote all of it.
 * @throws LicensingError INV_UPDATE_OBJ (17), INV_SIG (30), INV_UPDATE_DATA (19)
 */
export const openLegacy = (document: Uint8Array, vendorKey?: Uint8Array): LegacyLicense => {
  const { signer, payload } = openDocument('legacy', document, vendorKey);
  const file = readFile(payload);
  const termsDocument = decoded(file.terms);
  const terms = openTerms(termsDocument, signer);
  if (terms.vendor !== file.vendor) throw refuse('The terms inside the legacy license are of another vendor.');
  return { terms, termsDocument, key: legacyKeyId(terms), secrets: file.secrets };
};

/** The second document of the chain: signed by the key that the license manager made for the license. */
export const signLegacyKey = (termsDocument: Uint8Array, terms: LegacyTerms, signingKey: KeyObject): Buffer => {
  const payload = writeLegacyKey({
    format: 1,
    vendor: terms.vendor,
    terms: toBase64(sha256(termsDocument)),
    key: legacyKeyId(terms),
    type: 'sl-legacy',
    signingKey: toBase64(publicBytes(signingKey)),
  });
  return signDocument('legacykey', payload, signingKey);
};

/** True where a chain begins with the terms of a legacy license. */
export const isLegacy = (document: Uint8Array): boolean => document[4] === documentKinds.legacyterms;

/** @throws LicensingError as `openLegacy` */
export const openLegacyStanding = (
  document: Uint8Array,
  keyDocument: Uint8Array | undefined,
  vendorKey: Uint8Array,
): { readonly legacy: LegacyTerms; readonly certificate: Certificate } => {
  const legacy = openTerms(document, vendorKey);
  if (keyDocument === undefined) throw refuse('A legacy license without a key shows nothing.');
  const { signer, payload } = openDocument('legacykey', keyDocument);
  const key = readLegacyKey(payload);
  const own = sameBytes(signer, decoded(key.signingKey)) && key.key === legacyKeyId(legacy);
  if (!own || key.vendor !== legacy.vendor || !sameBytes(decoded(key.terms), sha256(document)))
    throw refuse('The key of the legacy license belongs to another one.');
  const { vendor, counter, issued, products: sold, memory, fingerprint: computer } = legacy;
  const { type, signingKey } = key;
  return {
    legacy,
    certificate: { format: 1, vendor, key: key.key, type, signingKey, counter, issued, products: sold, memory, fingerprint: computer },
  };
};
