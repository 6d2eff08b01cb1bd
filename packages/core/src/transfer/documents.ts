import { Buffer } from 'node:buffer';
import { fromBase64, sameBytes, toBase64 } from '../bytes/index.ts';
import { exchangePairFrom, privateKeyFrom, publicBytes, publicKeyFrom, signBytes, verifyBytes } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import type { KeyIdentity } from '../key/index.ts';
import {
  bytes,
  CERTIFICATE_LIMIT,
  canonical,
  counter,
  type KeyType,
  keyId,
  keyIdOf,
  keyTypes,
  moment,
  openDocument,
  read,
  SEALED_LIMIT,
  signDocument,
  vendorId,
} from '../license/index.ts';
import { guidOf, type LmIdentity } from '../link/index.ts';
import { boolean, type Decoder, integer, list, literal, object, optional, text } from '../parse/index.ts';
import type { Wall } from '../time/index.ts';

// The files between two computers (field-facts 4.3): ID, H2R, R2H, H2H. Signed documents as all others; docs/protocol/transfer.md.

const NO_BYTES = Buffer.alloc(0);
const decoded = (text: string): Buffer => fromBase64(text) ?? NO_BYTES;

/** Who is to receive: a fresh key on that computer, vouched for by its LM. Signed by that key. */
export type Recipient = {
  readonly format: 1;
  readonly key: string;
  readonly type: KeyType;
  readonly signingKey: string;
  readonly exchangeKey: string;
  readonly guid: string;
  /** The LM's public key, of which the GUID is the digest. */
  readonly lmKey: string;
  /** The LM's signature: this key is mine. */
  readonly vouched: string;
  readonly host: string;
  readonly virtualMachine: boolean;
  readonly created: string;
};
const recipient: Decoder<Recipient> = object({
  format: literal(1),
  key: keyId,
  type: literal(...keyTypes),
  signingKey: bytes(32, 32),
  exchangeKey: bytes(32, 32),
  guid: text(40, /^[A-Za-z0-9_-]{40}$/, 'a GUID'),
  lmKey: bytes(32, 32),
  vouched: bytes(64, 64),
  host: text(255),
  virtualMachine: boolean,
  created: moment,
});
const writeRecipient = canonical(recipient, 'ID');
const readRecipient = read(recipient, 'ID', Status.INV_RECIPIENT);

const vouchedBytes = (signingPublic: Uint8Array, exchangePublic: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from('keyhaven recipient 1\0', 'latin1'), signingPublic, exchangePublic]);

/** A key pair of this computer before it has a license, and before it is known of which vendor. */
export type RecipientKey = Pick<KeyIdentity, 'id' | 'type' | 'signingKey' | 'signingPublic' | 'exchange'>;

export const recipientKeyFrom = (type: KeyType, signingSeed: Uint8Array, exchangeSeed: Uint8Array): RecipientKey => {
  const signingKey = privateKeyFrom('ed25519', signingSeed);
  const signingPublic = publicBytes(signingKey);
  return { id: keyIdOf(signingPublic), type, signingKey, signingPublic, exchange: exchangePairFrom(exchangeSeed) };
};

export const recipientDocument = (
  key: RecipientKey,
  lm: Pick<LmIdentity, 'guid' | 'signingKey' | 'publicKey'>,
  host: { readonly name: string; readonly virtualMachine: boolean },
  now: Wall,
): Buffer =>
  signDocument(
    'ID',
    writeRecipient({
      format: 1,
      key: key.id,
      type: key.type,
      signingKey: toBase64(key.signingPublic),
      exchangeKey: toBase64(key.exchange.publicKey),
      guid: lm.guid,
      lmKey: toBase64(lm.publicKey),
      vouched: toBase64(signBytes(lm.signingKey, vouchedBytes(key.signingPublic, key.exchange.publicKey))),
      host: host.name,
      virtualMachine: host.virtualMachine,
      created: new Date(now).toISOString(),
    }),
    key.signingKey,
  );

/** The format of IDs that this version writes, and the one that it reads (T6). */
const ID_FORMAT = 1;
/** The format that a signed ID names, whatever else is in it; undefined where it names none. */
const formatOf = (payload: Uint8Array): number | undefined => {
  try {
    const document: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
    const named = typeof document === 'object' && document !== null && 'format' in document ? document.format : undefined;
    return typeof named === 'number' && Number.isSafeInteger(named) && named >= 0 ? named : undefined;
  } catch {
    return undefined;
  }
};
/** @throws LicensingError RECIPIENT_OLD_LM (77), OLD_LM (42) */
const checkFormat = (payload: Uint8Array): void => {
  const format = formatOf(payload);
  if (format === undefined) return;
  const detail = `The ID is in format ${format}; this license manager reads format ${ID_FORMAT}`;
  if (format < ID_FORMAT) throw new LicensingError(Status.RECIPIENT_OLD_LM, { detail });
  if (format > ID_FORMAT)
    throw new LicensingError(Status.OLD_LM, { detail: `${detail}: upgrade the license manager that is to detach or move the license` });
};

/**
 * @throws LicensingError INV_RECIPIENT (58) where the document is no ID, or not what its key and its LM signed; RECIPIENT_OLD_LM (77) or OLD_LM
 * (42) where it is in a format of an earlier or a later version.
 */
export const openRecipient = (document: Uint8Array): Recipient => {
  const refuse = (detail: string, cause?: unknown): LicensingError => new LicensingError(Status.INV_RECIPIENT, { detail, cause });
  let opened: ReturnType<typeof openDocument>;
  try {
    opened = openDocument('ID', document);
  } catch (cause) {
    throw refuse(cause instanceof LicensingError ? (cause.detail ?? '') : 'The ID cannot be read.', cause);
  }
  checkFormat(opened.payload);
  const found = readRecipient(opened.payload);
  const [signingKey, exchangeKey, lmKey] = [decoded(found.signingKey), decoded(found.exchangeKey), decoded(found.lmKey)];
  if (!sameBytes(signingKey, opened.signer) || keyIdOf(signingKey) !== found.key)
    throw refuse('The ID speaks of another key than the one that signed it.');
  const vouched =
    guidOf(lmKey) === found.guid &&
    verifyBytes(publicKeyFrom('ed25519', lmKey), vouchedBytes(signingKey, exchangeKey), decoded(found.vouched));
  if (!vouched) throw refuse('The license manager that the ID names did not vouch for its key.');
  return found;
};

/** A detached license on its way to its recipient. Signed by the key that lends. */
export type H2r = {
  readonly format: 1;
  readonly vendor: number;
  /** The vendor's public key; the recipient's key is of this vendor from then on. */
  readonly vendorKey: string;
  readonly parent: string;
  readonly key: string;
  /** What the recipient's key shows from then on: chain of docs/protocol/transfer.md T10. */
  readonly certificate: string;
  /** `Secrets` sealed to the recipient's key. */
  readonly sealed: string;
};
const h2r: Decoder<H2r> = object({
  format: literal(1),
  vendor: vendorId,
  vendorKey: bytes(32, 32),
  parent: keyId,
  key: keyId,
  certificate: bytes(100, CERTIFICATE_LIMIT),
  sealed: bytes(48, SEALED_LIMIT),
});
export const writeH2r = canonical(h2r, 'H2R');
export const readH2r = read(h2r, 'H2R', Status.INV_UPDATE_DATA);
/** What the secrets of an H2R are bound to. */
export const h2rContext = (key: string, sequence: number): Buffer => Buffer.from(`detached ${key} ${sequence}`, 'latin1');

/** The word of a recipient's key that it is no more. Signed by that key. */
export type R2h = {
  readonly format: 1;
  readonly vendor: number;
  readonly parent: string;
  readonly key: string;
  /** The last delegation that the key had, signed by the parent: the parent knows its own word again. */
  readonly delegation: string;
  readonly returned: string;
};
const r2h: Decoder<R2h> = object({
  format: literal(1),
  vendor: vendorId,
  parent: keyId,
  key: keyId,
  delegation: bytes(100, 4_096),
  returned: moment,
});
export const writeR2h = canonical(r2h, 'R2H');
export const readR2h = read(r2h, 'R2H', Status.INV_UPDATE_DATA);

/** What of a feature is used up for good. */
export type Usage = {
  readonly product: number;
  readonly feature: number;
  readonly executions: number;
  /** When it was used first, where its days count from there; and when its trial was. */
  readonly firstUse?: string;
  readonly trialUse?: string;
};

/** A whole key on its way to another computer. Signed by that key, which is no more where it was. */
export type H2h = {
  readonly format: 1;
  readonly vendor: number;
  readonly vendorKey: string;
  /** The key that moves; it keeps its id. */
  readonly key: string;
  readonly type: KeyType;
  /** The recipient's key, to which the secrets are sealed. */
  readonly recipient: string;
  /** How often the key has moved, this time included. */
  readonly rehosts: number;
  /** The highest sequence of its delegations, so that those after the move are above them. */
  readonly sequence: number;
  /** The vendor's certificate document. */
  readonly certificate: string;
  readonly usage: readonly Usage[];
  /** `Moved` sealed to the recipient's key. */
  readonly sealed: string;
  readonly moved: string;
};
const id = integer(0, 65_471);
const h2h: Decoder<H2h> = object({
  format: literal(1),
  vendor: vendorId,
  vendorKey: bytes(32, 32),
  key: keyId,
  type: literal(...keyTypes),
  recipient: keyId,
  rehosts: integer(1, 0xffff_ffff),
  sequence: counter,
  certificate: bytes(100, CERTIFICATE_LIMIT),
  usage: list(
    object({ product: id, feature: id, executions: integer(0, 0xffff_ffff), firstUse: optional(moment), trialUse: optional(moment) }),
    65_472,
  ),
  sealed: bytes(48, SEALED_LIMIT),
  moved: moment,
});
export const writeH2h = canonical(h2h, 'H2H');
export const readH2h = read(h2h, 'H2H', Status.INV_UPDATE_DATA);
export const h2hContext = (key: string, recipientKey: string, rehosts: number): Buffer =>
  Buffer.from(`moved ${key} ${recipientKey} ${rehosts}`, 'latin1');

/** What only the recipient of a whole key may read: the key itself, its secrets and its memory. */
export type Moved = {
  readonly signingSeed: string;
  readonly exchangeSeed: string;
  readonly features: readonly { readonly id: number; readonly secret: string }[];
  /** `once`: the file can be written once, and was. */
  readonly memory: readonly { readonly file: number; readonly data: string; readonly once?: true }[];
};
const moved: Decoder<Moved> = object({
  signingSeed: bytes(32, 32),
  exchangeSeed: bytes(32, 32),
  features: list(object({ id, secret: bytes(32, 32) }), 65_472),
  memory: list(object({ file: integer(0, 0xffff), data: bytes(0, 2 * 1024 * 1024), once: optional(literal(true)) }), 65_536),
});
export const writeMoved = canonical(moved, 'secrets');
export const readMoved = read(moved, 'secrets', Status.INV_UPDATE_DATA);
