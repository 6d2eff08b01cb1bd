import type { StatusCode } from '../errors/index.ts';
import { Status } from '../errors/index.ts';

// What an identity may do (C6): the right to log in and to look, for all keys or for some of them and their products, until a day.

export const identityRights = ['login', 'list'] as const;
export type IdentityRight = (typeof identityRights)[number];

export type Identity = {
  readonly id: string;
  /** For people. */
  readonly issuedTo: string;
  readonly rights: readonly IdentityRight[];
  /** Absent = every key of this computer. */
  readonly limitTo?: readonly { readonly key: string; readonly product?: number }[];
  /** ISO 8601; absent = for ever. */
  readonly expires?: string;
  readonly disabled: boolean;
  readonly since: string;
  /** How many computers may log in with it; the first ones are registered. Absent = any number. */
  readonly maxMachines?: number;
  /** Those that are registered; absent = none. */
  readonly machines?: readonly Machine[];
};
/** `machine`: as its client calls it; `since`: ISO 8601. */
export type Machine = { readonly machine: string; readonly since: string };

/** BOUNDED: computers of an identity. */
export const MAX_MACHINES = 1_000;

/** Whether a login from there is registered already, becomes so, or is one too many (92). */
export const admitMachine = ({ id, maxMachines, machines = [] }: Identity, machine: string): 'known' | 'new' | IdentityFault => {
  if (maxMachines === undefined || machines.some((each) => each.machine === machine)) return 'known';
  if (machines.length < maxMachines) return 'new';
  return {
    status: Status.IDENTITY_TOO_MANY_MACHINES,
    detail: `The identity ${id} is registered for ${machines.length} computers already, and ${JSON.stringify(machine)} is none of them.`,
  };
};

export const identityStates = ['enabled', 'disabled', 'expired'] as const;
export type IdentityState = (typeof identityStates)[number];
/** Whether an identity may ask for anything at all. @param now milliseconds since 1970 */
export const stateOfIdentity = ({ disabled, expires }: Pick<Identity, 'disabled' | 'expires'>, now: number): IdentityState => {
  if (disabled) return 'disabled';
  return expires !== undefined && Date.parse(expires) <= now ? 'expired' : 'enabled';
};

export type IdentityFault = { readonly status: StatusCode; readonly detail: string };

/** Against whatever an identity asks for, now. @param now milliseconds since 1970 */
export const faultOfIdentity = (identity: Identity, right: IdentityRight, now: number): IdentityFault | undefined => {
  const state = stateOfIdentity(identity, now);
  if (state === 'disabled') return { status: Status.IDENTITY_DISABLED, detail: `The identity ${identity.id} is disabled.` };
  if (state === 'expired')
    return { status: Status.IDENTITY_EXPIRED, detail: `The identity ${identity.id} expired at ${identity.expires}.` };
  if (!identity.rights.includes(right))
    return { status: Status.IDENTITY_DENIED, detail: `The identity ${identity.id} has no right to "${right}".` };
  return undefined;
};

/** Whether a product of a key is for this identity; of the key itself, whether any of it is. */
export const mayUse = ({ limitTo }: Identity, key: string, product?: number): boolean =>
  limitTo === undefined ||
  limitTo.some((limit) => limit.key === key && (product === undefined || limit.product === undefined || limit.product === product));
