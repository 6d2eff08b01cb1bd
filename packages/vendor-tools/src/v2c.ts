import { fromBase64, toBase64, WireError } from '@keyhaven/core/bytes';
import { type Entropy, sha256 } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { peekV2c, sealContext } from '@keyhaven/core/key';
import {
  armor,
  type C2v,
  type Certificate,
  DOCUMENT_LIMIT,
  MAX_PACKAGE,
  openDocument,
  readCertificate,
  type Secrets,
  sealTo,
  signDocument,
  unarmor,
  writeCertificate,
  writePackage,
  writeSecrets,
  writeV2c,
} from '@keyhaven/core/license';
import { ParseError } from '@keyhaven/core/parse';
import { featureSecret, type Vendor, type VendorInfo } from './vendor.ts';

// The last step of everything that a vendor issues: certificate and secrets to the text of a V2C, V2C texts to the text of a V2CP (K4).

export const refuse = (faults: readonly string[]): LicensingError =>
  new LicensingError(Status.INVALID_PARAMETER, {
    detail: `The license cannot be issued: ${faults.join('; ')}.`,
    remedy: 'Correct the catalog or the choice of products at the places named.',
  });

/** What a key has before an update. */
export type Base = { readonly counter: number; readonly certificate: Certificate; readonly document: Uint8Array };

export type V2cRequest = {
  readonly vendor: Vendor;
  readonly c2v: Pick<C2v, 'key' | 'exchangeKey'>;
  readonly certificate: Certificate;
  readonly secrets: Secrets;
  readonly entropy: Entropy;
  /** What the certificate was computed from; absent where it says all of the state itself. */
  readonly base?: Base | undefined;
  readonly acknowledge?: boolean | undefined;
};

/** @throws LicensingError INVALID_PARAMETER (501) with every fault, INV_FORMAT (15) where the C2V has no usable exchange key. */
export const makeV2c = ({ vendor, c2v, certificate, secrets, entropy, base, acknowledge }: V2cRequest): string => {
  const { counter } = certificate;
  try {
    const certificateDocument = signDocument('certificate', writeCertificate(certificate), vendor.signingKey);
    const recipient = fromBase64(c2v.exchangeKey) ?? new Uint8Array();
    const sealed = sealTo(recipient, entropy.exchangePair(), writeSecrets(secrets), sealContext(c2v.key, counter));
    const payload = writeV2c({
      format: 1,
      vendor: vendor.id,
      key: c2v.key,
      counter,
      certificate: toBase64(certificateDocument),
      sealed: toBase64(sealed),
      ...(base === undefined ? {} : { base: toBase64(sha256(base.document)) }),
      ...(acknowledge === true ? { acknowledge: true } : {}),
    });
    const document = signDocument('V2C', payload, vendor.signingKey);
    if (document.length > DOCUMENT_LIMIT) throw new ParseError(['V2C: is larger than 8 MiB']);
    return armor('V2C', document);
  } catch (error) {
    if (error instanceof ParseError) throw refuse(error.faults);
    if (error instanceof WireError)
      throw new LicensingError(Status.INV_FORMAT, { detail: `The exchange key of the C2V is ${error.message}.` });
    throw error;
  }
};

/** Secrets of feature 0 and of these. */
export const featureSecrets = (vendor: Vendor, ids: Iterable<number>): Secrets['features'] =>
  [...new Set([0, ...ids])].toSorted((a, b) => a - b).map((id) => ({ id, secret: toBase64(featureSecret(vendor, id)) }));

const outOfSync = (detail: string, remedy = 'Make a new C2V of the key and take that one.'): LicensingError =>
  new LicensingError(Status.UPDATE_OUT_OF_SYNC, { detail, remedy });

const ownV2c = (vendor: VendorInfo, text: string) => {
  const { kind, bytes } = unarmor(text);
  if (kind !== 'V2C') throw new LicensingError(Status.INV_FORMAT, { detail: `A V2C is needed; the file is a ${kind}.` });
  openDocument('V2C', bytes, vendor.publicKey);
  return { bytes, v2c: peekV2c(bytes).v2c };
};

/** A V2C of this vendor as it was issued. @throws LicensingError INV_FORMAT (15), INV_SIG (30) */
export const readOwnV2c = (
  vendor: VendorInfo,
  text: string,
): { readonly v2c: string; readonly certificate: Certificate; readonly counter: number } => {
  const { v2c } = ownV2c(vendor, text);
  const document = fromBase64(v2c.certificate) ?? new Uint8Array();
  return { v2c: text, certificate: readCertificate(openDocument('certificate', document, vendor.publicKey).payload), counter: v2c.counter };
};

/** What a key has when it has applied this V2C. */
const afterV2c = (vendor: VendorInfo, c2v: C2v, text: string): Base => {
  const { v2c } = ownV2c(vendor, text);
  if (v2c.key !== c2v.key)
    throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: `The V2C is for key ${v2c.key}, and the C2V of key ${c2v.key}.` });
  if (v2c.counter < c2v.counter) throw outOfSync(`The V2C has counter ${v2c.counter}, and the key is at ${c2v.counter} already.`);
  const document = fromBase64(v2c.certificate) ?? new Uint8Array();
  return { counter: v2c.counter, certificate: readCertificate(openDocument('certificate', document, vendor.publicKey).payload), document };
};

/**
 * What a key has, by what its vendor signed: the V2C that it applies before, or the certificate in its C2V; undefined where it has no license
 * or its C2V does not show it.
 * @throws LicensingError INV_SIG (30) where somebody else signed it, UPDATE_OUT_OF_SYNC (94) where it is of another time than the C2V.
 */
export const baseOf = (vendor: VendorInfo, c2v: C2v, after: string | undefined): Base | undefined => {
  if (after !== undefined) return afterV2c(vendor, c2v, after);
  if (c2v.certificate === undefined) return undefined;
  const document = fromBase64(c2v.certificate) ?? new Uint8Array();
  const certificate = readCertificate(openDocument('certificate', document, vendor.publicKey).payload);
  if (certificate.key !== c2v.key || certificate.counter !== c2v.counter)
    throw outOfSync(
      `The C2V of key ${c2v.key} at update ${c2v.counter} shows the license of key ${certificate.key} at ${certificate.counter}.`,
    );
  return { counter: c2v.counter, certificate, document };
};

/**
 * A V2CP of V2C texts, in this order.
 * @throws LicensingError INV_FORMAT (15) where one is no V2C, INV_SIG (30) where one is not of this vendor, UPDATE_OUT_OF_SYNC (94) where those of
 * a key do not follow each other, INVALID_PARAMETER (501)
 */
export const packUpdates = (vendor: Vendor, texts: readonly string[]): string => {
  if (texts.length === 0 || texts.length > MAX_PACKAGE) throw refuse([`a package holds 1 to ${MAX_PACKAGE} V2C, not ${texts.length}`]);
  const last = new Map<string, number>();
  const updates = texts.map((text) => {
    const { bytes, v2c } = ownV2c(vendor, text);
    const before = last.get(v2c.key);
    if (before !== undefined && v2c.counter !== before + 1)
      throw outOfSync(
        `For key ${v2c.key} update ${v2c.counter} comes after ${before}.`,
        'Name the V2C of a key in order and without a gap.',
      );
    last.set(v2c.key, v2c.counter);
    return toBase64(bytes);
  });
  try {
    const document = signDocument('V2CP', writePackage({ format: 1, vendor: vendor.id, updates }), vendor.signingKey);
    if (document.length > DOCUMENT_LIMIT) throw new ParseError(['V2CP: is larger than 8 MiB']);
    return armor('V2CP', document);
  } catch (error) {
    throw error instanceof ParseError ? refuse(error.faults) : error;
  }
};
