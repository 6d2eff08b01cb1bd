import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { type Fingerprint, fingerprintOf, type Observation } from '@keyhaven/core/fingerprint';
import type { FingerprintInfo } from '@keyhaven/core/format';
import type { Ask } from '@keyhaven/core/wire';

/** What this computer is recognised by, as the vendor who asks sees it (K6): the fingerprint of a C2V (docs/protocol/files.md F25). */
export const hostFingerprint = (observed: Observation, { vendor, vendorKey }: Pick<Ask, 'vendor' | 'vendorKey'>): FingerprintInfo => {
  const fingerprint: Fingerprint = fingerprintOf(observed, vendorKey);
  const bytes = Buffer.from(JSON.stringify(fingerprint), 'utf8');
  return { type: 'SL-AdminMode', crc: String(crc32(bytes)), vendor: String(vendor), base64: bytes.toString('base64') };
};
