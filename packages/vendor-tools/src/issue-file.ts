import type { Entropy } from '@keyhaven/core/crypto';
import { DOCUMENT_LIMIT } from '@keyhaven/core/license';
import { type Wall, wall } from '@keyhaven/core/time';
import { parseAction } from './actions.ts';
import { readCatalogFile } from './catalog.ts';
import { systemEntropy } from './entropy.ts';
import { readWhole } from './files.ts';
import { acceptC2v, type IssuedLicense, issueLicense } from './issue.ts';
import { digestOf, issueInto, outOfDate, writeOut } from './issuing.ts';
import type { Out } from './out-file.ts';
import { soldOf } from './sold.ts';
import { updateLicense } from './update.ts';
import { packUpdates, readOwnV2c } from './v2c.ts';
import type { Vendor } from './vendor.ts';
import { vendorPaths } from './vendor-paths.ts';

// Licenses from the catalog of a vendor's directory into files and into the record (issuing.ts). From that record comes what a C2V that is older than the last
// license is refused by (94).

type FileRequest = {
  readonly vendor: Vendor;
  /** Path of the C2V file. */
  readonly c2v: string;
  /** The V2C file to write. */
  readonly out: Out;
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

/** `again`: the same command issued it before, and its file is written once more. */
export type IssuedFile = IssuedLicense & { readonly again: boolean };

const toFile = async (
  directory: string,
  request: FileRequest,
  what: { readonly products: readonly number[] } | { readonly actions: readonly string[] },
  issue: (of: { readonly c2v: string; readonly after: string | undefined; readonly now: Wall; readonly entropy: Entropy }) => IssuedLicense,
): Promise<IssuedFile> => {
  const { vendor, out, now = wall(Date.now()), entropy = systemEntropy, replace, acknowledge } = request;
  const c2v = await textOf(request.c2v);
  const after = request.after === undefined ? undefined : await textOf(request.after);
  const catalog = (await readWhole(vendorPaths(directory).catalog, MAX_TEXT)).toString('utf8');
  const digest = digestOf(what, c2v, after, catalog, acknowledge === true, replace === true);
  const inputs = [request.c2v, ...(request.after === undefined ? [] : [request.after])];
  const { text, again } = await issueInto(directory, { out, inputs, request: digest, replace }, () => {
    const { certificate, counter, v2c } = issue({ c2v, after, now, entropy });
    const { key, type, issued: at } = certificate;
    const { host } = acceptC2v(c2v, vendor);
    return {
      id: `${key}-${counter}`,
      text: v2c,
      line: { at, key, type, counter, ...plainOf(what), host, sold: soldOf(certificate.products) },
      number: { key, counter, refusal: (last) => used(key, counter, last) },
    };
  });
  return { ...readOwnV2c(vendor, text), again };
};
const plainOf = (what: { readonly products: readonly number[] } | { readonly actions: readonly string[] }) =>
  'products' in what ? { products: [...what.products] } : { actions: [...what.actions] };

const used = (key: string, counter: number, last: number) =>
  outOfDate(
    `The C2V is of key ${key} at update ${counter - 1}, and update ${last} was issued for it already.`,
    'Let the customer apply what was issued and send a new C2V; or add --after FILE.v2c with the license issued last, or --replace where it is void.',
  );

/**
 * The whole license of a key.
 * @throws LicensingError as `issueLicense`; UPDATE_OUT_OF_SYNC (94) where the C2V is older than the last license issued for the key.
 */
export const issueLicenseFile = async (directory: string, request: IssueFileRequest): Promise<IssuedFile> => {
  const { vendor, products, acknowledge } = request;
  const catalog = await readCatalogFile(vendorPaths(directory).catalog);
  return toFile(directory, request, { products }, (of) => issueLicense({ vendor, catalog, products, acknowledge, ...of }));
};

/**
 * A change of what a key has.
 * @throws LicensingError as `updateLicense`, and UPDATE_OUT_OF_SYNC (94) likewise.
 */
export const updateLicenseFile = async (directory: string, request: UpdateFileRequest): Promise<IssuedFile> => {
  const { vendor, acknowledge } = request;
  const actions = request.actions.map(parseAction);
  const catalog = await readCatalogFile(vendorPaths(directory).catalog);
  return toFile(directory, request, { actions: request.actions }, (of) => updateLicense({ vendor, catalog, actions, acknowledge, ...of }));
};

/** Several V2C files as one V2CP file. @throws LicensingError as `packUpdates`, and where the file cannot be written */
export const packUpdateFiles = async (
  directory: string,
  vendor: Vendor,
  files: readonly string[],
  out: Out,
): Promise<readonly { readonly key: string; readonly counter: number }[]> => {
  const texts = await Promise.all(files.map(textOf));
  await writeOut(directory, out, packUpdates(vendor, texts), files);
  return texts.map((text) => {
    const { certificate, counter } = readOwnV2c(vendor, text);
    return { key: certificate.key, counter };
  });
};
