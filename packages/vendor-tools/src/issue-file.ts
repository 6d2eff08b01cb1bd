import { hex } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { sha256 } from '@keyhaven/core/crypto';
import { DOCUMENT_LIMIT } from '@keyhaven/core/license';
import { type Wall, wall } from '@keyhaven/core/time';
import { readCatalogFile } from './catalog.ts';
import { systemEntropy } from './entropy.ts';
import { appendLine, readWhole, writeFileAtomically } from './files.ts';
import { type IssuedLicense, issueLicense } from './issue.ts';
import { type Vendor, vendorPaths } from './vendor.ts';

export type IssueFileRequest = {
  readonly vendor: Vendor;
  /** Path of the C2V file. */
  readonly c2v: string;
  readonly products: readonly number[];
  /** Path of the V2C file to write. */
  readonly out: string;
  readonly now?: Wall;
  readonly entropy?: Entropy;
};

/**
 * A license from the catalog of a vendor's directory into a file, recorded in issued.jsonl first: what went out is on record, even if
 * the machine stops in between.
 */
export const issueLicenseFile = async (directory: string, request: IssueFileRequest): Promise<IssuedLicense> => {
  const paths = vendorPaths(directory);
  const { vendor, products, out, now = wall(Date.now()), entropy = systemEntropy } = request;
  const [catalog, c2v] = await Promise.all([readCatalogFile(paths.catalog), readWhole(request.c2v, DOCUMENT_LIMIT * 1.5)]);
  const issued = issueLicense({ vendor, catalog, c2v: c2v.toString('utf8'), products, now, entropy });
  const { key, type, issued: at } = issued.certificate;
  await appendLine(
    paths.issued,
    JSON.stringify({ at, key, type, counter: issued.counter, products, sha256: hex(sha256(Buffer.from(issued.v2c, 'utf8'))) }),
  );
  await writeFileAtomically(out, issued.v2c);
  return issued;
};
