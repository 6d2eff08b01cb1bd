import { Buffer } from 'node:buffer';
import { fromBase64, sameBytes } from '../bytes/index.ts';
import { sha256 } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { type Certificate, openDocument, openSealed, readCertificate, readSecrets, readV2c, type Secrets } from '../license/index.ts';
import type { KeyIdentity, PublicIdentity } from './identity.ts';

// A V2C against the key it is for (K4). Pure: says what the key would be afterwards; the caller writes that in one transaction.

export type Update = {
  readonly certificate: Certificate;
  /** The signed certificate, as applications get it. */
  readonly certificateDocument: Buffer;
  readonly secrets: Secrets;
  /** The vendor asks for a fresh C2V. */
  readonly acknowledge: boolean;
  /** It was computed from what the key has; otherwise it says all of the state itself. */
  readonly computed: boolean;
};

/** What a key has before an update. */
export type Held = { readonly certificate: Certificate; readonly certificateDocument: Uint8Array };

/** What a V2C says, for a person; only its self-stated signer has been checked. */
export const peekV2c = (document: Uint8Array) => {
  const { signer, payload } = openDocument('V2C', document);
  return { signer, v2c: readV2c(payload) };
};

/**
 * Checks in this order: signature of the pinned vendor (30), wrong key (18), counter applied already (65), older (54), no more updates
 * allowed (44), gap (55), computed from another state than the key is in (94), and that certificate and secrets agree with it (19).
 * @param current the key's update counter; 0 before its first license.
 * @param held what the key has; undefined before its first license.
 */
export const verifyUpdate = (key: KeyIdentity, current: number, document: Uint8Array, held?: Held): Update => {
  const checked = checkUpdate(key, current, document, held);
  return checked.open(openSealed(key.exchange, checked.sealed, sealContext(key.id, checked.counter)));
};

/** An update whose secrets are not opened yet; `open` takes what was sealed, undefined where it does not open. */
export type CheckedUpdate = { readonly counter: number; readonly sealed: Uint8Array; open(secrets: Uint8Array | undefined): Update };

/** The part of `verifyUpdate` that needs no private key: for keys whose private keys no program has (K7). */
export const checkUpdate = (key: PublicIdentity, current: number, document: Uint8Array, held?: Held): CheckedUpdate => {
  const { payload } = openDocument('V2C', document, key.vendorKey);
  const v2c = readV2c(payload);
  if (v2c.key !== key.id) {
    throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: `The license is for key ${v2c.key}, not for key ${key.id}.` });
  }
  if (v2c.counter === current) throw new LicensingError(Status.UPDATE_ALREADY_ADDED);
  if (v2c.counter < current) {
    throw new LicensingError(Status.UPDATE_TOO_OLD, { detail: `The update has counter ${v2c.counter}, the key is at ${current} already.` });
  }
  if (held?.certificate.final === true) {
    throw new LicensingError(Status.UPDATE_BLOCKED, { detail: `Its vendor closed key ${key.id} for updates with update ${current}.` });
  }
  if (v2c.counter > current + 1) {
    throw new LicensingError(Status.UPDATE_TOO_NEW, { detail: `The update has counter ${v2c.counter}, the key is at ${current} only.` });
  }
  const base = v2c.base === undefined ? undefined : fromBase64(v2c.base);
  if (base !== undefined && !(held !== undefined && sameBytes(base, sha256(held.certificateDocument)))) {
    throw new LicensingError(Status.UPDATE_OUT_OF_SYNC, {
      detail: `The update was computed from another update ${current} than the one that the key has.`,
    });
  }
  const certificateDocument = fromBase64(v2c.certificate) ?? Buffer.alloc(0);
  const certificate = readCertificate(openDocument('certificate', certificateDocument, key.vendorKey).payload);
  const signingKey = fromBase64(certificate.signingKey) ?? Buffer.alloc(0);
  const agrees =
    certificate.key === key.id &&
    certificate.vendor === key.vendor &&
    v2c.vendor === key.vendor &&
    certificate.counter === v2c.counter &&
    certificate.type === key.type &&
    sameBytes(signingKey, key.signingPublic);
  if (!agrees) throw new LicensingError(Status.INV_UPDATE_DATA, { detail: 'The certificate inside the V2C is for something else.' });
  return {
    counter: v2c.counter,
    sealed: fromBase64(v2c.sealed) ?? Buffer.alloc(0),
    open(opened) {
      if (opened === undefined)
        throw new LicensingError(Status.INV_UPDATE_DATA, { detail: 'The secrets inside the V2C are sealed to another key.' });
      const secrets = readSecrets(opened);
      const fault = faultOfSecrets(certificate, secrets);
      if (fault !== undefined) throw new LicensingError(Status.INV_UPDATE_DATA, { detail: fault });
      return { certificate, certificateDocument, secrets, acknowledge: v2c.acknowledge === true, computed: base !== undefined };
    },
  };
};

/** Where secrets lack what the terms need, or do not fit them; undefined where they agree. */
export const faultOfSecrets = (certificate: Pick<Certificate, 'products' | 'memory'>, secrets: Secrets): string | undefined => {
  const known = new Set(secrets.features.map(({ id }) => id));
  const without = [0, ...certificate.products.flatMap(({ features }) => features.map(({ id }) => id))].find((id) => !known.has(id));
  if (without !== undefined) return `The license has no secret for feature ${without}.`;
  const size = (data: string | undefined): number => fromBase64(data ?? '')?.length ?? 0;
  const fits = size(secrets.readOnly) <= certificate.memory.readOnly && size(secrets.readWrite) <= certificate.memory.readWrite;
  const dynamic = new Map((certificate.memory.dynamic ?? []).map((file) => [file.id, file.size]));
  const all = fits && (secrets.dynamic ?? []).every(({ id, data }) => size(data) <= (dynamic.get(id) ?? -1));
  return all ? undefined : 'The memory contents inside the license are larger than the memory.';
};

/** What the secrets of a V2C are bound to, so that they open in no other one. */
export const sealContext = (key: string, counter: number): Buffer => Buffer.from(`${key} ${counter}`, 'latin1');
