import { type CertificateLink, certificatesOf, fingerprintOfKey } from '@keyhaven/core/admin';
import { notHere } from './key-names.ts';
import type { Keystore } from './keystore/index.ts';

// "Certificates" of a key here (field-facts 2.1): what its vendor and every key between certified, checked at the moment of the question.

export type KeyCertificates = {
  readonly key: string;
  readonly vendor: number;
  /** Of the vendor's public key that this key was made for, or that came with what it was lent. */
  readonly vendorFingerprint: string;
  /** From the vendor down; empty before the first license, and where the license does not open. */
  readonly links: readonly CertificateLink[];
};

/** @throws LicensingError KEYID_NOT_FOUND (18) where the key is not on this computer */
export const certificatesOfKey = (keystore: Pick<Keystore, 'get'>, id: string): KeyCertificates => {
  const key = keystore.get(id);
  if (key === undefined) throw notHere(id);
  const { vendor, vendorKey } = key.identity;
  const links = key.license === undefined ? [] : certificatesOf(key.license.document, vendorKey, vendor);
  return { key: id, vendor, vendorFingerprint: fingerprintOfKey(vendorKey), links };
};
