import { types } from 'node:util';
import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';

// What an application hands to the API, checked at the door: programs in plain JavaScript are not held by the types. Each reader takes anything and gives a
// value of the type that it names, or throws a LicensingError that names the argument, what was there instead, and what to pass. An option that does not
// exist is refused, with the name that was probably meant.

/** What a value is, for people. Never what is in it: it may be a secret. */
export const kindOf = (value: unknown): string => {
  if (value === undefined) return 'undefined';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  switch (typeof value) {
    case 'number':
    case 'boolean':
      return String(value);
    case 'string':
      return value === '' ? 'an empty string' : 'a string';
    case 'object':
      return types.isDate(value) ? 'a Date' : types.isPromise(value) ? 'a promise' : 'an object';
    default:
      return `a ${typeof value}`;
  }
};

export const wrong = (name: string, wanted: string, value: unknown, status: StatusCode = Status.INVALID_PARAMETER): LicensingError =>
  new LicensingError(status, {
    detail: value === undefined ? `${name} is missing; it must be ${wanted}.` : `${name} must be ${wanted}, not ${kindOf(value)}.`,
    remedy: `Pass ${wanted} as ${name}.`,
  });

/** Whatever a getter or a proxy of the application throws is a LicensingError. */
const faultOf = (error: unknown): LicensingError =>
  error instanceof LicensingError
    ? error
    : new LicensingError(Status.INVALID_PARAMETER, {
        detail: 'Reading the arguments threw an exception.',
        remedy: 'Pass plain objects without getters that throw; the cause of this error is the exception.',
        cause: error,
      });
/** Runs a reader. @throws LicensingError and nothing else */
export const reading = <T>(reader: () => T): T => {
  try {
    return reader();
  } catch (error) {
    throw faultOf(error);
  }
};
/** For calls that give promises: what is wrong with the arguments is a rejection. Not async, for a session call is one promise (P1). */
export const given = <A, T>(reader: () => A, call: (parsed: A) => Promise<T>): Promise<T> => {
  let parsed: A;
  try {
    parsed = reader();
  } catch (error) {
    return Promise.reject(faultOf(error));
  }
  return call(parsed);
};

/** How many letters have to be changed, at most `limit` + 1. */
const distance = (from: string, to: string, limit: number): number => {
  if (Math.abs(from.length - to.length) > limit) return limit + 1;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? limit + 1;
};
const nearest = (name: string, names: readonly string[]): string | undefined => {
  if (name.length > 40) return undefined;
  const limit = name.length > 4 ? 2 : 1;
  const rated = names.map((each) => ({ each, changed: distance(name.toLowerCase(), each.toLowerCase(), limit) }));
  const [best] = rated.toSorted((a, b) => a.changed - b.changed);
  return best !== undefined && best.changed <= limit ? best.each : undefined;
};
const quoted = (name: string): string => JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}...` : name);

/**
 * The own properties of an object, each read once.
 * @param of what the object is, such as `the options of login`
 * @throws LicensingError INVALID_PARAMETER (501)
 */
export const fieldsOf = <N extends string>(value: unknown, of: string, names: readonly N[]): Readonly<Record<N, unknown>> => {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
  if (!isObject) throw wrong(of, `an object with ${names.join(', ')}`, value);
  // Without a table: the names are few, and a session call reads them each time (P1).
  const fields = {} as Record<N, unknown>;
  for (const name of names) fields[name] = undefined;
  for (const key of Object.keys(value)) {
    const name = names.find((each) => each === key);
    if (name === undefined) {
      const meant = nearest(key, names);
      throw new LicensingError(Status.INVALID_PARAMETER, {
        detail: `${of}: there is no option ${quoted(key)}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`,
        remedy: `Use ${names.join(', ')}.`,
      });
    }
    fields[name] = (value as Readonly<Record<string, unknown>>)[key];
  }
  return fields;
};

/** A whole number within bounds. */
export const whole = (value: unknown, name: string, min: number, max: number, status?: StatusCode): number => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    throw wrong(name, `a whole number from ${min} to ${max}`, value, status);
  return value;
};
export const U32 = 0xffff_ffff;
export const flag = (value: unknown, name: string): boolean => {
  if (typeof value !== 'boolean') throw wrong(name, 'true or false', value);
  return value;
};
export const text = (value: unknown, name: string, status?: StatusCode): string => {
  if (typeof value !== 'string') throw wrong(name, 'a string', value, status);
  return value;
};
export const oneOf = <T extends string>(value: unknown, name: string, allowed: readonly T[], status?: StatusCode): T => {
  const found = allowed.find((each) => each === value);
  if (found !== undefined) return found;
  const error = wrong(name, `one of ${allowed.join(', ')}`, value, status);
  if (typeof value !== 'string') throw error;
  const meant = nearest(value, allowed);
  throw new LicensingError(error.status, {
    detail: `${name} must be one of ${allowed.join(', ')}, not ${quoted(value)}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`,
    remedy: error.remedy,
  });
};
/** A function of the application; what it takes is promised by its type. */
export const callback = <F extends (...parameters: never[]) => unknown>(value: unknown, name: string): F => {
  if (typeof value !== 'function') throw wrong(name, 'a function', value);
  return value as F;
};

const BYTES = 'bytes (a Uint8Array, another view, or an ArrayBuffer)';
const textRemedy = (name: string): string => `Pass bytes as ${name}: for a text, new TextEncoder().encode(text).`;
/** The bytes of any view or buffer; not a copy. */
export const bytes = (value: unknown, name: string): Uint8Array => {
  // An empty one may be detached.
  if (types.isUint8Array(value) && value.byteLength > 0) return value;
  try {
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    if (types.isAnyArrayBuffer(value)) return new Uint8Array(value);
  } catch (cause) {
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: `${name} is detached: its memory was transferred to somebody else, and there is nothing to read.`,
      remedy: `Pass ${name} before its buffer is transferred, or a copy of it.`,
      cause,
    });
  }
  const error = wrong(name, BYTES, value);
  throw typeof value === 'string' ? new LicensingError(error.status, { detail: error.detail, remedy: textRemedy(name) }) : error;
};

/** Of this or another realm, or one that another library made: what is used of it is there. */
export const abortSignal = (value: unknown, name: string): AbortSignal => {
  const candidate = value as Partial<AbortSignal> | null | undefined;
  const isSignal =
    typeof candidate === 'object' &&
    candidate !== null &&
    typeof candidate.aborted === 'boolean' &&
    typeof candidate.throwIfAborted === 'function' &&
    typeof candidate.addEventListener === 'function' &&
    typeof candidate.removeEventListener === 'function';
  if (!isSignal) throw wrong(name, 'an AbortSignal, such as the signal of an AbortController', value);
  return candidate as AbortSignal;
};
/** A reader for an option that may be left out. */
export const optional = <T>(value: unknown, reader: (value: unknown) => T): T | undefined =>
  value === undefined ? undefined : reader(value);
