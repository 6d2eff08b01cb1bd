import type { Key } from './keystore/index.ts';
import type { Protection } from './protection/index.ts';

/** What monitoring scripts and REST clients are told of clone protection (K6). */
export type KeyProtection = {
  /** Its license is good for the computer that it was issued for, and for no copy of it. */
  readonly cloneProtected: boolean;
  /** This is another computer than that one, so the product cannot be used. */
  readonly fingerprintChanged: boolean;
};

/**
 * Of one product, or of all products of the key together: protected where all are, changed where one is. Trials and products with the scheme
 * "Disable" on this kind of computer are bound to no computer; keys in hardware are, but not by a fingerprint.
 */
export const protectionOf = (
  key: Key,
  product: number | undefined,
  known: Pick<Protection, 'guard' | 'current'> | undefined,
): KeyProtection => {
  const { reference, certificate } = key.license ?? {};
  const products = (certificate?.products ?? []).filter(({ id }) => product === undefined || id === product);
  const host = known?.current()?.host ?? reference?.host;
  const isBound = ({ protection }: (typeof products)[number]): boolean =>
    reference !== undefined && protection !== undefined && (host === 'physical' ? protection.physical : protection.virtual) !== 'Disable';
  const cloned = known?.guard.cloned(key);
  return {
    cloneProtected: key.identity.type.startsWith('sl-') && products.length > 0 && products.every(isBound),
    fingerprintChanged: products.some(({ id }) => cloned?.has(id) === true),
  };
};
