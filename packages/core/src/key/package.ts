import { fromBase64, sameBytes } from '../bytes/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { openDocument, readPackage } from '../license/index.ts';
import type { KeyIdentity } from './identity.ts';
import { type Held, peekV2c, type Update, verifyUpdate } from './update.ts';

// Several V2C documents: those of a V2CP by the keys they are for, and those of one key against it (K4). Pure; says what the key would be
// after all of them, so that the caller writes that in one transaction: all or nothing.

/** The V2C documents of a package for one key, in the order of the package. */
export type Packed = { readonly key: string; readonly documents: readonly Uint8Array[] };

/**
 * Opens a V2CP. Its payload is not looked at before its signer is one of `vendors`.
 * @param vendors public keys of the vendors of the keys here.
 * @throws LicensingError INV_UPDATE_OBJ (17), INV_SIG (30), KEYID_NOT_FOUND (18) where no key here is of its signer, INV_UPDATE_DATA (19)
 */
export const inPackage = (document: Uint8Array, vendors: readonly Uint8Array[]): readonly Packed[] => {
  const { signer, payload } = openDocument('V2CP', document);
  if (!vendors.some((vendor) => sameBytes(vendor, signer)))
    throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: 'No key on this computer is of the vendor that signed the package.' });
  const { vendor, updates } = readPackage(payload);
  const byKey = new Map<string, Uint8Array[]>(); // BOUNDED by MAX_PACKAGE
  for (const [index, update] of updates.entries()) {
    const v2c = fromBase64(update) ?? new Uint8Array();
    openDocument('V2C', v2c, signer);
    const inside = peekV2c(v2c).v2c;
    if (inside.vendor !== vendor)
      throw new LicensingError(Status.INV_UPDATE_DATA, { detail: `Update ${index + 1} of the package is of another vendor.` });
    byKey.set(inside.key, [...(byKey.get(inside.key) ?? []), v2c]);
  }
  return [...byKey].map(([key, documents]) => ({ key, documents }));
};

/**
 * Checks V2C documents one after the other, each against what the one before it leaves. Of several, those that the key has already are passed
 * over as long as a later one is new: a package may hold all updates since the first.
 * @returns the updates to apply, at least one.
 * @throws LicensingError as `verifyUpdate` for the first that does not fit; then none may be applied.
 */
export const verifyUpdates = (
  key: KeyIdentity,
  current: number,
  documents: readonly Uint8Array[],
  held?: Held,
): readonly [Update, ...Update[]] => {
  const counterOf = (document: Uint8Array): number => {
    openDocument('V2C', document, key.vendorKey); // S1: whose it is comes before what it says.
    const { v2c } = peekV2c(document);
    return v2c.key === key.id ? v2c.counter : Number.POSITIVE_INFINITY;
  };
  const fresh = documents.length > 1 ? documents.filter((document) => counterOf(document) > current) : documents;
  const updates: Update[] = [];
  let [counter, before] = [current, held];
  for (const document of fresh.length === 0 ? documents.slice(-1) : fresh) {
    const update = verifyUpdate(key, counter, document, before);
    updates.push(update);
    counter = update.certificate.counter;
    before = update;
  }
  const [first, ...others] = updates;
  if (first === undefined) throw new LicensingError(Status.INV_UPDATE_DATA, { detail: 'The package holds no update.' });
  return [first, ...others];
};
