import { Buffer } from 'node:buffer';
import { fromBase64, sameBytes, toBase64 } from '../bytes/index.ts';
import { hkdf, type KeyObject, publicBytes, sha256 } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { type Decoder, integer, literal, object, optional } from '../parse/index.ts';
import { bytes, type Certificate, canonical, type KeyType, keyId, read, type Secrets, vendorId } from './documents.ts';
import { documentKinds, openDocument, signDocument } from './envelope.ts';
import { keyIdOf } from './key-id.ts';
import { type Feature, type MemorySizes, memorySizes, moment, type Product, product } from './terms.ts';

// A trial license (K8): the vendor signs once what any key on any computer may do for some days. A license manager makes a key for it, and
// that key signs that it belongs to this trial. Both documents together, as a chain, are what the key shows instead of a certificate.
// Promised: nothing but what the vendor signed, never over a network, never longer than the days from the first use that the license
// manager of the computer keeps. Not promised, for nothing in a file that runs everywhere can: that the key is the first one of its computer
// (license-manager/trial keeps a mark), and any secrecy of what is encrypted by a trial. docs/protocol/files.md F100 to F106.

export const MAX_TRIAL_DAYS = 90;

export type Trial = {
  readonly format: 1;
  readonly vendor: number;
  readonly vendorKey: string;
  /** Names this trial: a computer that has used it up has used it up, however often it is applied. 16 random bytes. */
  readonly trial: string;
  readonly issued: string;
  /** From the first use on each computer. */
  readonly days: number;
  readonly product: Product;
  readonly memory: MemorySizes;
  readonly readOnly?: string;
  readonly readWrite?: string;
};
const trial: Decoder<Trial> = object({
  format: literal(1),
  vendor: vendorId,
  vendorKey: bytes(32, 32),
  trial: bytes(16, 16),
  issued: moment,
  days: integer(1, MAX_TRIAL_DAYS),
  product,
  memory: memorySizes,
  readOnly: optional(bytes(0, 2_048)),
  readWrite: optional(bytes(0, 4_032)),
});
const readTrial = read(trial, 'trial license', Status.INV_UPDATE_DATA);
/** Bytes to be signed. @throws ParseError naming every fault. */
export const writeTrial = canonical(trial, 'trial license');

/** What the key of a trial says of itself. */
type TrialKey = {
  readonly format: 1;
  readonly vendor: number;
  /** SHA-256 of the trial license document. */
  readonly trial: string;
  readonly key: string;
  readonly type: KeyType;
  readonly signingKey: string;
};
const trialKey: Decoder<TrialKey> = object({
  format: literal(1),
  vendor: vendorId,
  trial: bytes(32, 32),
  key: keyId,
  type: literal('sl-adminmode', 'sl-usermode'),
  signingKey: bytes(32, 32),
});
const readTrialKey = read(trialKey, 'trial key', Status.INV_UPDATE_DATA);
const writeTrialKey = canonical(trialKey, 'trial key');

const refuse = (detail: string): LicensingError => new LicensingError(Status.INV_UPDATE_DATA, { detail });

/**
 * @param vendorKey the vendor that is trusted; without it the one inside, which proves nothing but that one hand wrote all of it.
 * @throws LicensingError INV_UPDATE_OBJ (17), INV_SIG (30), INV_UPDATE_DATA (19)
 */
export const openTrial = (document: Uint8Array, vendorKey?: Uint8Array): Trial => {
  const { signer, payload } = openDocument('trial', document, vendorKey);
  const found = readTrial(payload);
  if (!sameBytes(signer, fromBase64(found.vendorKey) ?? Buffer.alloc(0)))
    throw refuse('The trial license names another vendor than signed it.');
  if (found.product.protection !== undefined) throw refuse('The trial license is bound to a computer.');
  return found;
};

/** The second document of a trial's chain: signed by the key that was made for it. An Admin LM makes others than an External or Integrated one. */
export const signTrialKey = (
  document: Uint8Array,
  of: Trial,
  signingKey: KeyObject,
  type: 'sl-adminmode' | 'sl-usermode' = 'sl-adminmode',
): Buffer => {
  const signingPublic = publicBytes(signingKey);
  const payload = writeTrialKey({
    format: 1,
    vendor: of.vendor,
    trial: toBase64(sha256(document)),
    key: keyIdOf(signingPublic),
    type,
    signingKey: toBase64(signingPublic),
  });
  return signDocument('trialkey', payload, signingKey);
};

/** True where a chain begins with a trial license. */
export const isTrial = (document: Uint8Array): boolean => document[4] === documentKinds.trial;

const inTrial = (feature: Feature, days: number): Feature => ({
  id: feature.id,
  name: feature.name,
  license: { type: 'period', days, trial: true },
  concurrency: { ...feature.concurrency, seats: 'unlimited', count: 'login', network: false },
  detachable: false,
});

/** @throws LicensingError as `openTrial` */
export const openTrialStanding = (
  document: Uint8Array,
  keyDocument: Uint8Array | undefined,
  vendorKey: Uint8Array,
): { readonly trial: Trial; readonly certificate: Certificate } => {
  const found = openTrial(document, vendorKey);
  if (keyDocument === undefined) throw refuse('A trial license without a key shows nothing.');
  const { signer, payload } = openDocument('trialkey', keyDocument);
  const key = readTrialKey(payload);
  const own = sameBytes(signer, fromBase64(key.signingKey) ?? Buffer.alloc(0)) && keyIdOf(signer) === key.key;
  const same = key.vendor === found.vendor && sameBytes(fromBase64(key.trial) ?? Buffer.alloc(0), sha256(document));
  if (!own || !same) throw refuse('The key of the trial license belongs to another one.');
  const { id, name, features } = found.product;
  return {
    trial: found,
    certificate: {
      format: 1,
      vendor: found.vendor,
      key: key.key,
      type: key.type,
      signingKey: key.signingKey,
      counter: 0,
      issued: found.issued,
      products: [{ id, name, features: features.map((feature) => inTrial(feature, found.days)) }],
      memory: found.memory,
    },
  };
};

/** The secrets of a trial are no secrets: whoever has the vendor's public key can make them. They keep nothing but the features apart. */
export const trialSecrets = (of: Trial): Secrets => {
  const vendorKey = fromBase64(of.vendorKey) ?? Buffer.alloc(0);
  const ids = [...new Set([0, ...of.product.features.map(({ id }) => id)])].toSorted((a, b) => a - b);
  return {
    features: ids.map((id) => ({ id, secret: toBase64(hkdf(vendorKey, new Uint8Array(), `keyhaven trial feature ${id}`, 32)) })),
    ...(of.readOnly === undefined ? {} : { readOnly: of.readOnly }),
    ...(of.readWrite === undefined ? {} : { readWrite: of.readWrite }),
  };
};
