import { crc32 } from 'node:zlib';
import { fromBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Fingerprint, fingerprint } from '@keyhaven/core/fingerprint';
import { ParseError, parseJson } from '@keyhaven/core/parse';
import { readXml } from '@keyhaven/core/xml';
import type { VendorInfo } from './vendor.ts';

// The file in which a customer's computer tells a vendor what it is recognised by: what `keyhaven fingerprint` writes, and what the format
// host_fingerprint of the Licensing API gives (docs/protocol/local.md W22). It is signed by nobody: a statement, as the fingerprint in a C2V.

const noFingerprint = (detail: string, cause?: unknown): LicensingError =>
  new LicensingError(Status.INV_FORMAT, {
    detail: `The file is no fingerprint of a computer: ${detail}.`,
    remedy: 'Ask the customer for the file that keyhaven fingerprint writes, unchanged.',
    cause,
  });

export type FingerprintFile = {
  /** Id of the vendor that it was made for, as the file says it. */
  readonly vendor: string;
  /** Type of keys that the license manager holds. */
  readonly type: string;
  readonly fingerprint: Fingerprint;
};

/** @throws LicensingError INV_FORMAT (15) where the text is no fingerprint file, or was damaged on its way */
export const readFingerprint = (text: string): FingerprintFile => {
  const root = readXml(text, Status.INV_FORMAT);
  const [node, another] = root.children.filter(({ name }) => name === 'host_fingerprint');
  if (node === undefined || another !== undefined) throw noFingerprint('it holds none, or several');
  const bytes = fromBase64(node.text.replaceAll(/\s+/g, ''));
  if (bytes === undefined || String(crc32(bytes)) !== node.attributes.get('crc')) throw noFingerprint('it was changed or cut');
  try {
    return {
      vendor: node.attributes.get('vendorid') ?? 'nobody',
      type: node.attributes.get('type') ?? 'unknown',
      fingerprint: parseJson(fingerprint, bytes.toString('utf8'), 'fingerprint'),
    };
  } catch (cause) {
    throw noFingerprint(cause instanceof ParseError ? cause.faults.join('; ') : 'it is not JSON', cause);
  }
};

/**
 * @throws LicensingError INV_FORMAT (15) where it is none or was damaged on its way, UNKNOWN_VCODE (34) where it was made for another vendor, REQ_NOT_SUPP
 * (16) where a license manager made it that holds no keys of this kind
 */
export const readFingerprintFile = (text: string, vendor: Pick<VendorInfo, 'id' | 'name'>): Fingerprint => {
  const found = readFingerprint(text);
  if (found.vendor !== String(vendor.id)) {
    throw new LicensingError(Status.UNKNOWN_VCODE, {
      detail: `The fingerprint was made for vendor ${found.vendor}; this is vendor ${vendor.id}.`,
      remedy: `Have it made with the vendor code of ${vendor.name}, as \`keyhaven vendor code\` prints it.`,
    });
  }
  if (found.type !== 'SL-AdminMode') {
    throw new LicensingError(Status.REQ_NOT_SUPP, {
      detail: 'The fingerprint is not of an Admin LM, and only that holds SL Legacy keys.',
      remedy: 'Have it made with keyhaven fingerprint where the license manager service runs.',
    });
  }
  return found.fingerprint;
};
