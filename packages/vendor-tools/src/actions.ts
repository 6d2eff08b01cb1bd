import { LicensingError, Status } from '@keyhaven/core/errors';
import { MAX_ID } from '@keyhaven/core/license';
import { DAYS_FORMS, parseDays } from '@keyhaven/core/parse';
import { parse } from 'yaml';

// What a vendor changes of a license without writing all of it anew (K4): one line of text to one typed action. field-facts 4.1 "modify actions".
//
//   add expiration 1.43 30            days more (or `sub`: fewer), also 30d or 4w; of a feature of a product
//   add executions 1.50 100           executions more, or fewer
//   add seats 1.42 2                  seats more, or fewer
//   add product 5                     a product of the catalog
//   set license 1.42 {type: perpetual}        as in the catalog
//   set concurrency 1.42 {seats: 3}           fields that are not named stay
//   set detachable 1.42 false
//   set detachDays 1.42 30
//   set name 1.42 Echo sounder
//   set file 7 {size: 100, access: rw}        a dynamic memory file, made or changed
//   set rehost true                   whether the key may move to another computer without its vendor
//   cancel feature 1.43, cancel product 2, cancel file 7, cancel rehost (as set rehost false)
//   cancel updates                    the vendor's last word: no update is applied any more

export type FeatureId = { readonly product: number; readonly feature: number };
export const amounts = ['expiration', 'executions', 'seats'] as const;
export const properties = ['license', 'concurrency', 'detachable', 'detachDays', 'name'] as const;
export type Action = { readonly text: string } & (
  | { readonly kind: 'amount'; readonly what: (typeof amounts)[number]; readonly of: FeatureId; readonly by: number }
  | { readonly kind: 'property'; readonly what: (typeof properties)[number]; readonly of: FeatureId; readonly value: unknown }
  | { readonly kind: 'add product' | 'cancel product'; readonly product: number }
  | { readonly kind: 'cancel feature'; readonly of: FeatureId }
  | { readonly kind: 'set file'; readonly file: number; readonly value: unknown }
  | { readonly kind: 'cancel file'; readonly file: number }
  | { readonly kind: 'set rehost'; readonly value: boolean }
  | { readonly kind: 'cancel rehost' | 'cancel updates' }
);

const fail = (text: string, why: string): LicensingError =>
  new LicensingError(Status.INV_ACTION, {
    detail: `The action ${JSON.stringify(text)} ${why}.`,
    remedy:
      'Write it like "add expiration 1.43 30", "set license 1.42 {type: perpetual}" or "cancel feature 1.43"; docs/guide/vendor.md has all.',
  });

const number = (text: string | undefined, min: number, max: number): number | undefined => {
  const value = /^\d{1,9}$/.test(text ?? '') ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
};

/** @throws LicensingError INV_ACTION (59) */
export const parseAction = (text: string): Action => {
  const [, verb = '', what = '', target = '', rest = ''] = /^\s*([a-z]+)\s+([a-zA-Z]+)(?:\s+(\S+))?(?:\s+(\S.*?))?\s*$/s.exec(text) ?? [];
  const id = (min = 0): number => {
    const found = number(target, min, MAX_ID);
    if (found === undefined || (rest !== '' && verb !== 'set')) throw fail(text, `must name a number from ${min} to ${MAX_ID}`);
    return found;
  };
  const feature = (): FeatureId => {
    const [product, number_, more] = target.split('.');
    const of = { product: number(product, 0, MAX_ID), feature: number(number_, 1, MAX_ID) };
    if (of.product === undefined || of.feature === undefined || more !== undefined)
      throw fail(text, 'must name a feature as PRODUCT.FEATURE, such as 1.42');
    return { product: of.product, feature: of.feature };
  };
  const value = (): unknown => {
    try {
      const found: unknown = parse(rest, { maxAliasCount: 0 });
      if (rest !== '') return found;
    } catch {
      // Said below.
    }
    throw fail(text, 'must end with a value, as in the catalog');
  };
  const isOneOf = <T extends string>(list: readonly T[]): T | undefined => list.find((each) => each === what);

  if (verb === 'add' || verb === 'sub') {
    const amount = isOneOf(amounts);
    if (amount !== undefined) {
      const found = amount === 'expiration' ? parseDays(rest) : number(rest, 1, 999_999_999);
      const by = found === undefined || found < 1 || found > 999_999_999 ? undefined : found;
      if (by === undefined)
        throw fail(text, amount === 'expiration' ? `must end with ${DAYS_FORMS}` : 'must end with a whole number from 1 on');
      return { text, kind: 'amount', what: amount, of: feature(), by: verb === 'add' ? by : -by };
    }
    if (verb === 'add' && what === 'product') return { text, kind: 'add product', product: id() };
  }
  if (verb === 'set') {
    const property = isOneOf(properties);
    if (property !== undefined) return { text, kind: 'property', what: property, of: feature(), value: value() };
    if (what === 'file') return { text, kind: 'set file', file: id(1), value: value() };
    if (what === 'rehost') {
      if ((target !== 'true' && target !== 'false') || rest !== '') throw fail(text, 'must end with true or false');
      return { text, kind: 'set rehost', value: target === 'true' };
    }
  }
  if (verb === 'cancel') {
    if (what === 'product') return { text, kind: 'cancel product', product: id() };
    if (what === 'file') return { text, kind: 'cancel file', file: id(1) };
    if (what === 'feature') return { text, kind: 'cancel feature', of: feature() };
    if (target === '' && (what === 'rehost' || what === 'updates')) return { text, kind: `cancel ${what}` };
  }
  throw fail(text, 'is not one of add, sub, set and cancel with what they can change');
};
