import { toBase64 } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { armor, MAX_TRIAL_DAYS, openTrial, signDocument, type Trial, unarmor, writeTrial } from '@keyhaven/core/license';
import { ParseError } from '@keyhaven/core/parse';
import { type Wall, wall } from '@keyhaven/core/time';
import { MAX_CATALOG, readCatalog } from './catalog.ts';
import type { Catalog, CatalogProduct } from './catalog-schema.ts';
import { systemEntropy } from './entropy.ts';
import { readWhole } from './files.ts';
import { digestOf, issueInto } from './issuing.ts';
import type { Out } from './out-file.ts';
import { soldOf } from './sold.ts';
import type { Vendor } from './vendor.ts';
import { vendorPaths } from './vendor-paths.ts';

// Trial licenses (K8): issued once for a product, for any computer. What the catalog says of dates, counts, seats and networks does not count in
// a trial; what it says of remote desktops and virtual machines does.

export type TrialRequest = {
  readonly vendor: Vendor;
  readonly catalog: Catalog;
  readonly product: number;
  readonly days: number;
  readonly now: Wall;
  readonly entropy: Entropy;
};
export type IssuedTrial = { readonly text: string; readonly trial: Trial };

const faultsOf = (product: CatalogProduct | undefined, days: number): readonly string[] => [
  ...(Number.isSafeInteger(days) && days >= 1 && days <= MAX_TRIAL_DAYS ? [] : [`days must be a whole number from 1 to ${MAX_TRIAL_DAYS}`]),
  ...(product?.features.length === 0 ? [`product ${product.id} has no features`] : []),
  ...((product?.memory.dynamic ?? []).length > 0 ? [`product ${product?.id} has dynamic memory files, which a trial cannot bring`] : []),
];

/** @throws LicensingError INV_PRODUCT (61) where the catalog lacks the product, INVALID_PARAMETER (501) naming every fault. */
export const issueTrial = ({ vendor, catalog, product: id, days, now, entropy }: TrialRequest): IssuedTrial => {
  const product = catalog.products.find((each) => each.id === id);
  const faults = faultsOf(product, days);
  if (faults.length > 0)
    throw new LicensingError(Status.INVALID_PARAMETER, { detail: `The trial license cannot be issued: ${faults.join('; ')}.` });
  if (product === undefined)
    throw new LicensingError(Status.INV_PRODUCT, {
      detail: `The catalog has no product ${id}.`,
      remedy: `Choose from the products of the catalog (${catalog.products.map((each) => each.id).join(', ') || 'none'}).`,
    });
  const { readOnlyData, readWriteData } = product;
  const trial: Trial = {
    format: 1,
    vendor: vendor.id,
    vendorKey: toBase64(vendor.publicKey),
    trial: toBase64(entropy.bytes(16)),
    issued: new Date(now).toISOString(),
    days,
    product: {
      id,
      name: product.name,
      features: product.features.map(({ id: feature, name, concurrency }) => ({
        id: feature,
        name,
        license: { type: 'period', days, trial: true },
        concurrency: { ...concurrency, seats: 'unlimited', count: 'login', network: false },
        detachable: false,
      })),
    },
    memory: { readWrite: product.memory.readWrite, readOnly: product.memory.readOnly },
    ...(readOnlyData === undefined ? {} : { readOnly: toBase64(readOnlyData) }),
    ...(readWriteData === undefined ? {} : { readWrite: toBase64(readWriteData) }),
  };
  try {
    return { text: armor('trial', signDocument('trial', writeTrial(trial), vendor.signingKey)), trial };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new LicensingError(Status.INVALID_PARAMETER, { detail: `The trial license cannot be issued: ${error.faults.join('; ')}.` });
  }
};

/** A trial license from the catalog of a vendor's directory into a file and into the record (issuing.ts). */
export const issueTrialFile = async (
  directory: string,
  request: {
    readonly vendor: Vendor;
    readonly product: number;
    readonly days: number;
    readonly out: Out;
    readonly now?: Wall;
    readonly entropy?: Entropy;
  },
): Promise<IssuedTrial & { readonly again: boolean }> => {
  const { vendor, product, days, out, now = wall(Date.now()), entropy = systemEntropy } = request;
  const catalogText = (await readWhole(vendorPaths(directory).catalog, MAX_CATALOG)).toString('utf8');
  const digest = digestOf('trial', product, days, catalogText);
  const { text, again } = await issueInto(directory, { out, inputs: [], request: digest }, () => {
    const issued = issueTrial({ vendor, catalog: readCatalog(catalogText), product, days, now, entropy });
    const { issued: at, trial, product: sold } = issued.trial;
    const line = { at, trial, days, products: [product], sold: soldOf([sold]) };
    return { id: `trial-${digest.slice(0, 32)}`, text: issued.text, line };
  });
  return { text, trial: openTrial(unarmor(text).bytes, vendor.publicKey), again };
};
