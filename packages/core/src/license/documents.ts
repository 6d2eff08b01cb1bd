import { Buffer } from 'node:buffer';
import { fromBase64, toBase64 } from '../bytes/index.ts';
import { LicensingError, Status, type StatusCode } from '../errors/index.ts';
import { type Fingerprint, fingerprint } from '../fingerprint/index.ts';
import { boolean, type Decoder, integer, list, literal, object, optional, ParseError, parse, text } from '../parse/index.ts';
import {
  distinct,
  MAX_DYNAMIC_FILE,
  MAX_DYNAMIC_FILES,
  MAX_ID,
  type MemorySizes,
  memorySizes,
  moment,
  type Product,
  products,
} from './terms.ts';

// The JSON inside signed documents. Parsed only after the signature held; strict, and writing what was parsed gives the same bytes.

/** As they are spelled in documents; `serves` of core/hosts says which license manager serves which (T1). */
export const keyTypes = ['sl-adminmode', 'sl-usermode', 'sl-legacy', 'hl-driverless', 'hl-hasp'] as const;
export type KeyType = (typeof keyTypes)[number];

/** Bytes as base64url, in its one spelling: no padding, no letters of plain base64. */
export const bytes =
  (min: number, max: number): Decoder<string> =>
  (value, place, faults) => {
    const decoded = typeof value === 'string' && value.length <= max * 2 ? fromBase64(value) : undefined;
    if (decoded !== undefined && decoded.length >= min && decoded.length <= max && toBase64(decoded) === value) return value;
    faults.push(`${place}: must be ${min === max ? min : `${min} to ${max}`} bytes in base64url`);
    return undefined;
  };
/** A number of 64 bits in decimal: it is one on the wire, too. */
export const keyId: Decoder<string> = (value, place, faults) => {
  const id = text(20, /^[1-9]\d{0,19}$/, 'a key id')(value, place, faults);
  if (id === undefined || BigInt(id) < 2n ** 64n) return id;
  faults.push(`${place}: must be a key id`);
  return undefined;
};
export const vendorId = integer(1, 0xffff_ffff);
export const counter = integer(0, 0xffff_ffff);

/** What a vendor says a key may do; the public part of a V2C, shown to every application (K10). */
export type Certificate = {
  readonly format: 1;
  readonly vendor: number;
  readonly key: string;
  readonly type: KeyType;
  readonly signingKey: string;
  /** The update counter: rises by one with every V2C. */
  readonly counter: number;
  readonly issued: string;
  readonly products: readonly Product[];
  readonly memory: MemorySizes;
  /** The whole key may move to another computer without its vendor (K5); absent = no. */
  readonly rehost?: true;
  /** Of the computer that the key is for, as its C2V told it; what `protection` of the products is compared with (K6). */
  readonly fingerprint?: Fingerprint;
  /** The vendor's last word: no update of this key is applied any more (44); absent = updates go on. */
  readonly final?: true;
};
const certificate: Decoder<Certificate> = object({
  format: literal(1),
  vendor: vendorId,
  key: keyId,
  type: literal(...keyTypes),
  signingKey: bytes(32, 32),
  counter,
  issued: moment,
  products,
  memory: memorySizes,
  rehost: optional(literal(true)),
  fingerprint: optional(fingerprint),
  final: optional(literal(true)),
});

/** BOUNDED: bytes of a certificate document; it travels in one frame when a channel is opened (docs/protocol/frames.md). */
export const CERTIFICATE_LIMIT = 1_000_000;
/** BOUNDED: what is sealed to a key; with the certificate it fits into one document. */
export const SEALED_LIMIT = 5 * 1024 * 1024;

/** A license or update on its way to a key. */
export type V2c = {
  readonly format: 1;
  readonly vendor: number;
  readonly key: string;
  readonly counter: number;
  /** A signed `certificate` document, base64url. */
  readonly certificate: string;
  /** `Secrets` sealed to the key's exchange key, base64url. */
  readonly sealed: string;
  /** SHA-256 of the certificate document that the update was computed from; absent where it says all of the state itself (K4). */
  readonly base?: string;
  /** The vendor asks for a fresh C2V as an acknowledgement. */
  readonly acknowledge?: true;
};
const v2c: Decoder<V2c> = object({
  format: literal(1),
  vendor: vendorId,
  key: keyId,
  counter,
  certificate: bytes(100, CERTIFICATE_LIMIT),
  sealed: bytes(48, SEALED_LIMIT),
  base: optional(bytes(32, 32)),
  acknowledge: optional(literal(true)),
});

/** What only the key may read. */
export type Secrets = {
  readonly features: readonly { readonly id: number; readonly secret: string }[];
  readonly readOnly?: string;
  readonly readWrite?: string;
  /** Contents of dynamic files: of `ro` ones always, of others when the update makes them (K3). */
  readonly dynamic?: readonly { readonly id: number; readonly data: string }[];
};
export const secrets: Decoder<Secrets> = object({
  features: distinct(list(object({ id: integer(0, 65_471), secret: bytes(32, 32) }), 65_472)),
  readOnly: optional(bytes(0, 2_048)),
  readWrite: optional(bytes(0, 4_032)),
  dynamic: optional(distinct(list(object({ id: integer(1, MAX_ID), data: bytes(0, MAX_DYNAMIC_FILE) }), MAX_DYNAMIC_FILES))),
});

/** The state of a key on its way to the vendor, signed by the key itself. */
export type C2v = {
  readonly format: 1;
  readonly vendor: number;
  /** The vendor's public key that this key was made for, so that another vendor with the same id notices. */
  readonly vendorKey: string;
  readonly key: string;
  readonly type: KeyType;
  readonly signingKey: string;
  readonly exchangeKey: string;
  readonly counter: number;
  readonly created: string;
  readonly host: string;
  readonly virtualMachine: boolean;
  /** `firstUse`: where the days of the license count from there. */
  readonly usage: readonly {
    readonly product: number;
    readonly feature: number;
    readonly executions: number;
    readonly firstUse?: string;
  }[];
  /** Of the computer with the key; absent where the license manager is older than clone protection (K6). */
  readonly fingerprint?: Fingerprint;
  /** What the key may do now, signed by its vendor: updates are computed from it. Absent before the first license. */
  readonly certificate?: string;
};
const c2v: Decoder<C2v> = object({
  format: literal(1),
  vendor: vendorId,
  vendorKey: bytes(32, 32),
  key: keyId,
  type: literal(...keyTypes),
  signingKey: bytes(32, 32),
  exchangeKey: bytes(32, 32),
  counter,
  created: moment,
  host: text(255),
  virtualMachine: boolean,
  usage: list(
    object({
      product: integer(0, 65_471),
      feature: integer(0, 65_471),
      executions: integer(0, 0xffff_ffff),
      firstUse: optional(moment),
    }),
    65_472,
  ),
  fingerprint: optional(fingerprint),
  certificate: optional(bytes(100, CERTIFICATE_LIMIT)),
});

export const read =
  <T>(decoder: Decoder<T>, what: string, status: StatusCode) =>
  (payload: Uint8Array): T => {
    try {
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      const value = parse(decoder, JSON.parse(bytes.toString('utf8')), what);
      // Canonical: one document has one spelling, so nothing can hide in how it is written. F11
      if (!Buffer.from(JSON.stringify(value), 'utf8').equals(bytes)) throw new ParseError([`${what}: is not in canonical form`]);
      return value;
    } catch (error) {
      const faults = error instanceof ParseError ? error.message : `${what}: is not JSON`;
      throw new LicensingError(status, { detail: `The document is signed but not understood: ${faults}.` });
    }
  };

export const readCertificate = read(certificate, 'certificate', Status.INV_UPDATE_DATA);
export const readV2c = read(v2c, 'V2C', Status.INV_UPDATE_DATA);
export const readC2v = read(c2v, 'C2V', Status.INV_FORMAT);
export const readSecrets = read(secrets, 'secrets', Status.INV_UPDATE_DATA);

export const canonical =
  <T>(decoder: Decoder<T>, what: string) =>
  (value: T): Buffer =>
    Buffer.from(JSON.stringify(parse(decoder, value, what)), 'utf8');

/** Bytes to be signed. @throws ParseError naming every fault. */
export const writeCertificate = canonical(certificate, 'certificate');
export const writeV2c = canonical(v2c, 'V2C');
export const writeC2v = canonical(c2v, 'C2V');
export const writeSecrets = canonical(secrets, 'secrets');
