import { hex } from '@keyhaven/core/bytes';
import { type Entropy, sha256 } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { DOCUMENT_LIMIT, openDocument, readV2c, unarmor } from '@keyhaven/core/license';
import { type Wall, wall } from '@keyhaven/core/time';
import { parseAction } from './actions.ts';
import { readCatalogFile } from './catalog.ts';
import { systemEntropy } from './entropy.ts';
import { appendLine, readLines, readWhole, writeFileAtomically } from './files.ts';
import { type IssuedLicense, issueLicense } from './issue.ts';
import { updateLicense } from './update.ts';
import { packUpdates } from './v2c.ts';
import { type Vendor, vendorPaths } from './vendor.ts';

// Licenses from the catalog of a vendor's directory into files. What goes out is recorded in issued.jsonl first, so that it is on record even if
// the machine stops in between; and from that record comes what a C2V that is older than the last license is refused by (94).

type FileRequest = {
  readonly vendor: Vendor;
  /** Path of the C2V file. */
  readonly c2v: string;
  /** Path of the V2C file to write. */
  readonly out: string;
  /** Path of the V2C that the key applies before. */
  readonly after?: string | undefined;
  readonly acknowledge?: boolean | undefined;
  /** The license issued last is void, and this one has its counter: it was lost, or never given out. */
  readonly replace?: boolean | undefined;
  readonly now?: Wall;
  readonly entropy?: Entropy;
};
export type IssueFileRequest = FileRequest & { readonly products: readonly number[] };
export type UpdateFileRequest = FileRequest & {
  /** One action each, as `parseAction` reads them. */
  readonly actions: readonly string[];
};

const MAX_TEXT = DOCUMENT_LIMIT * 1.5;
const textOf = async (path: string): Promise<string> => (await readWhole(path, MAX_TEXT)).toString('utf8');

/** The highest counter that went out for a key; 0 where none did. */
export const lastIssued = async (path: string, key: string): Promise<number> => {
  let last = 0;
  for await (const line of readLines(path)) {
    if (!line.includes(key)) continue;
    let entry: unknown;
    try {
      entry = JSON.parse(line);
    } catch {
      continue; // A line that a crash cut: its V2C was never written.
    }
    if (typeof entry !== 'object' || entry === null || !('key' in entry) || !('counter' in entry)) continue;
    if (entry.key === key && typeof entry.counter === 'number') last = Math.max(last, entry.counter);
  }
  return last;
};

const toFile = async (
  directory: string,
  request: FileRequest,
  what: Readonly<Record<string, unknown>>,
  issue: (of: { readonly c2v: string; readonly after: string | undefined; readonly now: Wall; readonly entropy: Entropy }) => IssuedLicense,
): Promise<IssuedLicense> => {
  const { issued: record } = vendorPaths(directory);
  const { out, now = wall(Date.now()), entropy = systemEntropy, replace } = request;
  const c2v = await textOf(request.c2v);
  const after = request.after === undefined ? undefined : await textOf(request.after);
  const issued = issue({ c2v, after, now, entropy });
  const { key, type, issued: at } = issued.certificate;
  const last = await lastIssued(record, key);
  if (issued.counter <= last && replace !== true) {
    throw new LicensingError(Status.UPDATE_OUT_OF_SYNC, {
      detail: `The C2V is of key ${key} at update ${issued.counter - 1}, and update ${last} was issued for it already.`,
      remedy:
        'Let the customer apply what was issued and send a new C2V; or add --after FILE.v2c with the license issued last, or --replace where it is void.',
    });
  }
  await appendLine(
    record,
    JSON.stringify({ at, key, type, counter: issued.counter, ...what, sha256: hex(sha256(Buffer.from(issued.v2c, 'utf8'))) }),
  );
  await writeFileAtomically(out, issued.v2c);
  return issued;
};

/**
 * The whole license of a key.
 * @throws LicensingError as `issueLicense`; UPDATE_OUT_OF_SYNC (94) where the C2V is older than the last license issued for the key.
 */
export const issueLicenseFile = async (directory: string, request: IssueFileRequest): Promise<IssuedLicense> => {
  const { vendor, products, acknowledge } = request;
  const catalog = await readCatalogFile(vendorPaths(directory).catalog);
  return toFile(directory, request, { products }, (of) => issueLicense({ vendor, catalog, products, acknowledge, ...of }));
};

/**
 * A change of what a key has.
 * @throws LicensingError as `updateLicense`, and UPDATE_OUT_OF_SYNC (94) likewise.
 */
export const updateLicenseFile = async (directory: string, request: UpdateFileRequest): Promise<IssuedLicense> => {
  const { vendor, acknowledge } = request;
  const actions = request.actions.map(parseAction);
  const catalog = await readCatalogFile(vendorPaths(directory).catalog);
  return toFile(directory, request, { actions: request.actions }, (of) => updateLicense({ vendor, catalog, actions, acknowledge, ...of }));
};

/** Several V2C files as one V2CP file. @throws LicensingError as `packUpdates` */
export const packUpdateFiles = async (
  vendor: Vendor,
  files: readonly string[],
  out: string,
): Promise<readonly { readonly key: string; readonly counter: number }[]> => {
  const texts = await Promise.all(files.map(textOf));
  await writeFileAtomically(out, packUpdates(vendor, texts));
  return texts.map((text) => {
    const { key, counter } = readV2c(openDocument('V2C', unarmor(text).bytes, vendor.publicKey).payload);
    return { key, counter };
  });
};
