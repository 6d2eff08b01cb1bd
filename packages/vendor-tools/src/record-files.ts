import { fromBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import {
  type Certificate,
  DOCUMENT_LIMIT,
  openDocument,
  openLegacy,
  openTrial,
  readCertificate,
  readPackage,
  readV2c,
  unarmor,
} from '@keyhaven/core/license';
import { readWhole } from './files.ts';
import { acceptC2v } from './issue.ts';
import { textDigest } from './issuing.ts';
import { withVendorLock } from './lock.ts';
import { appendIssued, type IssuedLine, issuedLines } from './record.ts';
import { soldOf } from './sold.ts';
import { openVendor, type VendorInfo } from './vendor.ts';

// Files that a vendor issued before the record said what was sold, or whose record was lost: they are read, and the record is completed from them. Only what
// this vendor signed counts.

const MAX_TEXT = DOCUMENT_LIMIT * 1.5;
const decoded = (text: string): Uint8Array => fromBase64(text) ?? new Uint8Array();

const lineOf = ({ issued, key, type, counter, products }: Certificate, more: Partial<IssuedLine>): IssuedLine => ({
  at: issued,
  key,
  type,
  counter,
  products: products.map(({ id }) => id),
  sold: soldOf(products),
  ...more,
});
const certificateIn = (vendor: VendorInfo, v2c: Uint8Array): Certificate => {
  const { certificate } = readV2c(openDocument('V2C', v2c, vendor.publicKey).payload);
  return readCertificate(openDocument('certificate', decoded(certificate), vendor.publicKey).payload);
};

/** The licenses of a file. @throws LicensingError INV_FORMAT (15) where it shows none, INV_SIG (30) where another vendor signed it, UNKNOWN_VCODE (34) */
const linesIn = (vendor: VendorInfo, text: string): readonly IssuedLine[] => {
  const { kind, bytes } = unarmor(text);
  switch (kind) {
    case 'V2C':
      return [lineOf(certificateIn(vendor, bytes), { sha256: textDigest(text) })];
    case 'V2CP':
      return readPackage(openDocument('V2CP', bytes, vendor.publicKey).payload).updates.map((update) =>
        lineOf(certificateIn(vendor, decoded(update)), {}),
      );
    case 'C2V': {
      const { certificate, host } = acceptC2v(text, vendor);
      if (certificate === undefined) throw nothingIn('The C2V does not show a license of its key.');
      return [lineOf(readCertificate(openDocument('certificate', decoded(certificate), vendor.publicKey).payload), { host })];
    }
    case 'legacy': {
      const { terms, key } = openLegacy(bytes, vendor.publicKey);
      const { issued: at, counter, license, products } = terms;
      const sold = { products: products.map(({ id }) => id), sold: soldOf(products) };
      return [{ at, key, type: 'sl-legacy', counter, license, ...sold, sha256: textDigest(text) }];
    }
    case 'trial': {
      const { issued: at, trial, days, product } = openTrial(bytes, vendor.publicKey);
      return [{ at, trial, days, products: [product.id], sold: soldOf([product]), sha256: textDigest(text) }];
    }
    default:
      throw nothingIn(`A ${kind} is not a license that a vendor issued.`);
  }
};
const nothingIn = (detail: string): LicensingError =>
  new LicensingError(Status.INV_FORMAT, {
    detail,
    remedy: 'Name V2C, V2CP, trial and legacy license files of this vendor, or C2V files of its keys.',
  });

const idOf = ({ key, counter, trial }: IssuedLine): string => `${key ?? trial} ${counter ?? 0}`;

/**
 * Completes the record from license files.
 * @returns how many licenses the files hold, and how many of them the record lacked or did not describe.
 * @throws LicensingError as `linesIn`, before anything is recorded; CANNOT_READ_FILE (72), SYS_ERR (13)
 */
export const recordFiles = async (
  directory: string,
  files: readonly string[],
): Promise<{ readonly found: number; readonly recorded: number }> => {
  const vendor = await openVendor(directory);
  const lines: IssuedLine[] = [];
  for (const file of files) lines.push(...linesIn(vendor, (await readWhole(file, MAX_TEXT)).toString('utf8')));
  return withVendorLock(directory, async () => {
    const known = new Set<string>();
    for await (const line of issuedLines(directory)) if (line.sold !== undefined) known.add(idOf(line));
    let recorded = 0;
    for (const line of lines.toSorted((one, other) => (one.counter ?? 0) - (other.counter ?? 0))) {
      if (known.has(idOf(line))) continue;
      known.add(idOf(line));
      await appendIssued(directory, line);
      recorded += 1;
    }
    return { found: lines.length, recorded };
  });
};
