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
};

export type IdentityFault = { readonly status: StatusCode; readonly detail: string };

/** Against whatever an identity asks for, now. @param now milliseconds since 1970 */
export const faultOfIdentity = (identity: Identity, right: IdentityRight, now: number): IdentityFault | undefined => {
  if (identity.disabled) return { status: Status.IDENTITY_DISABLED, detail: `The identity ${identity.id} is disabled.` };
  if (identity.expires !== undefined && Date.parse(identity.expires) <= now)
    return { status: Status.IDENTITY_EXPIRED, detail: `The identity ${identity.id} has expired at ${identity.expires}.` };
  if (!identity.rights.includes(right))
    return { status: Status.IDENTITY_DENIED, detail: `The identity ${identity.id} has no right to "${right}".` };
  return undefined;
};

/** Whether a product of a key is for this identity; of the key itself, whether any of it is. */
export const mayUse = ({ limitTo }: Identity, key: string, product?: number): boolean =>
  limitTo === undefined ||
  limitTo.some((limit) => limit.key === key && (product === undefined || limit.product === undefined || limit.product === product));
