import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { admittedKinds, type KeyKind, keyKinds, type LmChoice, lmChoices } from '@keyhaven/core/hosts';
import { parseVendorCode, type VendorCode } from '@keyhaven/core/license';
import { parseScope, type Scope, type ScopeInput, type LoginOptions as ScopeOptions, scopeToXml, toScope } from '@keyhaven/core/scope';
import { DAY } from '@keyhaven/core/time';
import { abortSignal, callback, fieldsOf, flag, oneOf, optional, text, U32, whole, wrong } from './arguments.ts';

// What a login may ask for.

export type LoginOptions = {
  readonly vendorCode: string;
  /** Feature id; 0 = the default feature, which is in every key and says that a key is there. */
  readonly feature: number;
  readonly scope?: Scope | ScopeInput | string;
  readonly seats?: number;
  readonly executions?: number;
  readonly dieAtExpiration?: boolean;
  /** How long before the end of a license `expiring` is told; 7 days where it is left out. */
  readonly expiringWithinMs?: number;
  /** Stands in line for a seat where none is free. */
  readonly wait?: { readonly timeoutMs: number };
  /** The place in line, from 1 on, when it is known and whenever it has changed. */
  readonly onWaiting?: (place: number) => void;
  /** Which license manager; `auto` where it is left out (T5). */
  readonly lm?: LmChoice;
  readonly signal?: AbortSignal;
};

/** What every question to a license manager is about. */
export type Question = Pick<LoginOptions, 'vendorCode' | 'scope' | 'lm'>;
/** The same, checked. */
export type Asked = {
  readonly vendor: VendorCode;
  /** As XML; empty = everything. */
  readonly scope: string;
  /** What the scope admits (T5). */
  readonly kinds: () => readonly KeyKind[];
  readonly lm: LmChoice;
};
export type AskedLogin = Asked & {
  readonly feature: number;
  readonly seats: number;
  readonly executions: number;
  readonly dieAtExpiration: boolean;
  readonly expiringWithinMs: number;
};

/** A login with what only this side has to know. */
export type ReadLogin = {
  readonly asked: AskedLogin;
  readonly wait: { readonly timeoutMs: number } | undefined;
  readonly onWaiting: ((place: number) => void) | undefined;
  readonly signal: AbortSignal | undefined;
};

const MAX_SCOPE = 32 * 1024;
const MAX_SEATS = 32_752;
const MAX_EXECUTIONS = 16_777_215;
const LOGIN = [
  'vendorCode',
  'feature',
  'scope',
  'seats',
  'executions',
  'dieAtExpiration',
  'expiringWithinMs',
  'wait',
  'onWaiting',
  'lm',
  'signal',
] as const;

/** @throws LicensingError INV_VCODE (22) */
export const vendorOf = (value: unknown): VendorCode => parseVendorCode(text(value, 'vendorCode', Status.INV_VCODE));

type Fields = { readonly vendorCode: unknown; readonly scope: unknown; readonly lm: unknown };

/** @throws LicensingError INV_VCODE (22), INV_SCOPE (36), INVALID_PARAMETER (501) */
export const readQuestion = (options: Fields): Asked => readScoped(options).asked;

const readScoped = (options: Fields): { readonly asked: Asked; readonly options: ScopeOptions } => {
  const lm = optional(options.lm, (value) => oneOf(value, 'lm', lmChoices)) ?? 'auto';
  const vendor = vendorOf(options.vendorCode);
  const { scope: given } = options;
  if (given !== undefined && typeof given !== 'string' && (typeof given !== 'object' || given === null))
    throw wrong('scope', 'an object, a list of objects, or XML', given, Status.INV_SCOPE);
  let scope = '';
  let fromScope: ScopeOptions = {};
  let parsed: Scope | undefined;
  if (typeof given === 'string' && given !== '') {
    ({ scope: parsed, options: fromScope } = parseScope(given));
    scope = given;
  } else if (typeof given === 'object') {
    // `toScope` takes anything, and refuses what is no scope.
    parsed = toScope(given);
    scope = scopeToXml(parsed);
  }
  if (Buffer.byteLength(scope, 'utf8') > MAX_SCOPE)
    throw new LicensingError(Status.INVALID_PARAMETER, { detail: 'scope is longer than 32 KiB.', remedy: 'Pass a shorter scope.' });
  return { asked: { vendor, scope, lm, kinds: () => (parsed === undefined ? keyKinds : admittedKinds(parsed)) }, options: fromScope };
};

const readWait = (value: unknown): { readonly timeoutMs: number } => {
  const { timeoutMs } = fieldsOf(value, 'wait', ['timeoutMs']);
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) throw wrong('wait.timeoutMs', 'a number of milliseconds, or Infinity', timeoutMs);
  return { timeoutMs };
};

const readLoginFields = (fields: Readonly<Record<(typeof LOGIN)[number], unknown>>): AskedLogin => {
  const { asked, options } = readScoped(fields);
  const feature = whole(fields.feature, 'feature', 0, U32);
  return {
    ...asked,
    feature,
    seats: whole(fields.seats ?? options.seats ?? 1, 'seats', 1, MAX_SEATS),
    executions: whole(fields.executions ?? options.executions ?? 0, 'executions', 0, MAX_EXECUTIONS),
    dieAtExpiration: flag(fields.dieAtExpiration ?? options.dieAtExpiration ?? false, 'dieAtExpiration'),
    expiringWithinMs: whole(fields.expiringWithinMs ?? 7 * DAY, 'expiringWithinMs', 0, Number.MAX_SAFE_INTEGER),
  };
};

/** @throws LicensingError INV_VCODE (22), INV_SCOPE (36), INVALID_PARAMETER (501) */
export const readLogin = (value: unknown): ReadLogin => {
  const fields = fieldsOf(value, 'the options of login', LOGIN);
  for (const name of ['seats', 'executions', 'dieAtExpiration', 'expiringWithinMs'] as const)
    if (fields[name] === null) throw wrong(name, 'left out, or a value', null);
  return {
    asked: readLoginFields(fields),
    wait: optional(fields.wait, readWait),
    onWaiting: optional(fields.onWaiting, (each) => callback<(place: number) => void>(each, 'onWaiting')),
    signal: optional(fields.signal, (each) => abortSignal(each, 'signal')),
  };
};

/** Where a feature could be had: that of every key where none is named. @throws likewise */
export const readFind = (value: unknown): AskedLogin => {
  const fields = fieldsOf(value, 'the options of getInfo', ['vendorCode', 'scope', 'lm', 'feature']);
  const empty = Object.fromEntries(LOGIN.map((name) => [name, undefined])) as Record<(typeof LOGIN)[number], unknown>;
  return readLoginFields({ ...empty, ...fields, feature: fields.feature ?? 0 });
};
