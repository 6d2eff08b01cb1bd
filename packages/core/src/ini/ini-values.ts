import type { Decoder } from '../parse/index.ts';

// How values are written in an ini file.

const wrong = (faults: string[], place: string, wanted: string): undefined => {
  faults.push(`${place}: must be ${wanted}`);
  return undefined;
};

/** 0 or 1. */
export const iniFlag: Decoder<boolean> = (value, place, faults) =>
  value === '1' ? true : value === '0' ? false : wrong(faults, place, '0 or 1');

/** A whole number, without a sign. */
export const iniNumber =
  (min: number, max: number): Decoder<number> =>
  (value, place, faults) => {
    const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max ? number : wrong(faults, place, `a whole number from ${min} to ${max}`);
  };

export const iniText =
  (maxLength: number): Decoder<string> =>
  (value, place, faults) =>
    typeof value === 'string' && value.length <= maxLength ? value : wrong(faults, place, `a text of at most ${maxLength} characters`);

/** An address or a host name; what else could be meant by a target of the search is left to whoever resolves it. */
export const iniHost: Decoder<string> = (value, place, faults) =>
  typeof value === 'string' && /^[\p{L}\d._:%-]{1,255}$/u.test(value) ? value : wrong(faults, place, 'an address or a host name');

/** A number, also with a fraction, without a sign. */
export const iniDecimal: Decoder<number> = (value, place, faults) =>
  typeof value === 'string' && /^\d{1,15}(?:\.\d{1,6})?$/.test(value) ? Number(value) : wrong(faults, place, 'a number');
