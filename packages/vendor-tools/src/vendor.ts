import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fromBase64, sameBytes, toBase64 } from '@keyhaven/core/bytes';
import { type Entropy, hkdf, type KeyObject, privateKeyFrom, publicBytes, secretKey } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { formatVendorCode } from '@keyhaven/core/license';
import { z } from 'zod';
import { sampleCatalog } from './catalog-sample.ts';
import { systemEntropy } from './entropy.ts';
import { cannotWrite, errorCode, readWhole, writeFileAtomically } from './files.ts';
import { openKeyFile, sealKeyFile, type VendorSecrets } from './key-file.ts';

// A vendor is a directory: vendor.json (public), vendor.key (secrets under a passphrase), catalog.yaml, issued.jsonl. A key once made
// is never overwritten: licenses in the field depend on it.

/** The public part of a vendor. */
export type VendorInfo = { readonly id: number; readonly name: string; readonly publicKey: Uint8Array };
/** A vendor that can sign. Lives in memory only. */
export type Vendor = VendorInfo & { readonly signingKey: KeyObject; readonly masterSecret: KeyObject };

export const vendorPaths = (directory: string) => ({
  info: join(directory, 'vendor.json'),
  key: join(directory, 'vendor.key'),
  catalog: join(directory, 'catalog.yaml'),
  issued: join(directory, 'issued.jsonl'),
});

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
    passphrase.length >= 1 && passphrase.length <= 1_024 ? [] : ['the passphrase must have 1 to 1024 characters'],
  ].flat();
  if (faults.length > 0) throw new LicensingError(Status.INVALID_PARAMETER, { detail: `${faults.join('; ')}.` });

  const paths = vendorPaths(directory);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
  } catch (error) {
    throw cannotWrite(directory, error);
  }
  const secrets = { signingSeed: entropy.bytes(32), masterSecret: entropy.bytes(32) };
  const info: VendorInfo = { id, name, publicKey: vendorFromSecrets({ id, name }, secrets).publicKey };
  const key = await sealKeyFile(secrets, passphrase, identityOf(info), entropy);
  const json = { format: 1, id, name, publicKey: toBase64(info.publicKey) };
  try {
    // The key goes first: of two that run at once only one gets past it.
    await writeFileAtomically(paths.key, key, { mode: 0o600, exclusive: true });
    await writeFileAtomically(paths.info, `${JSON.stringify(json, undefined, 2)}\n`, { exclusive: true });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: `The directory ${directory} holds a vendor already.`,
      remedy: "Name a new directory; a vendor's key is never overwritten, since licenses in the field depend on it.",
    });
  }
  try {
    await writeFileAtomically(paths.catalog, sampleCatalog, { exclusive: true });
  } catch (error) {
    // A catalog that was prepared before the vendor stays.
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  return info;
};

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
