import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fromBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { faultOfServing, USER_STORE_FILE } from '@keyhaven/core/hosts';
import { peekV2c } from '@keyhaven/core/key';
import { openDocument, openTrial, readCertificate, readPackage, unarmor } from '@keyhaven/core/license';
import { DEFAULT_NEAR_SETTINGS } from '@keyhaven/core/near-settings';
import type { NearLm } from '@keyhaven/license-manager/near';
import { defaultUserStore } from '@keyhaven/license-manager/user-store';

// The stores of this user, in which SL UserMode keys are (T1): one directory for each vendor. They are opened as an application does, beside the
// applications that run; no Admin LM is needed.

/** Asks nobody on the network. */
const settings = { ...DEFAULT_NEAR_SETTINGS, remoteLicenses: false };

/** Runs `work` on the store of a vendor; makes the store where it is missing. */
export const withUserStore = async <T>(vendor: number, work: (lm: NearLm) => T | Promise<T>): Promise<T> => {
  const { openNearLm } = await import('@keyhaven/license-manager/near');
  const lm = await openNearLm({ kind: 'integrated', vendor, directory: defaultUserStore(vendor), settings });
  try {
    return await work(lm);
  } finally {
    await lm.close();
  }
};

const hasStore = (vendor: number): boolean => existsSync(join(defaultUserStore(vendor), USER_STORE_FILE));

/** Vendors of whose keys this user has a store. */
const userStoreVendors = async (): Promise<readonly number[]> => {
  let names: string[] = [];
  try {
    names = await readdir(dirname(defaultUserStore(1)));
  } catch {
    return []; // Nobody has made one yet.
  }
  return names
    .filter((name) => /^[1-9]\d{0,9}$/.test(name))
    .map(Number)
    .filter(hasStore)
    .toSorted((a, b) => a - b);
};

/** What `work` gives of each store; one that does not open is handed to `onProblem`. Rejects with nothing else. */
export const ofUserStores = async <T>(work: (lm: NearLm) => T, onProblem: (vendor: number, error: Error) => void): Promise<T[]> => {
  const found: T[] = [];
  for (const vendor of await userStoreVendors()) {
    try {
      found.push(await withUserStore(vendor, work));
    } catch (error) {
      onProblem(vendor, error instanceof Error ? error : new Error(String(error)));
    }
  }
  return found;
};

/** The vendor in whose store of this user the key is; undefined where it is in none, or in one that does not open, for the reason of `problem`. */
export const storeOfKey = async (key: string): Promise<{ readonly vendor: number | undefined; readonly problem: Error | undefined }> => {
  let problem: Error | undefined;
  const found = await ofUserStores(
    (lm) => lm.list().find((each) => each.key === key)?.vendor,
    (_, error) => {
      problem ??= error;
    },
  );
  return { vendor: found.find((each) => each !== undefined), problem };
};

const inside = (document: Uint8Array) => {
  const { signer, v2c } = peekV2c(document);
  const { payload } = openDocument('certificate', fromBase64(v2c.certificate) ?? new Uint8Array(), signer);
  return { key: v2c.key, vendor: v2c.vendor, type: readCertificate(payload).type };
};
const updatesIn = (text: string): readonly ReturnType<typeof inside>[] => {
  const { kind, bytes } = unarmor(text);
  if (kind === 'V2C') return [inside(bytes)];
  if (kind !== 'V2CP') return [];
  return readPackage(openDocument('V2CP', bytes).payload).updates.map((update) => inside(fromBase64(update) ?? new Uint8Array()));
};

/**
 * The vendor in whose store a license file is to be applied; undefined where it is for the Admin LM, which also says what is wrong with a file.
 * @throws LicensingError KEYID_NOT_FOUND (18) where it is for an SL UserMode key of another user or computer.
 */
export const storeOfFile = (text: string): number | undefined => {
  let updates: ReturnType<typeof updatesIn>;
  try {
    updates = updatesIn(text);
  } catch {
    return undefined;
  }
  const [first] = updates.filter(({ type }) => type === 'sl-usermode');
  if (first === undefined || hasStore(first.vendor)) return first?.vendor;
  throw new LicensingError(Status.KEYID_NOT_FOUND, {
    detail: `The license is for SL UserMode key ${first.key}, and this user has no key of vendor ${first.vendor}.`,
    remedy: 'Apply it as the user, and on the computer, that the C2V was made with.',
  });
};

/**
 * The vendor that a license file is of.
 * @throws LicensingError REQ_NOT_SUPP (16) of an SL Legacy license, INV_FORMAT (15) of another file that no user's store takes
 */
export const vendorOfFile = (text: string): number => {
  const { kind, bytes } = unarmor(text);
  // Before a store is made for it.
  const fault = kind === 'legacy' ? faultOfServing('integrated', 'sl-legacy') : undefined;
  if (fault !== undefined) throw fault;
  const vendor = kind === 'trial' ? openTrial(bytes).vendor : updatesIn(text)[0]?.vendor;
  if (vendor !== undefined) return vendor;
  throw new LicensingError(Status.INV_FORMAT, { detail: `The file is a ${kind}: a user's store takes V2C, V2CP and trial licenses.` });
};
