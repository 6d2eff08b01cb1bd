import { fromBase64, sameBytes, toBase64, WireError } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { describe, protects } from '@keyhaven/core/fingerprint';
import { sealContext, speaksForItself } from '@keyhaven/core/key';
import {
  armor,
  type C2v,
  type Certificate,
  DOCUMENT_LIMIT,
  openDocument,
  readC2v,
  type Secrets,
  sealTo,
  signDocument,
  unarmor,
  writeCertificate,
  writeSecrets,
  writeV2c,
} from '@keyhaven/core/license';
import { ParseError } from '@keyhaven/core/parse';
import type { Wall } from '@keyhaven/core/time';
import type { Catalog, CatalogProduct } from './catalog-schema.ts';
import { featureSecret, type Vendor, type VendorInfo } from './vendor.ts';

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
  const counter = c2v.counter + 1;
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
    memory: {
      readWrite: Math.max(...products.map(({ memory }) => memory.readWrite)),
      readOnly: Math.max(...products.map(({ memory }) => memory.readOnly)),
    },
    ...referenceFor(products, c2v),
  };
  const secrets = secretsFor(vendor, products, c2v.counter === 0);
  try {
    const certificateDocument = signDocument('certificate', writeCertificate(certificate), vendor.signingKey);
    const recipient = fromBase64(c2v.exchangeKey) ?? new Uint8Array();
    const sealed = sealTo(recipient, entropy.exchangePair(), writeSecrets(secrets), sealContext(c2v.key, counter));
    const payload = writeV2c({
      format: 1,
      vendor: vendor.id,
      key: c2v.key,
      counter,
      certificate: toBase64(certificateDocument),
      sealed: toBase64(sealed),
    });
    const document = signDocument('V2C', payload, vendor.signingKey);
    if (document.length > DOCUMENT_LIMIT) throw new ParseError(['V2C: is larger than 8 MiB']);
    return { v2c: armor('V2C', document), certificate, counter };
  } catch (error) {
    if (error instanceof ParseError) throw refuse(error.faults);
    if (error instanceof WireError)
      throw new LicensingError(Status.INV_FORMAT, { detail: `The exchange key of the C2V is ${error.message}.` });
    throw error;
  }
};

const refuse = (faults: readonly string[]): LicensingError =>
  new LicensingError(Status.INVALID_PARAMETER, {
    detail: `The license cannot be issued: ${faults.join('; ')}.`,
    remedy: 'Correct the catalog or the choice of products at the places named.',
  });

/** The C2V of a text whose signature is its key's own and whose key belongs to the vendor. */
const acceptC2v = (text: string, vendor: VendorInfo): C2v => {
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

const chooseProducts = (catalog: Catalog, ids: readonly number[]): readonly CatalogProduct[] => {
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
  if (faults.length > 0) throw refuse(faults);
  return chosen;
};

/** What the products' protection is compared with later (K6). A computer that would not pass its own comparison is refused here, not at the customer's. */
const referenceFor = (products: readonly CatalogProduct[], { fingerprint }: C2v): Pick<Certificate, 'fingerprint'> => {
  const faults = products.flatMap(({ id, protection }) => {
    if (protection === undefined) return [];
    if (fingerprint === undefined)
      return [`product ${id} has clone protection, and the C2V has no fingerprint of the computer; make it with a newer license manager`];
    if (protects(fingerprint, fingerprint, protection)) return [];
    const { physical, virtual } = protection;
    const found = fingerprint.components.map(({ kind }) => kind).join(', ') || 'nothing';
    const scheme = describe(fingerprint.host === 'physical' ? physical : virtual);
    return [
      `product ${id} has clone protection by ${scheme}, for which this ${fingerprint.host} computer does not tell enough (it tells ${found})`,
    ];
  });
  if (faults.length > 0) throw refuse(faults);
  const wanted = products.some(({ protection }) => protection !== undefined);
  return wanted && fingerprint !== undefined ? { fingerprint } : {};
};

const secretsFor = (vendor: Vendor, products: readonly CatalogProduct[], first: boolean): Secrets => {
  const ids = new Set([0, ...products.flatMap(({ features }) => features.map(({ id }) => id))]);
  const readOnly = products.find(({ readOnlyData }) => readOnlyData !== undefined)?.readOnlyData;
  // Only with the first license: afterwards the memory holds what the application wrote.
  const readWrite = first ? products.find(({ readWriteData }) => readWriteData !== undefined)?.readWriteData : undefined;
  return {
    features: [...ids].toSorted((a, b) => a - b).map((id) => ({ id, secret: toBase64(featureSecret(vendor, id)) })),
    ...(readOnly === undefined ? {} : { readOnly: toBase64(readOnly) }),
    ...(readWrite === undefined ? {} : { readWrite: toBase64(readWrite) }),
  };
};
