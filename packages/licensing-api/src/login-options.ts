import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { admittedKinds, type KeyKind, keyKinds, type LmChoice, lmChoices } from '@keyhaven/core/hosts';
import { parseVendorCode, type VendorCode } from '@keyhaven/core/license';
import { parseScope, type Scope, type ScopeInput, type LoginOptions as ScopeOptions, scopeToXml, toScope } from '@keyhaven/core/scope';
import { DAY } from '@keyhaven/core/time';

// What a login may ask for, checked at the door: JavaScript callers are not held by the types.

export type LoginOptions = {
  readonly vendorCode: string;
  /** Feature id; 0 = the default feature, which says that a key is there. */
  readonly feature?: number;
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

const MAX_SCOPE = 32 * 1024;

const whole = (value: number | undefined, otherwise: number, max: number, name: string): number => {
  const number = value ?? otherwise;
  if (!Number.isInteger(number) || number < 0 || number > max)
    throw new LicensingError(Status.INVALID_PARAMETER, { detail: `${name} must be a whole number from 0 to ${max}.` });
  return number;
};

const read = (options: Question): { readonly asked: Asked; readonly options: ScopeOptions } => {
  const lm = options.lm ?? 'auto';
  if (!lmChoices.includes(lm)) throw new LicensingError(Status.INVALID_PARAMETER, { detail: `lm must be one of ${lmChoices.join(', ')}.` });
  const vendor = parseVendorCode(options.vendorCode);
  let scope = '';
  let fromScope: ScopeOptions = {};
  let parsed: Scope | undefined;
  if (typeof options.scope === 'string' && options.scope !== '') {
    ({ scope: parsed, options: fromScope } = parseScope(options.scope));
    scope = options.scope;
  } else if (options.scope !== undefined && typeof options.scope !== 'string') {
    parsed = toScope(options.scope);
    scope = scopeToXml(parsed);
  }
  if (Buffer.byteLength(scope, 'utf8') > MAX_SCOPE)
    throw new LicensingError(Status.INVALID_PARAMETER, { detail: 'The scope is longer than 32 KiB.' });
  return { asked: { vendor, scope, lm, kinds: () => (parsed === undefined ? keyKinds : admittedKinds(parsed)) }, options: fromScope };
};

/** @throws LicensingError INV_VCODE (22), INV_SCOPE (36), INVALID_PARAMETER (501) */
export const readQuestion = (options: Question): Asked => read(options).asked;

/** @throws likewise */
export const readLogin = (options: LoginOptions): AskedLogin => {
  const { asked, options: fromScope } = read(options);
  return {
    ...asked,
    feature: whole(options.feature, 0, 0xffff_ffff, 'feature'),
    seats: Math.max(1, whole(options.seats ?? fromScope.seats, 1, 32_752, 'seats')),
    executions: whole(options.executions ?? fromScope.executions, 0, 16_777_215, 'executions'),
    dieAtExpiration: options.dieAtExpiration ?? fromScope.dieAtExpiration ?? false,
    expiringWithinMs: whole(options.expiringWithinMs, 7 * DAY, Number.MAX_SAFE_INTEGER, 'expiringWithinMs'),
  };
};
