import { toBase64 } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import {
  type Certificate,
  type DynamicFile,
  type Feature,
  MAX_DETACH_DAYS,
  MAX_EXECUTIONS,
  MAX_SEATS,
  type Secrets,
} from '@keyhaven/core/license';
import { DAY, type Wall } from '@keyhaven/core/time';
import type { z } from 'zod';
import type { Action, FeatureId } from './actions.ts';
import { memoryFile } from './catalog-memory.ts';
import { type Catalog, concurrency, flag, name, undetachable } from './catalog-schema.ts';
import { acceptC2v, type IssuedLicense, referenceFor } from './issue.ts';
import { license, wholeDays } from './license-schema.ts';
import { baseOf, featureSecrets, makeV2c } from './v2c.ts';
import type { Vendor } from './vendor.ts';

// Actions to a V2C (K4), for a vendor who does not have the whole state of a key at hand. It is computed from the certificate that the key has:
// the vendor signed it itself, and the C2V carries it. The V2C names what it was computed from, so that a key in any other state refuses it (94)
// and nothing is added twice.

export type UpdateRequest = {
  readonly vendor: Vendor;
  /** Where `add product` takes products from. */
  readonly catalog: Catalog;
  /** Text of the C2V file. */
  readonly c2v: string;
  readonly actions: readonly Action[];
  readonly now: Wall;
  readonly entropy: Entropy;
  /** Text of the V2C that the key applies before this one; without it, it is as its C2V says. */
  readonly after?: string | undefined;
  readonly acknowledge?: boolean | undefined;
};

type Contents = Map<number, Uint8Array>;
class Fault extends Error {}

/**
 * @throws LicensingError as `issueLicense`; UPDATE_OUT_OF_SYNC (94) where the C2V does not show what the key has, INV_ACTION (59) with every
 * action that cannot be.
 */
export const updateLicense = (request: UpdateRequest): IssuedLicense => {
  const { vendor, now, entropy, acknowledge } = request;
  const c2v = acceptC2v(request.c2v, vendor);
  const base = baseOf(vendor, c2v, request.after);
  if (base === undefined) {
    throw c2v.counter === 0
      ? new LicensingError(Status.INV_ACTION, {
          detail: `Key ${c2v.key} has no license yet, so there is nothing to change.`,
          remedy: 'Issue the first license with: keyhaven vendor license.',
        })
      : new LicensingError(Status.UPDATE_OUT_OF_SYNC, {
          detail: 'The C2V does not show the license that the key has.',
          remedy: 'Make a new C2V with the license manager of this version, or issue the whole license with: keyhaven vendor license.',
        });
  }
  const faults = request.actions.length === 0 ? ['no action is named'] : [];
  const contents: Contents = new Map();
  let next: Certificate = base.certificate;
  for (const action of request.actions) {
    try {
      next = after(next, action, request.catalog, contents);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.push(`${JSON.stringify(action.text)}: ${error.message}`);
    }
  }
  if (faults.length > 0) {
    throw new LicensingError(Status.INV_ACTION, {
      detail: `The update cannot be issued: ${faults.join('; ')}.`,
      remedy: 'Correct the actions named; see what the key has with: keyhaven vendor inspect FILE.c2v.',
    });
  }
  const added = request.actions.flatMap((action) => (action.kind === 'add product' ? [action.product] : []));
  const products = request.catalog.products.filter(({ id }) => added.includes(id));
  // What the key is compared with stays what it was, or an update would make a clone good (K6).
  const reference = next.fingerprint === undefined ? referenceFor(products, c2v) : {};
  const certificate: Certificate = { ...inOrder(next), counter: base.counter + 1, issued: new Date(now).toISOString(), ...reference };
  const dynamic = [...contents].map(([id, data]) => ({ id, data: toBase64(data) }));
  const secrets: Secrets = {
    features: featureSecrets(
      vendor,
      certificate.products.flatMap(({ features }) => features.map(({ id }) => id)),
    ),
    ...(dynamic.length === 0 ? {} : { dynamic }),
  };
  return {
    v2c: makeV2c({ vendor, c2v, certificate, secrets, entropy, base, acknowledge }),
    certificate,
    counter: certificate.counter,
  };
};

/** Absent rather than undefined or empty: one state has one spelling. */
const inOrder = ({ memory: { dynamic = [], ...sizes }, ...rest }: Certificate): Certificate => ({
  ...rest,
  memory: dynamic.length === 0 ? sizes : { ...sizes, dynamic },
});

const parsed = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Fault(result.error.issues.map(({ path, message }) => `${path.join('.')}${path.length > 0 ? ': ' : ''}${message}`).join('; '));
};
const within = (value: number, max: number, what: string): number => {
  if (value > max) throw new Fault(`gives ${value} ${what}, at most ${max} are possible`);
  if (value < 1) throw new Fault(`leaves ${value} ${what}; cancel the feature instead`);
  return value;
};

const after = (certificate: Certificate, action: Action, catalog: Catalog, contents: Contents): Certificate => {
  switch (action.kind) {
    case 'amount':
      return withFeature(certificate, action.of, (feature) => changed(feature, action.what, action.by));
    case 'property':
      return withFeature(certificate, action.of, (feature) => withProperty(feature, action.what, action.value));
    case 'cancel feature':
      withFeature(certificate, action.of, (feature) => feature);
      return {
        ...certificate,
        products: certificate.products.map((product) =>
          product.id === action.of.product
            ? { ...product, features: product.features.filter(({ id }) => id !== action.of.feature) }
            : product,
        ),
      };
    case 'cancel product':
      if (!certificate.products.some(({ id }) => id === action.product)) throw new Fault(`the key has no product ${action.product}`);
      return { ...certificate, products: certificate.products.filter(({ id }) => id !== action.product) };
    case 'add product':
      return withProduct(certificate, action.product, catalog, contents);
    case 'set file': {
      const { data, ...file } = parsed(memoryFile, action.value);
      if (data === undefined) contents.delete(action.file);
      else contents.set(action.file, data);
      return withFile(certificate, { id: action.file, ...file });
    }
    case 'cancel file': {
      const dynamic = certificate.memory.dynamic ?? [];
      if (!dynamic.some(({ id }) => id === action.file)) throw new Fault(`the key has no memory file ${action.file}`);
      contents.delete(action.file);
      return { ...certificate, memory: { ...certificate.memory, dynamic: dynamic.filter(({ id }) => id !== action.file) } };
    }
    case 'cancel rehost':
      return withRehost(certificate, false);
    case 'set rehost':
      return withRehost(certificate, action.value);
    case 'cancel updates':
      return { ...certificate, final: true };
  }
};

const withRehost = (certificate: Certificate, allowed: boolean): Certificate => {
  const { rehost: _rehost, ...rest } = certificate;
  if (!allowed) return rest;
  if (rest.type !== 'sl-adminmode') throw new Fault(`a key of type ${rest.type} cannot move to another computer`);
  return { ...rest, rehost: true };
};

const withFile = (certificate: Certificate, file: DynamicFile): Certificate => {
  const others = (certificate.memory.dynamic ?? []).filter(({ id }) => id !== file.id);
  return { ...certificate, memory: { ...certificate.memory, dynamic: [...others, file].toSorted((a, b) => a.id - b.id) } };
};

const withProduct = (certificate: Certificate, id: number, catalog: Catalog, contents: Contents): Certificate => {
  const product = catalog.products.find((each) => each.id === id);
  if (product === undefined) throw new Fault(`the catalog has no product ${id}`);
  if (certificate.products.some((each) => each.id === id)) throw new Fault(`the key has product ${id} already`);
  const { memory, protection, rehost } = product;
  for (const file of memory.dynamic ?? []) {
    const has = certificate.memory.dynamic?.find((each) => each.id === file.id);
    if (has !== undefined && (has.size !== file.size || has.access !== file.access))
      throw new Fault(`the key has another memory file ${file.id} already`);
  }
  for (const { id: file, data } of product.dynamicData ?? []) contents.set(file, data);
  const sold = { id, name: product.name, features: product.features, ...(protection === undefined ? {} : { protection }) };
  const { rehost: before, ...rest } = certificate;
  const larger: Certificate = {
    ...(rehost === true && before === true ? certificate : rest),
    products: [...certificate.products, sold],
    memory: {
      ...certificate.memory,
      readWrite: Math.max(certificate.memory.readWrite, memory.readWrite),
      readOnly: Math.max(certificate.memory.readOnly, memory.readOnly),
    },
  };
  return (memory.dynamic ?? []).reduce(withFile, larger);
};

const withFeature = (certificate: Certificate, of: FeatureId, change: (feature: Feature) => Feature): Certificate => {
  const has = certificate.products.find(({ id }) => id === of.product)?.features.some(({ id }) => id === of.feature);
  if (has !== true) throw new Fault(`the key has no feature ${of.feature} in product ${of.product}`);
  return {
    ...certificate,
    products: certificate.products.map((product) =>
      product.id === of.product
        ? { ...product, features: product.features.map((feature) => (feature.id === of.feature ? change(feature) : feature)) }
        : product,
    ),
  };
};

const changed = (feature: Feature, what: Extract<Action, { kind: 'amount' }>['what'], by: number): Feature => {
  const { license: terms, concurrency: seats } = feature;
  switch (what) {
    case 'expiration': {
      if (terms.type !== 'expiration') throw new Fault(`the license of the feature is of type ${terms.type} and has no expiration date`);
      const at = Date.parse(terms.until) + by * DAY;
      if (!(at >= Date.UTC(1980, 0, 1) && at < Date.UTC(2092, 0, 1))) throw new Fault('leads out of 1980-01-01 to 2091-12-31');
      return { ...feature, license: { ...terms, until: new Date(at).toISOString().replace('.000Z', 'Z') } };
    }
    case 'executions': {
      if (terms.type !== 'executions') throw new Fault(`the license of the feature is of type ${terms.type} and counts no executions`);
      return { ...feature, license: { ...terms, count: within(terms.count + by, MAX_EXECUTIONS, 'executions') } };
    }
    case 'seats': {
      if (seats.seats === 'unlimited') throw new Fault('the feature has unlimited seats');
      return { ...feature, concurrency: { ...seats, seats: within(seats.seats + by, MAX_SEATS, 'seats') } };
    }
  }
};

const withProperty = (feature: Feature, what: Extract<Action, { kind: 'property' }>['what'], value: unknown): Feature => {
  switch (what) {
    case 'license':
      return lendable({ ...feature, license: parsed(license, value) });
    case 'concurrency':
      return { ...feature, concurrency: parsed(concurrency, typeof value === 'object' ? { ...feature.concurrency, ...value } : value) };
    case 'detachable':
      return lendable(parsed(flag, value) ? { ...feature, detachable: true } : undetachable(feature));
    case 'detachDays':
      if (!feature.detachable) throw new Fault('detachDays is for features with detachable: true');
      return { ...feature, detachDays: parsed(wholeDays(MAX_DETACH_DAYS), value) };
    case 'name':
      return { ...feature, name: parsed(name, value) };
  }
};

/** As in the catalog: what counts down is not lent. */
const lendable = (feature: Feature): Feature => {
  const counted = feature.license.type === 'executions' || feature.license.type === 'period';
  if (feature.detachable && counted) throw new Fault(`detachable must be false where the license is of type ${feature.license.type}`);
  return feature;
};
