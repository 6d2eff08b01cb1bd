import { toBase64 } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Fingerprint } from '@keyhaven/core/fingerprint';
import {
  armor,
  DOCUMENT_LIMIT,
  faultOfLegacy,
  type LegacyTerms,
  legacyKeyId,
  openLegacy,
  signDocument,
  unarmor,
  writeLegacy,
  writeLegacyTerms,
} from '@keyhaven/core/license';
import { ParseError } from '@keyhaven/core/parse';
import { type Wall, wall } from '@keyhaven/core/time';
import { readCatalog } from './catalog.ts';
import { type Catalog, type CatalogProduct, undetachable } from './catalog-schema.ts';
import { systemEntropy } from './entropy.ts';
import { readWhole } from './files.ts';
import { readFingerprintFile } from './fingerprint-file.ts';
import { chooseProducts, contentsOf, memoryOf, referenceFor } from './issue.ts';
import { digestOf, issueInto, outOfDate } from './issuing.ts';
import type { Out } from './out-file.ts';
import { soldOf } from './sold.ts';
import { refuse } from './v2c.ts';
import { legacySecret, type Vendor } from './vendor.ts';
import { vendorPaths } from './vendor-paths.ts';

// SL Legacy licenses (T1): issued for the computer of a fingerprint, without a key that was made there before. Each file says all of the license;
// a newer one has the id of the one before and the next counter.

export type LegacyRequest = {
  readonly vendor: Vendor;
  readonly catalog: Catalog;
  readonly fingerprint: Fingerprint;
  /** Ids of exactly the products that the computer has afterwards. */
  readonly products: readonly number[];
  readonly now: Wall;
  readonly entropy: Entropy;
  /** Text of the license file that this one takes the place of; absent = it is the first one. */
  readonly after?: string | undefined;
};
export type IssuedLegacy = { readonly text: string; readonly terms: LegacyTerms; readonly key: string };

const before = (vendor: Vendor, text: string | undefined): LegacyTerms | undefined => {
  if (text === undefined) return undefined;
  const { kind, bytes } = unarmor(text);
  if (kind !== 'legacy')
    throw new LicensingError(Status.INV_FORMAT, { detail: `The license before is needed; the file is a ${kind}, not a legacy license.` });
  const { terms } = openLegacy(bytes, vendor.publicKey);
  if (terms.counter >= 0xffff_ffff) throw refuse(['the counter of the license is at its end']);
  return terms;
};

const DEFAULT_PROTECTION = { physical: 'PlatformDefault', virtual: 'PlatformDefault' } as const;
/** Bound to a computer in any case, and lent to nobody. */
const forComputer = (product: CatalogProduct): CatalogProduct => ({
  ...product,
  protection: product.protection ?? DEFAULT_PROTECTION,
  features: product.features.map(undetachable),
});

/**
 * @throws LicensingError INV_PRODUCT (61) where the catalog lacks a product, INVALID_PARAMETER (501) naming every fault, INV_FORMAT (15) or INV_SIG
 * (30) where the license before is none of this vendor.
 */
export const issueLegacy = (request: LegacyRequest): IssuedLegacy => {
  const { vendor, fingerprint, now, entropy } = request;
  const earlier = before(vendor, request.after);
  const chosen = chooseProducts(request.catalog, request.products).map(forComputer);
  referenceFor(chosen, { fingerprint });
  const terms: LegacyTerms = {
    format: 1,
    vendor: vendor.id,
    vendorKey: toBase64(vendor.publicKey),
    license: earlier?.license ?? toBase64(entropy.bytes(16)),
    counter: (earlier?.counter ?? 0) + 1,
    issued: new Date(now).toISOString(),
    products: chosen.map(({ id, name, features, protection }) => ({
      id,
      name,
      features,
      ...(protection === undefined ? {} : { protection }),
    })),
    memory: memoryOf(chosen),
    fingerprint,
  };
  const fault = faultOfLegacy(terms);
  if (fault !== undefined) throw refuse([`it ${fault}`]);
  const ids = [0, ...chosen.flatMap(({ features }) => features.map(({ id }) => id))];
  const secrets = {
    features: [...new Set(ids)].toSorted((a, b) => a - b).map((id) => ({ id, secret: toBase64(legacySecret(vendor, terms.license, id)) })),
    ...contentsOf(chosen, true),
  };
  try {
    const document = signDocument('legacyterms', writeLegacyTerms(terms), vendor.signingKey);
    const file = signDocument(
      'legacy',
      writeLegacy({ format: 1, vendor: vendor.id, terms: toBase64(document), secrets }),
      vendor.signingKey,
    );
    if (file.length > DOCUMENT_LIMIT) throw new ParseError(['legacy license: is larger than 8 MiB']);
    return { text: armor('legacy', file), terms, key: legacyKeyId(terms) };
  } catch (error) {
    throw error instanceof ParseError ? refuse(error.faults) : error;
  }
};

const MAX_TEXT = DOCUMENT_LIMIT * 1.5;

/**
 * A legacy license from the catalog of a vendor's directory into a file and into the record (issuing.ts).
 * @throws LicensingError as `issueLegacy` and `readFingerprintFile`; UPDATE_OUT_OF_SYNC (94) where the license before is older than the last one
 * that was issued of it.
 */
export const issueLegacyFile = async (
  directory: string,
  request: {
    readonly vendor: Vendor;
    /** Path of the customer's fingerprint file. */
    readonly fingerprint: string;
    readonly products: readonly number[];
    readonly out: Out;
    /** Path of the license file that this one takes the place of. */
    readonly after?: string | undefined;
    /** The license issued last is void, and this one has its counter. */
    readonly replace?: boolean | undefined;
    readonly now?: Wall;
    readonly entropy?: Entropy;
  },
): Promise<IssuedLegacy & { readonly again: boolean }> => {
  const { vendor, products, out, replace, now = wall(Date.now()), entropy = systemEntropy } = request;
  const textOf = async (path: string): Promise<string> => (await readWhole(path, MAX_TEXT)).toString('utf8');
  const [fingerprintText, catalogText] = [await textOf(request.fingerprint), await textOf(vendorPaths(directory).catalog)];
  const fingerprint = readFingerprintFile(fingerprintText, vendor);
  const after = request.after === undefined ? undefined : await textOf(request.after);
  const catalog = readCatalog(catalogText);
  const target = {
    out,
    inputs: [request.fingerprint, ...(request.after === undefined ? [] : [request.after])],
    request: digestOf('legacy', products, fingerprintText, after, catalogText, replace === true),
    replace,
  };
  // A first license has an id of its own each time, so what was interrupted is found by what it was made from.
  const first = after === undefined ? `legacy-${target.request.slice(0, 32)}` : undefined;
  const { text, again } = await issueInto(directory, target, () => {
    const issued = issueLegacy({ vendor, catalog, fingerprint, products, now, entropy, after });
    const { license, counter, issued: at, products: sold } = issued.terms;
    const { key } = issued;
    return {
      id: first ?? `${key}-${counter}`,
      text: issued.text,
      line: { at, key, type: 'sl-legacy', counter, license, products: [...products], sold: soldOf(sold) },
      number: { key, counter, refusal: (last) => used(counter, last) },
    };
  });
  const { terms, key } = openLegacy(unarmor(text).bytes, vendor.publicKey);
  return { text, terms, key, again };
};

const used = (counter: number, last: number): LicensingError =>
  outOfDate(
    `The file of --after is version ${counter - 1} of the license, and version ${last} was issued already.`,
    'Name the license file that was issued last with --after, or add --replace where it is void.',
  );
