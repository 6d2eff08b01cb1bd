import type { CatalogPool, KeyInfo } from '../admin/index.ts';
import { keyTypeNames } from '../format/index.ts';
import type { License } from '../license/index.ts';
import { DAY, SECOND } from '../time/index.ts';
import type { Exact } from './exact-json.ts';

// What the REST licensing API tells of keys, products and features (C6). Times are RFC 3339 or absent.

export type PageQuery = { readonly start: number; readonly size: number };
/** BOUNDED: entries of a page. */
const MAX_PAGE = 1_000;

const wholeIn = (value: unknown, otherwise: number): number => {
  const digits = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
  return digits ?? otherwise;
};
export const pageQueryOf = (query: Readonly<Record<string, unknown>>): PageQuery => ({
  start: wholeIn(query['pageStartIndex'], 0),
  size: Math.min(MAX_PAGE, wholeIn(query['pageSize'], MAX_PAGE)),
});

/** `{"keys":{"count":N,"key":[..]}}`: all that there are, and those of the page. */
export const listOf = (names: string, name: string, all: readonly Exact[], { start, size }: PageQuery): Exact => ({
  [names]: { count: all.length, [name]: all.slice(start, start + size) },
});

/** What is known of the clone protection of a key, or of a product in it. */
export type ProtectionFacts = { readonly cloneProtected: boolean; readonly fingerprintChanged: boolean };

export const keyModel = (key: KeyInfo, detachable: boolean, { cloneProtected, fingerprintChanged }: ProtectionFacts): Exact => {
  const software = key.type.startsWith('sl-');
  return {
    attached: true,
    cloneProtected,
    configuration: keyTypeNames[key.type].configuration,
    detachable,
    disabled: key.damage !== null,
    driverless: key.type !== 'hl-hasp',
    fingerprintChanged,
    keyId: BigInt(key.key),
    keyType: keyTypeNames[key.type].type,
    type: keyTypeNames[key.type].type,
    updateCounter: key.updateCounter,
    vclockEnabled: software,
  };
};

const momentOf = (at: number | undefined): string | undefined => (at === undefined ? undefined : new Date(at).toISOString());
const licenseModel = (license: License, pool: CatalogPool): Exact => {
  const expirationDateTime = momentOf(pool.ends);
  const startDateTime = license.from === undefined ? undefined : momentOf(Date.parse(license.from));
  switch (license.type) {
    case 'perpetual':
      return { type: 'perpetual', startDateTime, expirationDateTime };
    case 'expiration':
      return { type: 'expiration', startDateTime, expirationDateTime };
    case 'period':
      return {
        type: 'trial',
        totalDuration: (license.days * DAY) / SECOND,
        startDateTime: momentOf(pool.firstUse) ?? startDateTime,
        expirationDateTime,
      };
    case 'executions':
      return { type: 'executions', totalCounter: license.count, currentCounter: pool.executions, startDateTime };
  }
};

export type FeatureFlags = {
  readonly detachable: boolean;
  readonly usable: boolean;
  readonly expired: boolean;
  /** Not before its start date. */
  readonly begun: boolean;
  readonly virtualMachine: boolean;
};

export const featureModel = (key: string, pool: CatalogPool, flags: FeatureFlags, disabled: boolean): Exact => ({
  concurrency: {
    count: pool.count,
    export: pool.network ? 'local,network' : 'local',
    // As the feeds have it: no limit is -1.
    seats: pool.limit === 'unlimited' ? -1 : pool.limit,
  },
  detachable: flags.detachable,
  disabled,
  expired: flags.expired,
  featureId: pool.feature,
  productId: pool.product,
  keyId: BigInt(key),
  licenseInfo: licenseModel(pool.license, pool),
  // Bound to this key: a trial is good on every computer.
  locked: !(pool.license.type === 'period' && pool.license.trial === true),
  name: pool.name,
  usable: flags.usable && flags.begun && !flags.expired && !disabled,
  vmenabled: flags.virtualMachine,
});

export const productModel = (
  key: KeyInfo,
  product: number,
  name: string,
  detachable: boolean,
  { cloneProtected, fingerprintChanged }: ProtectionFacts,
): Exact => ({
  cloneProtected,
  detachable,
  fingerprintChanged,
  productId: product,
  keyId: BigInt(key.key),
  name,
});
