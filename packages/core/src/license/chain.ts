import { Buffer } from 'node:buffer';
import { fromBase64, Reader, sameBytes, toBase64, WireError, Writer } from '../bytes/index.ts';
import { sha256 } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { boolean, type Decoder, integer, literal, object } from '../parse/index.ts';
import { DAY } from '../time/index.ts';
import {
  bytes,
  CERTIFICATE_LIMIT,
  type Certificate,
  canonical,
  counter,
  type KeyType,
  keyId,
  keyTypes,
  read,
  readCertificate,
  vendorId,
} from './documents.ts';
import { openDocument } from './envelope.ts';
import { keyIdOf } from './key-id.ts';
import { isLegacy, type LegacyTerms, openLegacyStanding } from './legacy.ts';
import { type Feature, type License, MAX_ID, MAX_SEATS, moment, type Product } from './terms.ts';
import { isTrial, openTrialStanding, type Trial } from './trial.ts';

// What a key may do, proven from the vendor down (K5, K10): the vendor signs the certificate of a key; that key signs a delegation to the
// key of another computer; that one, where it was detached for a network, may sign one more. Promised:
// - each link is verified, by a key that the link before it names, before anything of it is parsed (S1, S12);
// - a delegation gives at most what its signer has: only detachable features of one product, no more seats, no later end, no wider use;
// - a delegation belongs to exactly the certificate that its signer had when it signed.
// Not promised: that the signer has put its own seats aside. That is the duty of the LM that holds it (core/transfer).
// docs/protocol/transfer.md T10 to T19.

/** The vendor's certificate and two delegations: what was detached for a network may be detached once more, and no further. */
export const MAX_LINKS = 3;
const MAGIC = 0x4b484331; // "KHC1"

export type Delegation = {
  readonly format: 1;
  readonly vendor: number;
  /** The key that signs this. */
  readonly parent: string;
  /** SHA-256 of what the parent showed as its own certificate (a document or a chain). */
  readonly certificate: string;
  readonly key: string;
  readonly type: KeyType;
  readonly signingKey: string;
  readonly product: number;
  /** Of every feature of the product that is detachable and whose seats are limited. */
  readonly seats: number;
  /** The recipient may serve them to other computers, and detach them once more. */
  readonly network: boolean;
  readonly from: string;
  /** The last moment at which the recipient grants. */
  readonly until: string;
  /** Rises with every delegation that the parent signs. */
  readonly sequence: number;
};
const delegation: Decoder<Delegation> = object({
  format: literal(1),
  vendor: vendorId,
  parent: keyId,
  certificate: bytes(32, 32),
  key: keyId,
  type: literal(...keyTypes),
  signingKey: bytes(32, 32),
  product: integer(0, MAX_ID),
  seats: integer(1, MAX_SEATS),
  network: boolean,
  from: moment,
  until: moment,
  sequence: counter,
});
const readDelegation = read(delegation, 'delegation', Status.INV_UPDATE_DATA);
/** Bytes to be signed. @throws ParseError naming every fault. */
export const writeDelegation = canonical(delegation, 'delegation');

/** What a key stands on. */
export type Standing = {
  /** What it may do: the vendor's word, narrowed by every delegation. */
  readonly certificate: Certificate;
  /** The last link; undefined where the vendor itself licensed the key. */
  readonly delegation: Delegation | undefined;
  /** The public key that signed the last link. */
  readonly signer: Uint8Array;
  /** Documents from the vendor down to it, 1 to MAX_LINKS. */
  readonly links: number;
  /** The trial license that it stands on instead of a certificate; absent = none (K8). */
  readonly trial?: Trial;
  /** The legacy license that it stands on instead of a certificate; absent = none (T1). */
  readonly legacy?: LegacyTerms;
};

/** A feature that can be lent: the vendor says so, and nothing of it is counted that both sides would count (field-facts 4.4). */
const isLendable = ({ detachable, license }: Feature): boolean =>
  detachable && (license.type === 'perpetual' || license.type === 'expiration');
export const delegatedFeatures = (product: Product): readonly Feature[] => product.features.filter(isLendable);
/** The longest time that their vendor lets these be detached at a time, in milliseconds; infinite where it says nothing. */
export const longestDetach = (features: readonly Feature[]): number =>
  Math.min(...features.map(({ detachDays }) => (detachDays === undefined ? Number.POSITIVE_INFINITY : detachDays * DAY)));

/**
 * A key's certificate (a document of its vendor, or a chain) to what it may do.
 * @throws LicensingError INV_UPDATE_OBJ (17) where it is neither, INV_SIG (30) where a signature does not hold, INV_UPDATE_DATA (19)
 * where a link gives what its signer does not have.
 */
export const openStanding = (shown: Uint8Array, vendorKey: Uint8Array): Standing => {
  const [first, ...others] = linksOf(shown);
  if (isTrial(first)) return trialStanding(first, others, vendorKey);
  if (isLegacy(first)) return legacyStanding(first, others, vendorKey);
  const { payload } = openDocument('certificate', first, vendorKey);
  let standing: Standing = { certificate: readCertificate(payload), delegation: undefined, signer: vendorKey, links: 1 };
  let soFar = first;
  for (const link of others) {
    const signer = fromBase64(standing.certificate.signingKey) ?? Buffer.alloc(0);
    const next = openDelegation(link, signer);
    const fault = faultIn(next, standing.certificate, soFar);
    if (fault !== undefined) throw new LicensingError(Status.INV_UPDATE_DATA, { detail: fault });
    const links = standing.links + 1;
    standing = { certificate: narrowed(standing.certificate, next, links), delegation: next, signer, links };
    soFar = chainWith(soFar, link);
  }
  return standing;
};

/** A trial is lent to nobody, so nothing stands behind its key (K8). */
const trialStanding = (first: Uint8Array, others: readonly Uint8Array[], vendorKey: Uint8Array): Standing => {
  const [key, more] = others;
  if (more !== undefined) throw new LicensingError(Status.INV_UPDATE_DATA, { detail: 'A trial license is lent to nobody.' });
  const { certificate, trial } = openTrialStanding(first, key, vendorKey);
  return { certificate, delegation: undefined, signer: vendorKey, links: 1, trial };
};

/** Nor is a legacy license (T1). */
const legacyStanding = (first: Uint8Array, others: readonly Uint8Array[], vendorKey: Uint8Array): Standing => {
  const [key, more] = others;
  if (more !== undefined) throw new LicensingError(Status.INV_UPDATE_DATA, { detail: 'A legacy license is lent to nobody.' });
  const { certificate, legacy } = openLegacyStanding(first, key, vendorKey);
  return { certificate, delegation: undefined, signer: vendorKey, links: 1, legacy };
};

/** @throws LicensingError as `openStanding` */
export const openDelegation = (link: Uint8Array, signer: Uint8Array): Delegation =>
  readDelegation(openDocument('delegation', link, signer).payload);

/** The document that stands at the end of a chain. */
export const lastLink = (shown: Uint8Array): Uint8Array => linksOf(shown).at(-1) ?? shown;

/** What the child shows: all that its parent shows, and the delegation behind it. */
export const chainWith = (parent: Uint8Array, link: Uint8Array): Buffer => {
  const links = [...linksOf(parent), link];
  const out = new Writer(parent.length + link.length + 16).u32(MAGIC).u8(links.length);
  for (const each of links) out.block(each);
  return out.done();
};

/** The documents of what a key shows, the vendor's first. @throws LicensingError INV_UPDATE_OBJ (17) */
export const linksOf = (shown: Uint8Array): [Uint8Array, ...Uint8Array[]] => {
  const refuse = (detail: string): LicensingError => new LicensingError(Status.INV_UPDATE_OBJ, { detail });
  if (shown.length > CERTIFICATE_LIMIT) throw refuse('The certificate is larger than a megabyte.');
  const reader = new Reader(shown);
  try {
    if (reader.u32() !== MAGIC) return [shown];
    const count = reader.u8();
    if (count < 2 || count > MAX_LINKS) throw new WireError(`a chain of ${count} links`);
    const links = Array.from({ length: count }, () => reader.block(CERTIFICATE_LIMIT));
    reader.end();
    const [first, ...others] = links;
    if (first === undefined) throw new WireError('an empty chain');
    return [first, ...others];
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw refuse('The certificate is neither a document nor a chain of documents.');
  }
};

const faultIn = (next: Delegation, parent: Certificate, parentShown: Uint8Array): string | undefined => {
  const product = parent.products.find(({ id }) => id === next.product);
  const features = product === undefined ? [] : delegatedFeatures(product);
  const signingKey = fromBase64(next.signingKey) ?? Buffer.alloc(0);
  const checks: readonly (readonly [boolean, string])[] = [
    [next.vendor === parent.vendor && next.parent === parent.key, 'The delegation is of another key.'],
    [sameBytes(fromBase64(next.certificate) ?? Buffer.alloc(0), sha256(parentShown)), 'The delegation belongs to another certificate.'],
    [next.key !== parent.key && keyIdOf(signingKey) === next.key, 'The delegation names a key by the id of another.'],
    [features.length > 0, 'The delegation is for what its signer may not detach.'],
    [
      features.every(({ concurrency: { seats } }) => seats === 'unlimited' || next.seats <= seats),
      'The delegation gives more seats than its signer has.',
    ],
    [Date.parse(next.from) < Date.parse(next.until), 'The delegation ends before it begins.'],
    [
      Date.parse(next.until) - Date.parse(next.from) <= longestDetach(features),
      'The delegation is for longer than the vendor lets the license be detached.',
    ],
  ];
  return checks.find(([holds]) => !holds)?.[1];
};

const earlier = (a: string, b: string): string => (Date.parse(a) <= Date.parse(b) ? a : b);

/** Of what the vendor sold only what holds on any computer and ends with the delegation: its dates, and no grace after them. */
const narrowedLicense = ({ license }: Feature, until: string): License => ({
  type: 'expiration',
  until: 'until' in license ? earlier(license.until, until) : until,
  ...('from' in license && typeof license.from === 'string' ? { from: license.from } : {}),
});

const narrowed = (parent: Certificate, by: Delegation, links: number): Certificate => ({
  format: 1,
  vendor: parent.vendor,
  key: by.key,
  type: by.type,
  signingKey: by.signingKey,
  counter: by.sequence,
  issued: by.from,
  products: parent.products
    .filter(({ id }) => id === by.product)
    .map((product) => ({
      id: product.id,
      name: product.name,
      features: delegatedFeatures(product).map(
        (feature): Feature => ({
          id: feature.id,
          name: feature.name,
          license: narrowedLicense(feature, by.until),
          concurrency: {
            ...feature.concurrency,
            seats: feature.concurrency.seats === 'unlimited' ? 'unlimited' : by.seats,
            network: feature.concurrency.network && by.network,
          },
          detachable: by.network && links < MAX_LINKS,
          ...(feature.detachDays === undefined ? {} : { detachDays: feature.detachDays }),
        }),
      ),
    })),
  memory: parent.memory,
});

/** What a delegation binds itself to. */
export const standingDigest = (shown: Uint8Array): string => toBase64(sha256(shown));
