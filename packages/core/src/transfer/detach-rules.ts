import { MAX_ID } from '../license/index.ts';

// What an administrator says of detaching single products (field-facts 2.6, "Per-Product Settings"): `product:5,enabled=0,maxdays=7,reserved=2`.
// `vendor:` and `key:` make a rule narrower; the first rule that matches says what it says, and the rest is as for all products.

export type DetachTerms = {
  /** Seats of each feature that stay for logins here, and the same in percent of all; the greater of the two holds. */
  readonly reservedSeats: number;
  readonly reservedPercent: number;
};
export type DetachRule = {
  readonly product?: number;
  readonly vendor?: number;
  readonly key?: string;
  readonly enabled?: boolean;
  readonly maxDays?: number;
  readonly reservedSeats?: number;
  readonly reservedPercent?: number;
};
type RuleFault = { readonly line: number; readonly fault: string };

/** BOUNDED: rules, and characters of one. */
export const MAX_DETACH_RULES = 4_096;
export const MAX_DETACH_RULE = 256;

const wholeOf = (text: string, most: number): number | undefined => {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value <= most ? value : undefined;
};
const decimalOf = (text: string, least: number, most: number): number | undefined => {
  const value = /^\d{1,4}(?:\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
};

/** What a part of a rule says; its value is undefined where it is not one. */
const parts: Readonly<Record<string, { readonly read: (text: string) => Partial<DetachRule> | undefined; readonly must: string }>> = {
  'product:': { read: (text) => named('product', wholeOf(text, MAX_ID)), must: `a whole number from 0 to ${MAX_ID}` },
  'vendor:': {
    read: (text) => named('vendor', wholeOf(text, 4_294_967_295) || undefined),
    must: 'a whole number from 1 to 4294967295',
  },
  'key:': { read: (text) => (/^[1-9]\d{0,19}$/.test(text) ? { key: text } : undefined), must: 'the id of a key' },
  'enabled=': { read: (text) => (text === '0' || text === '1' ? { enabled: text === '1' } : undefined), must: '0 or 1' },
  'maxdays=': { read: (text) => named('maxDays', decimalOf(text, 0.01, 3_650)), must: 'from 0.01 to 3650' },
  'reserved=': { read: (text) => named('reservedSeats', wholeOf(text, 1_000_000)), must: 'a whole number from 0 to 1000000' },
  'reservedpercent=': { read: (text) => named('reservedPercent', decimalOf(text, 0, 100)), must: 'from 0 to 100' },
};
const named = (name: keyof DetachRule, value: number | undefined): Partial<DetachRule> | undefined =>
  value === undefined ? undefined : { [name]: value };

/** Never throws. `#` and `;` begin a comment; an empty entry says nothing. */
export const parseDetachRules = (
  lines: readonly string[],
): { readonly rules: readonly DetachRule[]; readonly faults: readonly RuleFault[] } => {
  const rules: DetachRule[] = [];
  const faults: RuleFault[] = [];
  for (const [line, text] of lines.entries()) {
    if (text.trim() === '' || /^[#;]/.test(text.trim())) continue;
    let rule: DetachRule = {};
    let fault: string | undefined;
    for (const part of text.split(',').map((each) => each.trim())) {
      const [, name = '', sign = '', value = ''] = /^([a-z]+)\s*([:=])\s*(.*)$/i.exec(part) ?? [];
      const known = Object.hasOwn(parts, `${name.toLowerCase()}${sign}`) ? parts[`${name.toLowerCase()}${sign}`] : undefined;
      const said = known?.read(value);
      if (known === undefined) fault ??= `${JSON.stringify(part.slice(0, 40))} is not understood here`;
      else if (said === undefined) fault ??= `${name} must be ${known.must}`;
      else if (Object.keys(said).some((each) => Object.hasOwn(rule, each))) fault ??= `${name} is there twice`;
      else rule = { ...rule, ...said };
    }
    if (rule.product === undefined) fault ??= 'product: is missing';
    if (fault === undefined) rules.push(rule);
    else faults.push({ line, fault });
  }
  return { rules, faults };
};

/** What holds for this product: of the first rule that matches, what it says. */
export const detachRuleFor = (
  rules: readonly DetachRule[],
  of: { readonly vendor: number; readonly key: string; readonly product: number },
): DetachRule =>
  rules.find(
    ({ vendor, key, product }) =>
      product === of.product && (vendor === undefined || vendor === of.vendor) && (key === undefined || key === of.key),
  ) ?? {};

/** Of so many seats, those that are never lent. */
export const reservedOf = ({ reservedSeats, reservedPercent }: DetachTerms, seats: number): number =>
  Math.min(seats, Math.max(reservedSeats, Math.ceil((seats * reservedPercent) / 100)));
