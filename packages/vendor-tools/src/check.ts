import { toBase64 } from '@keyhaven/core/bytes';
import { LicensingError } from '@keyhaven/core/errors';
import { type Certificate, writeCertificate } from '@keyhaven/core/license';
import { ParseError } from '@keyhaven/core/parse';
import type { Wall } from '@keyhaven/core/time';
import { type CatalogFault, examineCatalog, MAX_CATALOG } from './catalog.ts';
import type { Catalog, CatalogProduct } from './catalog-schema.ts';
import { readWhole } from './files.ts';
import { chooseProducts, memoryOf } from './issue.ts';
import { vendorPaths } from './vendor-paths.ts';

// A catalog without a customer: everything that would be refused when a license is made of it, and what is probably not meant.

export type CatalogCheck = {
  /** Path of the catalog. */
  readonly file: string;
  /** No license can be made as long as there is one. */
  readonly faults: readonly CatalogFault[];
  /** Licenses can be made, and are probably not what is meant. */
  readonly warnings: readonly string[];
  readonly products: number;
  readonly features: number;
};

/** Faults that only show in the license of a product: sizes and limits of all of it together. */
const faultsOfProduct = (catalog: Catalog, product: CatalogProduct): CatalogFault[] => {
  const certificate: Certificate = {
    format: 1,
    vendor: 1,
    key: '1',
    type: 'sl-adminmode',
    signingKey: toBase64(new Uint8Array(32)),
    counter: 1,
    issued: '2026-01-01T00:00:00.000Z',
    products: [{ id: product.id, name: product.name, features: product.features }],
    memory: memoryOf([product]),
  };
  const placed = (message: string): CatalogFault => ({ place: `product ${product.id}`, message });
  try {
    chooseProducts(catalog, [product.id]);
    writeCertificate(certificate);
    return [];
  } catch (error) {
    if (error instanceof ParseError) return error.faults.map(placed);
    if (error instanceof LicensingError) return [placed(error.detail ?? error.message)];
    throw error;
  }
};

const UNREADABLE = new Set(['PMType3', 'PMType4']);
const warningsOf = (product: CatalogProduct, now: Wall): string[] => {
  const { id, features, protection } = product;
  const ended = features.flatMap(({ id: feature, license }) =>
    license.type === 'expiration' && Date.parse(license.until) < now
      ? [`product ${id}, feature ${feature}: ended on ${license.until}`]
      : [],
  );
  const schemes = protection === undefined ? [] : [protection.physical, protection.virtual];
  const unreadable = schemes.flatMap((scheme) =>
    typeof scheme === 'string' && UNREADABLE.has(scheme) ? [`product ${id}: no license manager of this version can compare ${scheme}`] : [],
  );
  return [...(features.length === 0 ? [`product ${id}: has no features`] : []), ...ended, ...unreadable];
};

/** @throws LicensingError CANNOT_READ_FILE (72) where there is no catalog. */
export const checkCatalog = async (directory: string, now: Wall): Promise<CatalogCheck> => {
  const file = vendorPaths(directory).catalog;
  const reading = examineCatalog((await readWhole(file, MAX_CATALOG)).toString('utf8'));
  if ('faults' in reading) return { file, faults: reading.faults, warnings: [], products: 0, features: 0 };
  const { catalog } = reading;
  return {
    file,
    faults: catalog.products.flatMap((product) => faultsOfProduct(catalog, product)),
    warnings: [
      ...(catalog.products.length === 0 ? ['there is no product'] : []),
      ...catalog.products.flatMap((product) => warningsOf(product, now)),
    ],
    products: catalog.products.length,
    features: catalog.products.reduce((sum, { features }) => sum + features.length, 0),
  };
};
