import { chmod, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { fromBase64, sameBytes, toBase64 } from '@keyhaven/core/bytes';
import { type Entropy, hkdf, type KeyObject, privateKeyFrom, publicBytes, secretKey } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { formatVendorCode } from '@keyhaven/core/license';
import { z } from 'zod';
import { sampleCatalog } from './catalog-sample.ts';
import { systemEntropy } from './entropy.ts';
import { cannotWrite, errorCode, readWhole, syncDirectory, writeFileAtomically } from './files.ts';
import { openKeyFile, sealKeyFile, type VendorSecrets } from './key-file.ts';
import { withVendorLock } from './lock.ts';
import { faultOfPassphrase } from './passphrase-rules.ts';
import { vendorPaths } from './vendor-paths.ts';

// A vendor is a directory (vendor-paths.ts). A key once made is never overwritten: licenses in the field depend on it.

/** The public part of a vendor. */
export type VendorInfo = { readonly id: number; readonly name: string; readonly publicKey: Uint8Array };
/** A vendor that can sign. Lives in memory only. */
export type Vendor = VendorInfo & { readonly signingKey: KeyObject; readonly masterSecret: KeyObject };

/** What an application carries. */
export const vendorCodeOf = (vendor: VendorInfo): string => formatVendorCode({ vendor: vendor.id, publicKey: vendor.publicKey });

/** A vendor from its two 32-byte secrets. */
export const vendorFromSecrets = (of: { readonly id: number; readonly name: string }, secrets: VendorSecrets): Vendor => {
  const signingKey = privateKeyFrom('ed25519', secrets.signingSeed);
  return { id: of.id, name: of.name, publicKey: publicBytes(signingKey), signingKey, masterSecret: secretKey(secrets.masterSecret) };
};

/** The 32-byte secret behind `encrypt` and `decrypt` of a feature: the same in every key of the vendor. F57 */
export const featureSecret = (vendor: Vendor, feature: number): Buffer =>
  hkdf(vendor.masterSecret, new Uint8Array(), `keyhaven feature ${feature}`, 32);

/** Likewise of one legacy license, whose file holds it in clear: of no other key. F119 */
export const legacySecret = (vendor: Vendor, license: string, feature: number): Buffer =>
  hkdf(vendor.masterSecret, fromBase64(license) ?? new Uint8Array(), `keyhaven legacy feature ${feature}`, 32);

const identityOf = (info: VendorInfo): string => `${info.id} ${toBase64(info.publicKey)}`;
const MAX_FILE = 65_536;
const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

export type NewVendor = {
  /** 1 to 4294967295. */
  readonly id: number;
  /** 1 to 50 characters. */
  readonly name: string;
  readonly passphrase: string;
  readonly entropy?: Entropy;
};

/**
 * Creates the directory with a new vendor in it.
 * @throws LicensingError INVALID_PARAMETER (501) naming every fault, also where the directory holds a vendor already.
 */
export const initVendor = async (directory: string, options: NewVendor): Promise<VendorInfo> => {
  const { id, name, passphrase, entropy = systemEntropy } = options;
  const faults = [
    Number.isSafeInteger(id) && id >= 1 && id <= 0xffff_ffff ? [] : ['the vendor id must be a whole number from 1 to 4294967295'],
    name.length >= 1 && name.length <= 50 && !/\p{Cc}/u.test(name)
      ? []
      : ['the name must have 1 to 50 characters, none of them control characters'],
    faultOfPassphrase(passphrase, [name]) ?? [],
  ].flat();
  if (faults.length > 0) throw new LicensingError(Status.INVALID_PARAMETER, { detail: `${sentence(faults.join('; '))}.` });

  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
  } catch (error) {
    throw cannotWrite(directory, error);
  }
  await withVendorLock(directory, () => createFiles(directory, { id, name, passphrase, entropy }));
  return openVendor(directory);
};

const createFiles = async (directory: string, { id, name, passphrase, entropy }: Required<NewVendor>): Promise<void> => {
  const paths = vendorPaths(directory);
  await removeInterrupted(directory);
  if ((await isThere(paths.info)) || (await isThere(paths.key))) throw holdsVendor(directory);
  const secrets = { signingSeed: entropy.bytes(32), masterSecret: entropy.bytes(32) };
  const { publicKey } = vendorFromSecrets({ id, name }, secrets);
  const key = await sealKeyFile(secrets, passphrase, identityOf({ id, name, publicKey }), entropy);
  const json = { format: 1, id, name, publicKey: toBase64(publicKey) };
  // vendor.json gets its name last: before that nobody has seen the vendor code, and an interrupted init is begun anew.
  await writeFileAtomically(paths.newInfo, `${JSON.stringify(json, undefined, 2)}\n`);
  try {
    await writeFileAtomically(paths.key, key, { mode: 0o600, exclusive: true });
  } catch (error) {
    throw errorCode(error) === 'EEXIST' ? holdsVendor(directory) : error;
  }
  try {
    await writeFileAtomically(paths.catalog, sampleCatalog, { exclusive: true });
  } catch (error) {
    // A catalog that was prepared before the vendor stays.
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  try {
    await rename(paths.newInfo, paths.info);
    await syncDirectory(directory);
  } catch (error) {
    throw cannotWrite(paths.info, error);
  }
};

const isThere = async (path: string): Promise<boolean> => {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
};

const removeInterrupted = async (directory: string): Promise<void> => {
  const paths = vendorPaths(directory);
  if ((await isThere(paths.info)) || !(await isThere(paths.newInfo))) return;
  await rm(paths.key, { force: true });
  await rm(paths.newInfo, { force: true });
};

const holdsVendor = (directory: string): LicensingError =>
  new LicensingError(Status.INVALID_PARAMETER, {
    detail: `The directory ${directory} holds a vendor already.`,
    remedy: "Name a new directory; a vendor's key is never overwritten, since licenses in the field depend on it.",
  });

const vendorFile = z.strictObject({
  format: z.literal(1),
  id: z.int().min(1).max(0xffff_ffff),
  name: z.string().min(1).max(50),
  publicKey: z.string().max(64),
});

/** @throws LicensingError CANNOT_READ_FILE (72) where there is no vendor, STORAGE_CORRUPT (47) where vendor.json is damaged. */
export const openVendor = async (directory: string): Promise<VendorInfo> => {
  const text = (await readWhole(vendorPaths(directory).info, MAX_FILE)).toString('utf8');
  try {
    const { id, name, publicKey } = vendorFile.parse(JSON.parse(text));
    const bytes = fromBase64(publicKey);
    if (bytes?.length === 32) return { id, name, publicKey: bytes };
  } catch {
    // Said below, as for a public key of the wrong length.
  }
  throw new LicensingError(Status.STORAGE_CORRUPT, {
    detail: 'The file vendor.json is damaged.',
    remedy: 'Put the backup of vendor.json back.',
  });
};

/** @throws LicensingError as `openVendor`, and IDENTITY_UNAUTHENTICATED (88) where the passphrase is wrong. */
export const unlockVendor = async (directory: string, passphrase: string): Promise<Vendor> => {
  const info = await openVendor(directory);
  const file = (await readWhole(vendorPaths(directory).key, MAX_FILE)).toString('utf8');
  const vendor = vendorFromSecrets(info, await openKeyFile(file, passphrase, identityOf(info)));
  if (!sameBytes(vendor.publicKey, info.publicKey)) {
    throw new LicensingError(Status.STORAGE_CORRUPT, { detail: 'The files vendor.json and vendor.key belong to two vendors.' });
  }
  return vendor;
};

/**
 * Puts the secrets of a vendor under another passphrase. Until the new key file is on the disk and was opened once, the old one stays.
 * @throws LicensingError as `unlockVendor`, INVALID_PARAMETER (501) where the new passphrase is refused, SYS_ERR (13) where it cannot be written.
 */
export const changePassphrase = async (
  directory: string,
  passphrases: { readonly from: string; readonly to: string },
  entropy: Entropy = systemEntropy,
): Promise<VendorInfo> => {
  const info = await openVendor(directory);
  const fault = passphrases.to === passphrases.from ? 'the new passphrase is the old one' : faultOfPassphrase(passphrases.to, [info.name]);
  if (fault !== undefined) {
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: `${sentence(fault)}.`,
      remedy: 'Choose another one, such as several words that belong together for you only.',
    });
  }
  const path = vendorPaths(directory).key;
  await withVendorLock(directory, async () => {
    const secrets = await openKeyFile((await readWhole(path, MAX_FILE)).toString('utf8'), passphrases.from, identityOf(info));
    const sealed = await sealKeyFile(secrets, passphrases.to, identityOf(info), entropy);
    const again = await openKeyFile(sealed, passphrases.to, identityOf(info));
    if (!sameBytes(again.signingSeed, secrets.signingSeed) || !sameBytes(again.masterSecret, secrets.masterSecret))
      throw new LicensingError(Status.INT_ERR, { detail: 'The new key file does not hold what the old one holds.' });
    await writeFileAtomically(path, sealed, { mode: 0o600 });
  });
  return info;
};
