import { Buffer } from 'node:buffer';
import { fromBase64, sameBytes, toBase64 } from '../bytes/index.ts';
import type { Entropy } from '../crypto/index.ts';
import { LicensingError, Status, type StatusCode } from '../errors/index.ts';
import { type KeyIdentity, keyFromSeeds } from '../key/index.ts';
import {
  type Certificate,
  DOCUMENT_LIMIT,
  keyIdOf,
  openDocument,
  openSealed,
  readCertificate,
  sealTo,
  signDocument,
} from '../license/index.ts';
import type { Wall } from '../time/index.ts';
import {
  type H2h,
  h2hContext,
  type Moved,
  type Recipient,
  type RecipientKey,
  readH2h,
  readMoved,
  type Usage,
  writeH2h,
  writeMoved,
} from './documents.ts';

// H2H: a whole key goes to another computer and keeps its id, so that updates of its vendor, scopes and records go on as they were, and a
// copy that stays behind is the same key on two computers, which they notice (K9). Its private key travels sealed to the recipient's key.

const decoded = (text: string): Buffer => fromBase64(text) ?? Buffer.alloc(0);
const wrong = (detail: string): LicensingError => new LicensingError(Status.INV_UPDATE_DATA, { detail });

export type Moving = {
  readonly identity: KeyIdentity;
  /** The vendor's certificate document. */
  readonly certificate: Uint8Array;
  readonly moved: Moved;
  readonly usage: readonly Usage[];
  readonly rehosts: number;
  readonly sequence: number;
};

/**
 * It may leave the computer only when the key is durably gone; so it is refused here, and not where it arrives, when it could not be applied.
 * @throws LicensingError REHOST_NOT_ALLOWED (69) where the license is not the vendor's own, INV_UPDATE_OBJ (17) where it would be too large
 */
export const movingDocument = ({ identity, ...of }: Moving, to: Recipient, entropy: Entropy, now: Wall): Buffer => {
  try {
    openDocument('certificate', of.certificate, identity.vendorKey);
  } catch (cause) {
    throw new LicensingError(Status.REHOST_NOT_ALLOWED, { detail: 'The license of the key is lent, or a trial.', cause });
  }
  const sealed = sealTo(decoded(to.exchangeKey), entropy.exchangePair(), writeMoved(of.moved), h2hContext(identity.id, to.key, of.rehosts));
  const h2h: H2h = {
    format: 1,
    vendor: identity.vendor,
    vendorKey: toBase64(identity.vendorKey),
    key: identity.id,
    type: identity.type,
    recipient: to.key,
    rehosts: of.rehosts,
    sequence: of.sequence,
    certificate: toBase64(of.certificate),
    usage: of.usage,
    sealed: toBase64(sealed),
    moved: new Date(now).toISOString(),
  };
  const document = signDocument('H2H', writeH2h(h2h), identity.signingKey);
  if (document.length > DOCUMENT_LIMIT)
    throw new LicensingError(Status.INV_UPDATE_OBJ, { detail: 'The key is larger than a file can be.' });
  return document;
};

/** What an H2H says; only its self-stated signer has been checked. */
export const peekH2h = (document: Uint8Array): H2h => readH2h(openDocument('H2H', document).payload);

export type Arrival = {
  readonly h2h: H2h;
  readonly identity: KeyIdentity;
  readonly signingSeed: Buffer;
  readonly exchangeSeed: Buffer;
  readonly certificate: Certificate;
  readonly certificateDocument: Buffer;
  readonly moved: Moved;
};

/**
 * An H2H against the recipient's key.
 * @throws LicensingError INV_UPDATE_OBJ (17), INV_SIG (30), UNKNOWN_RECIPIENT (62) where it is for another recipient, REHOST_NOT_ALLOWED (69)
 * where the vendor does not let the key move, INV_UPDATE_DATA (19) where its parts do not agree.
 */
export const openMoving = (document: Uint8Array, recipient: RecipientKey): Arrival => {
  const { signer, payload } = openDocument('H2H', document);
  const h2h = readH2h(payload);
  if (h2h.recipient !== recipient.id)
    throw new LicensingError(Status.UNKNOWN_RECIPIENT, { detail: `The key is for recipient ${h2h.recipient}.` });
  if (keyIdOf(signer) !== h2h.key)
    throw new LicensingError(Status.INV_SIG, { detail: 'The H2H is signed by another key than the one that moves.' });
  const [vendorKey, certificateDocument] = [decoded(h2h.vendorKey), decoded(h2h.certificate)];
  const certificate = readCertificate(openDocument('certificate', certificateDocument, vendorKey).payload);
  const agrees =
    certificate.key === h2h.key &&
    certificate.vendor === h2h.vendor &&
    certificate.type === h2h.type &&
    sameBytes(decoded(certificate.signingKey), signer);
  if (!agrees) throw wrong('The certificate inside the H2H is for something else.');
  if (certificate.rehost !== true) throw new LicensingError(Status.REHOST_NOT_ALLOWED);
  const opened = openSealed(recipient.exchange, decoded(h2h.sealed), h2hContext(h2h.key, h2h.recipient, h2h.rehosts));
  if (opened === undefined) throw wrong('The secrets inside the H2H are sealed to another key.');
  const moved = readMoved(opened);
  const [signingSeed, exchangeSeed] = [decoded(moved.signingSeed), decoded(moved.exchangeSeed)];
  const identity = keyFromSeeds({ type: h2h.type, vendor: h2h.vendor, vendorKey }, signingSeed, exchangeSeed);
  if (!sameBytes(identity.signingPublic, signer)) throw wrong('The key inside the H2H is another one.');
  return { h2h, identity, signingSeed, exchangeSeed, certificate, certificateDocument, moved };
};

/** Why a key may not move there; undefined = it may. */
export const faultOfMoving = (
  certificate: Certificate,
  to: Pick<Recipient, 'virtualMachine'>,
): { readonly status: StatusCode; readonly detail: string } | undefined => {
  if (certificate.rehost !== true) return { status: Status.REHOST_NOT_ALLOWED, detail: 'The license does not let the key move.' };
  const bound = certificate.products.flatMap(({ features }) => features).find(({ concurrency }) => !concurrency.virtualMachine);
  if (to.virtualMachine && bound !== undefined) {
    return { status: Status.REHOST_DISABLED, detail: `The recipient is a virtual machine, and feature ${bound.id} may not run on one.` };
  }
  return undefined;
};
