import { fromBase64, sameBytes, toBase64 } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { describe, needs, protects } from '@keyhaven/core/fingerprint';
import { speaksForItself } from '@keyhaven/core/key';
import { type C2v, type Certificate, openDocument, readC2v, type Secrets, unarmor } from '@keyhaven/core/license';
import type { Wall } from '@keyhaven/core/time';
import type { Catalog, CatalogProduct } from './catalog-schema.ts';
import { baseOf, featureSecrets, makeV2c, refuse } from './v2c.ts';
import type { Vendor, VendorInfo } from './vendor.ts';

// C2V and catalog to V2C (K4). Pure but for the entropy handed in: the same arguments and entropy give the same bytes (I7).

export type IssueRequest = {
  readonly vendor: Vendor;
  readonly catalog: Catalog;
  /** Text of the C2V file. */
  readonly c2v: string;
  /** Ids of exactly the products that the key has afterwards. */
  readonly products: readonly number[];
  readonly now: Wall;
  readonly entropy: Entropy;
  /** Text of the V2C that the key applies before this one; without it, the counter is the one after its C2V. */
  readonly after?: string | undefined;
  /** The key is to answer with a fresh C2V. */
  readonly acknowledge?: boolean | undefined;
};
export type IssuedLicense = { readonly v2c: string; readonly certificate: Certificate; readonly counter: number };

/**
 * @throws LicensingError INV_FORMAT (15) or INV_UPDATE_OBJ (17) where it is no C2V, INV_SIG (30) where its signature does not hold or
 * is not the key's own, UNKNOWN_VCODE (34) where the key belongs to another vendor, INV_PRODUCT (61) where the catalog lacks a
 * product, INVALID_PARAMETER (501) for everything else that cannot be sold, with every fault named.
 */
export const issueLicense = (request: IssueRequest): IssuedLicense => {
  const { vendor, now, entropy } = request;
  const c2v = acceptC2v(request.c2v, vendor);
  const products = chooseProducts(request.catalog, request.products);
  const before = request.after === undefined ? c2v.counter : (baseOf(vendor, c2v, request.after)?.counter ?? c2v.counter);
  const counter = before + 1;
  const certificate: Certificate = {
    format: 1,
    vendor: vendor.id,
    key: c2v.key,
    type: c2v.type,
    signingKey: c2v.signingKey,
    counter,
    issued: new Date(now).toISOString(),
    products: products.map(({ id, name, features, protection }) => ({
      id,
      name,
      features,
      ...(protection === undefined ? {} : { protection }),
    })),
    memory: memoryOf(products),
    // A key moves as a whole: one product that must stay keeps all of them.
    ...(products.every(({ rehost }) => rehost === true) ? { rehost: true } : {}),
    ...referenceFor(products, c2v),
  };
  const secrets = secretsFor(vendor, products, before === 0);
  const v2c = makeV2c({ vendor, c2v, certificate, secrets, entropy, acknowledge: request.acknowledge });
  return { v2c, certificate, counter };
};

/** The C2V of a text whose signature is its key's own and whose key belongs to the vendor. */
export const acceptC2v = (text: string, vendor: VendorInfo): C2v => {
  const { kind, bytes } = unarmor(text);
  if (kind !== 'C2V') throw new LicensingError(Status.INV_FORMAT, { detail: `A C2V is needed; the file is a ${kind}.` });
  const { payload, signer } = openDocument('C2V', bytes);
  const c2v = readC2v(payload);
  if (!speaksForItself(c2v, signer)) {
    throw new LicensingError(Status.INV_SIG, { detail: 'The C2V speaks of another key than the one that signed it.' });
  }
  if (c2v.vendor !== vendor.id || !sameBytes(fromBase64(c2v.vendorKey) ?? new Uint8Array(), vendor.publicKey)) {
    const same = c2v.vendor === vendor.id;
    throw new LicensingError(Status.UNKNOWN_VCODE, {
      detail: same
        ? `Key ${c2v.key} was made for another vendor that has the id ${vendor.id} too.`
        : `Key ${c2v.key} was made for vendor ${c2v.vendor}; this is vendor ${vendor.id}.`,
      remedy: `Make the C2V with the vendor code of ${vendor.name}, as \`keyhaven vendor code\` prints it.`,
    });
  }
  if (c2v.counter >= 0xffff_ffff) throw refuse(['the update counter of the key is at its end']);
  return c2v;
};

/** @throws LicensingError INV_PRODUCT (61), INVALID_PARAMETER (501) naming every fault */
export const chooseProducts = (catalog: Catalog, ids: readonly number[]): readonly CatalogProduct[] => {
  const byId = new Map(catalog.products.map((product) => [product.id, product]));
  const missing = ids.filter((id) => !byId.has(id));
  if (missing.length > 0) {
    const known = [...byId.keys()].join(', ') || 'none';
    throw new LicensingError(Status.INV_PRODUCT, {
      detail: `The catalog has no product ${missing.join(', ')}.`,
      remedy: `Choose from the products of the catalog (${known}), or add the product to catalog.yaml.`,
    });
  }
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  const faults = [...new Set(twice)].map((id) => `product ${id} is named twice`);
  if (ids.length === 0) faults.push('no product is named');
  const chosen = ids.flatMap((id) => byId.get(id) ?? []);
  for (const file of ['readOnlyData', 'readWriteData'] as const) {
    const owners = chosen.filter((product) => product[file] !== undefined);
    if (twice.length === 0 && owners.length > 1) {
      faults.push(`products ${owners.map(({ id }) => id).join(', ')} all bring ${file}, and a key has one such memory`);
    }
  }
  if (twice.length === 0) faults.push(...faultsOfFiles(chosen));
  if (faults.length > 0) throw refuse(faults);
  return chosen;
};

/** Products in one key share its files: one of an id must be the same in all of them, and its contents come from one. */
const faultsOfFiles = (products: readonly CatalogProduct[]): readonly string[] => {
  const files = products.flatMap((product) =>
    (product.memory.dynamic ?? []).map((file) => ({
      ...file,
      of: product.id,
      data: product.dynamicData?.some(({ id }) => id === file.id),
    })),
  );
  return [...Map.groupBy(files, ({ id }) => id)].flatMap(([id, of]) => {
    const owners = of.map((file) => file.of).join(', ');
    const same = of.every(({ size, access }) => size === of[0]?.size && access === of[0].access);
    if (!same) return [`products ${owners} have different memory files ${id}, and a key has one`];
    return of.filter(({ data }) => data).length > 1 ? [`products ${owners} all bring contents of memory file ${id}`] : [];
  });
};
const dynamicOf = (products: readonly CatalogProduct[]): Pick<Certificate['memory'], 'dynamic'> => {
  const files = new Map(products.flatMap(({ memory }) => memory.dynamic ?? []).map((file) => [file.id, file]));
  return files.size === 0 ? {} : { dynamic: [...files.values()].toSorted((a, b) => a.id - b.id) };
};

/** One key has one memory for all of its products. */
export const memoryOf = (products: readonly CatalogProduct[]): Certificate['memory'] => ({
  readWrite: Math.max(...products.map(({ memory }) => memory.readWrite)),
  readOnly: Math.max(...products.map(({ memory }) => memory.readOnly)),
  ...dynamicOf(products),
});

/** What the products' protection is compared with later (K6). A computer that would not pass its own comparison is refused here, not at the customer's. */
export const referenceFor = (
  products: readonly CatalogProduct[],
  { fingerprint }: Pick<C2v, 'fingerprint'>,
): Pick<Certificate, 'fingerprint'> => {
  const faults = products.flatMap(({ id, protection }) => {
    if (protection === undefined) return [];
    if (fingerprint === undefined)
      return [`product ${id} has clone protection, and the C2V has no fingerprint of the computer; make it with a newer license manager`];
    if (protects(fingerprint, fingerprint, protection)) return [];
    const { physical, virtual } = protection;
    const found = fingerprint.components.map(({ kind }) => kind).join(', ') || 'nothing';
    const scheme = fingerprint.host === 'physical' ? physical : virtual;
    const [name, wants] = [describe(scheme), needs(scheme)];
    const by = wants === undefined || wants === name ? name : `${name}, which goes by ${wants}`;
    return [
      `product ${id} has clone protection by ${by}; this ${fingerprint.host} computer does not tell enough for it (it tells ${found})`,
    ];
  });
  if (faults.length > 0) throw refuse(faults);
  const wanted = products.some(({ protection }) => protection !== undefined);
  return wanted && fingerprint !== undefined ? { fingerprint } : {};
};

const secretsFor = (vendor: Vendor, products: readonly CatalogProduct[], first: boolean): Secrets => {
  const ids = products.flatMap(({ features }) => features.map(({ id }) => id));
  return { features: featureSecrets(vendor, ids), ...contentsOf(products, first) };
};

/** Contents of the memory, as the secrets of a license bring them. */
export const contentsOf = (products: readonly CatalogProduct[], first: boolean): Omit<Secrets, 'features'> => {
  const readOnly = products.find(({ readOnlyData }) => readOnlyData !== undefined)?.readOnlyData;
  // Only with the first license: afterwards the memory holds what the application wrote.
  const readWrite = first ? products.find(({ readWriteData }) => readWriteData !== undefined)?.readWriteData : undefined;
  const dynamic = products.flatMap(({ dynamicData = [] }) => dynamicData.map(({ id, data }) => ({ id, data: toBase64(data) })));
  return {
    ...(readOnly === undefined ? {} : { readOnly: toBase64(readOnly) }),
    ...(readWrite === undefined ? {} : { readWrite: toBase64(readWrite) }),
    ...(dynamic.length === 0 ? {} : { dynamic }),
  };
};
