export { DAYS_FORMS, DURATION_FORMS, formatDuration, parseDays, parseDuration } from './duration.ts';

// Small strict decoders for JSON that comes from outside: each names the place of every fault, unknown fields are faults, and what
// comes out is typed. Core takes no third-party code, so this stands in for a validation library.

export type Fault = string;
export type Decoder<T> = (value: unknown, place: string, faults: Fault[]) => T | undefined;

/** All faults at once, so that a person mends a document in one go. */
export class ParseError extends Error {
  override readonly name = 'ParseError';
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    super(faults.join('; '));
    this.faults = faults;
  }
}

export const parse = <T>(decoder: Decoder<T>, value: unknown, place = 'document'): T => {
  const faults: Fault[] = [];
  const result = decoder(value, place, faults);
  if (faults.length > 0 || result === undefined) throw new ParseError(faults.length > 0 ? faults : [`${place}: is missing`]);
  return result;
};

/** JSON text to value; ParseError where it is no JSON. */
export const parseJson = <T>(decoder: Decoder<T>, text: string, place = 'document'): T => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ParseError([`${place}: is not JSON`]);
  }
  return parse(decoder, value, place);
};

const fail = (faults: Fault[], place: string, wanted: string): undefined => {
  faults.push(`${place}: must be ${wanted}`);
  return undefined;
};

export const integer =
  (min: number, max: number): Decoder<number> =>
  (value, place, faults) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      ? value
      : fail(faults, place, `a whole number from ${min} to ${max}`);

export const boolean: Decoder<boolean> = (value, place, faults) =>
  typeof value === 'boolean' ? value : fail(faults, place, 'true or false');

export const text =
  (maxLength: number, pattern?: RegExp, wanted = `a text of at most ${maxLength} characters`): Decoder<string> =>
  (value, place, faults) =>
    typeof value === 'string' && value.length <= maxLength && (pattern === undefined || pattern.test(value))
      ? value
      : fail(faults, place, wanted);

export const literal =
  <const V extends string | number | boolean>(...allowed: readonly V[]): Decoder<V> =>
  (value, place, faults) => {
    const found = allowed.find((candidate) => candidate === value);
    return found === undefined ? fail(faults, place, allowed.map((each) => JSON.stringify(each)).join(' or ')) : found;
  };

export const list =
  <T>(decoder: Decoder<T>, maxLength: number): Decoder<readonly T[]> =>
  (value, place, faults) => {
    if (!Array.isArray(value) || value.length > maxLength) return fail(faults, place, `a list of at most ${maxLength} entries`);
    const items: T[] = [];
    for (const [index, item] of value.entries()) {
      const decoded = decoder(item, `${place}[${index}]`, faults);
      if (decoded !== undefined) items.push(decoded);
    }
    return items;
  };

/** The first decoder that takes the value without a fault; `wanted` names the choice when none does. */
export const either =
  <T>(wanted: string, ...decoders: readonly Decoder<T>[]): Decoder<T> =>
  (value, place, faults) => {
    for (const decoder of decoders) {
      const attempt: Fault[] = [];
      const decoded = decoder(value, place, attempt);
      if (decoded !== undefined && attempt.length === 0) return decoded;
    }
    return fail(faults, place, wanted);
  };

export type Optional<T> = { readonly optional: Decoder<T> };
/** A field that may be absent; it is then absent from the result too. */
export const optional = <T>(decoder: Decoder<T>): Optional<T> => ({ optional: decoder });

type Field = Decoder<unknown> | Optional<unknown>;
type Required<F> = { [K in keyof F as F[K] extends Optional<unknown> ? never : K]: F[K] extends Decoder<infer T> ? T : never };
type Absent<F> = { [K in keyof F as F[K] extends Optional<unknown> ? K : never]?: F[K] extends Optional<infer T> ? T : never };
export type Shape<F> = { readonly [K in keyof (Required<F> & Absent<F>)]: (Required<F> & Absent<F>)[K] };

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object with exactly these fields; the result has them in the order given here, so writing it again is canonical. */
export const object =
  <F extends Record<string, Field>>(fields: F): Decoder<Shape<F>> =>
  (value, place, faults) => {
    if (!isRecord(value)) return fail(faults, place, 'an object');
    for (const name of Object.keys(value)) if (!Object.hasOwn(fields, name)) faults.push(`${place}.${name}: is unknown`);
    const result: Record<string, unknown> = {};
    const before = faults.length;
    for (const [name, field] of Object.entries(fields)) {
      const present = Object.hasOwn(value, name) && value[name] !== undefined;
      if (typeof field === 'function') {
        if (!present) faults.push(`${place}.${name}: is missing`);
        else result[name] = field(value[name], `${place}.${name}`, faults);
      } else if (present) {
        result[name] = field.optional(value[name], `${place}.${name}`, faults);
      }
    }
    return faults.length > before ? undefined : (result as Shape<F>);
  };

/** One of several objects told apart by the field `tag`. */
export const tagged =
  <T>(tag: string, variants: Readonly<Record<string, Decoder<T>>>): Decoder<T> =>
  (value, place, faults) => {
    const name = isRecord(value) ? value[tag] : undefined;
    const variant = typeof name === 'string' && Object.hasOwn(variants, name) ? variants[name] : undefined;
    return variant === undefined ? fail(faults, `${place}.${tag}`, Object.keys(variants).join(' or ')) : variant(value, place, faults);
  };
