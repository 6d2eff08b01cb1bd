import { Buffer } from 'node:buffer';
import { fromBase64, sameBytes, toBase64 } from '../bytes/index.ts';
import type { Entropy } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import type { KeyIdentity } from '../key/index.ts';
import {
  CERTIFICATE_LIMIT,
  type Certificate,
  chainWith,
  DOCUMENT_LIMIT,
  lastLink,
  openDelegation,
  openDocument,
  openSealed,
  openStanding,
  readSecrets,
  SEALED_LIMIT,
  type Secrets,
  type Standing,
  sealTo,
  signDocument,
  standingDigest,
  writeDelegation,
  writeSecrets,
} from '../license/index.ts';
import type { Wall } from '../time/index.ts';
import { type H2r, h2rContext, type R2h, type Recipient, type RecipientKey, readH2r, readR2h, writeH2r, writeR2h } from './documents.ts';
import type { DetachRow } from './rows.ts';

// H2R and R2H: made only of what a decision has made durable, and checked before anything is decided by them.

const decoded = (text: string): Buffer => fromBase64(text) ?? Buffer.alloc(0);
const wrong = (detail: string): LicensingError => new LicensingError(Status.INV_UPDATE_DATA, { detail });

/** The features that an H2R carries secrets of: what is lent, and feature 0, which is in every key. */
const carried = (certificate: Certificate): readonly number[] => [
  0,
  ...certificate.products.flatMap(({ features }) => features.map(({ id }) => id)),
];

/** The H2R for a detachment that is durable. */
export const lendingDocument = (
  lender: { readonly identity: KeyIdentity; readonly shown: Uint8Array; readonly secrets: Secrets },
  detached: DetachRow,
  to: Recipient,
  entropy: Entropy,
): Buffer => {
  const { identity, shown } = lender;
  const link = signDocument(
    'delegation',
    writeDelegation({
      format: 1,
      vendor: identity.vendor,
      parent: identity.id,
      certificate: standingDigest(shown),
      key: to.key,
      type: to.type,
      signingKey: to.signingKey,
      product: detached.product,
      seats: detached.seats,
      network: detached.network,
      from: new Date(detached.from).toISOString(),
      until: new Date(detached.until).toISOString(),
      sequence: detached.sequence,
    }),
    identity.signingKey,
  );
  const chain = chainWith(shown, link);
  const given = new Set(carried(openStanding(chain, identity.vendorKey).certificate));
  const secrets: Secrets = { ...lender.secrets, features: lender.secrets.features.filter(({ id }) => given.has(id)) };
  const sealed = sealTo(decoded(to.exchangeKey), entropy.exchangePair(), writeSecrets(secrets), h2rContext(to.key, detached.sequence));
  const h2r: H2r = {
    format: 1,
    vendor: identity.vendor,
    vendorKey: toBase64(identity.vendorKey),
    parent: identity.id,
    key: to.key,
    certificate: toBase64(chain),
    sealed: toBase64(sealed),
  };
  return signDocument('H2R', writeH2r(h2r), identity.signingKey);
};

/** BOUNDED: what a delegation and its place in a chain take. */
const LINK = 4_096;
/**
 * Whether an H2R of these would be too large; to be asked before seats are put aside for it.
 * @throws LicensingError INV_UPDATE_OBJ (17)
 */
export const refuseTooLarge = (shown: Uint8Array, secrets: Secrets): void => {
  const sealed = writeSecrets(secrets).length + 48;
  if (shown.length + LINK > CERTIFICATE_LIMIT || sealed > SEALED_LIMIT || (shown.length + LINK + sealed) * 1.4 > DOCUMENT_LIMIT)
    throw new LicensingError(Status.INV_UPDATE_OBJ, { detail: 'The license is too large to be detached.' });
};

/** For whom an H2R is; only its self-stated signer has been checked. */
export const peekH2r = (document: Uint8Array): H2r => readH2r(openDocument('H2R', document).payload);

export type Lent = {
  readonly h2r: H2r;
  readonly vendorKey: Buffer;
  readonly standing: Standing;
  /** What the recipient's key shows. */
  readonly shown: Buffer;
  readonly secrets: Secrets;
  readonly sequence: number;
  readonly from: number;
  readonly until: number;
};

/**
 * An H2R against the recipient's key.
 * @throws LicensingError INV_UPDATE_OBJ (17), INV_SIG (30) where a signature does not hold, UNKNOWN_RECIPIENT (62) where it is for another
 * key, INV_UPDATE_DATA (19) where its parts do not agree.
 */
export const openLending = (document: Uint8Array, child: RecipientKey): Lent => {
  const { signer, payload } = openDocument('H2R', document);
  const h2r = readH2r(payload);
  if (h2r.key !== child.id) throw new LicensingError(Status.UNKNOWN_RECIPIENT, { detail: `The license is for recipient ${h2r.key}.` });
  const [vendorKey, shown] = [decoded(h2r.vendorKey), decoded(h2r.certificate)];
  const standing = openStanding(shown, vendorKey);
  const { delegation, certificate } = standing;
  if (!sameBytes(standing.signer, signer))
    throw new LicensingError(Status.INV_SIG, { detail: 'The H2R is signed by another key than the one that lends.' });
  const agrees =
    delegation !== undefined &&
    delegation.key === child.id &&
    delegation.parent === h2r.parent &&
    delegation.type === child.type &&
    certificate.vendor === h2r.vendor &&
    sameBytes(decoded(delegation.signingKey), child.signingPublic);
  if (!agrees) throw wrong('The certificate inside the H2R is for something else.');
  const opened = openSealed(child.exchange, decoded(h2r.sealed), h2rContext(h2r.key, delegation.sequence));
  if (opened === undefined) throw wrong('The secrets inside the H2R are sealed to another key.');
  const secrets = readSecrets(opened);
  const known = new Set(secrets.features.map(({ id }) => id));
  const without = carried(certificate).find((id) => !known.has(id));
  if (without !== undefined) throw wrong(`The H2R has no secret for feature ${without}.`);
  const [from, until] = [Date.parse(delegation.from), Date.parse(delegation.until)];
  return { h2r, vendorKey, standing, shown, secrets, sequence: delegation.sequence, from, until };
};

/** The R2H of a key that gives back. It may leave the computer only when the key is durably gone. */
export const returningDocument = (child: KeyIdentity, shown: Uint8Array, parent: string, now: Wall): Buffer => {
  const r2h: R2h = {
    format: 1,
    vendor: child.vendor,
    parent,
    key: child.id,
    delegation: toBase64(lastLink(shown)),
    returned: new Date(now).toISOString(),
  };
  return signDocument('R2H', writeR2h(r2h), child.signingKey);
};

/** To whom an R2H goes; only its self-stated signer has been checked. */
export const peekR2h = (document: Uint8Array): R2h => readR2h(openDocument('R2H', document).payload);

/**
 * The child that an R2H gives back, proven by what the owner itself signed.
 * @throws LicensingError INV_UPDATE_OBJ (17), INV_SIG (30), KEYID_NOT_FOUND (18) where it is for another key, INV_UPDATE_DATA (19)
 */
export const openReturning = (
  document: Uint8Array,
  owner: Pick<KeyIdentity, 'id' | 'signingPublic'>,
): { readonly child: string; readonly sequence: number } => {
  const { signer, payload } = openDocument('R2H', document);
  const r2h = readR2h(payload);
  if (r2h.parent !== owner.id) throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: `The file gives back to key ${r2h.parent}.` });
  const delegation = openDelegation(decoded(r2h.delegation), owner.signingPublic);
  const agrees = delegation.key === r2h.key && delegation.parent === owner.id && delegation.vendor === r2h.vendor;
  if (!agrees) throw wrong('The delegation inside the R2H is for something else.');
  if (!sameBytes(decoded(delegation.signingKey), signer))
    throw new LicensingError(Status.INV_SIG, { detail: 'The R2H is signed by another key than the one that gives back.' });
  return { child: delegation.key, sequence: delegation.sequence };
};
