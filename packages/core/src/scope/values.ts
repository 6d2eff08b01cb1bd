import { canonicalAddress } from './address.ts';

// The kinds of values that scopes compare. A kind turns text into one spelling, or refuses it, and orders two such spellings.

export type Kind = {
  /** For messages: "a whole number ...". */
  readonly expects: string;
  readonly normalise: (text: string) => string | undefined;
  /** Negative, zero or positive as the first is less than, equal to or greater than the second. */
  readonly compare: (a: string, b: string) => number;
  /** True when `wanted` names a family that `own` belongs to. */
  readonly covers?: (wanted: string, own: string) => boolean;
  /** Whether lt, le, gt and ge have a meaning. */
  readonly ordered: boolean;
};

const same = (a: string, b: string): number => (a === b ? 0 : 1);
const sameIgnoringCase = (a: string, b: string): number => same(a.toLowerCase(), b.toLowerCase());
const clean = (text: string): string | undefined => {
  const trimmed = text.trim();
  return trimmed === '' || /[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u.test(trimmed) ? undefined : trimmed;
};

export const number: Kind = {
  expects: 'a whole number from 0 to 4294967295',
  normalise: (text) => {
    const trimmed = text.trim();
    const value = /^\d{1,20}$/.test(trimmed) ? Number(trimmed) : Number.NaN;
    return value <= 0xffff_ffff ? String(value) : undefined;
  },
  compare: (a, b) => Number(a) - Number(b),
  ordered: true,
};

/** Ids of keys, license managers and sessions: decimal ones are compared without leading zeros. */
export const identifier: Kind = {
  expects: 'an id',
  normalise: (text) => clean(text)?.replace(/^0+(?=\d+$)/, ''),
  compare: same,
  ordered: false,
};

export const words: Kind = { expects: 'a text', normalise: clean, compare: sameIgnoringCase, ordered: false };

/** HASP-SL was written before software keys had modes, and means all of them; likewise one level deeper. */
export const keyType: Kind = {
  ...words,
  expects: 'a type of key',
  covers: (wanted, own) => own.toLowerCase().startsWith(`${wanted.toLowerCase()}-`),
};

export const hostName: Kind = {
  expects: 'a host name',
  normalise: (text) => {
    const name = clean(text)?.toLowerCase().replace(/\.$/, '');
    return name !== undefined && /^[^\s/]{1,253}$/.test(name) ? name : undefined;
  },
  compare: same,
  ordered: false,
};

export const address: Kind = { expects: 'an IPv4 or IPv6 address', normalise: canonicalAddress, compare: same, ordered: false };

export const base64: Kind = {
  expects: 'base64',
  normalise: (text) => {
    const digits = text.replaceAll(/\s+/g, '').replace(/={0,2}$/, '');
    return /^[A-Za-z0-9+/_-]+$/.test(digits) ? digits : undefined;
  },
  compare: same,
  ordered: false,
};

export const version: Kind = {
  expects: 'a version such as 3.25',
  normalise: (text) => (/^\d{1,9}(\.\d{1,9}){0,3}$/.test(text.trim()) ? text.trim().split('.').map(Number).join('.') : undefined),
  compare: (a, b) => {
    const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
    for (let index = 0; index < 4; index += 1) {
      const difference = (left[index] ?? 0) - (right[index] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  },
  ordered: true,
};

export const flag: Kind = {
  expects: 'true or false',
  normalise: (text) => {
    const word = text.trim().toLowerCase();
    if (word === 'true' || word === '1') return 'true';
    return word === 'false' || word === '0' ? 'false' : undefined;
  },
  compare: same,
  ordered: false,
};
