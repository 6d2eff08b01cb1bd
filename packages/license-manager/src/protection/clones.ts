import { describe, fingerprintOf, type HostKind, missing, type Observation, protects } from '@keyhaven/core/fingerprint';
import type { Key, KeyLicense } from '../keystore/index.ts';

/** Products of a key whose license is for another computer than this one, and why (K6, 64). Pure. */
export const clonedProducts = (key: Key, license: KeyLicense, observed: Observation): ReadonlyMap<number, string> => {
  const cloned = new Map<number, string>();
  const { reference } = license;
  if (reference === undefined) return cloned;
  const present = fingerprintOf(observed, key.identity.vendorKey);
  for (const { id, protection } of license.certificate.products) {
    if (protection === undefined || protects(reference, present, protection)) continue;
    const scheme = describe(present.host === 'physical' ? protection.physical : protection.virtual);
    const gone = missing(reference, present).join(', ') || 'nothing';
    const kinds = reference.host === present.host ? '' : `; it was ${reference.host} and is ${present.host}`;
    cloned.set(
      id,
      `The license of product ${id} is for another computer: by ${scheme}, what it was recognised by is not here (${gone}${kinds}).`,
    );
  }
  return cloned;
};

export const isProtected = (license: KeyLicense, product: number): boolean =>
  license.reference !== undefined && license.certificate.products.some(({ id, protection }) => id === product && protection !== undefined);

/** Whether the computer of this product is recognised by its host name alone, as it was or as it is. */
export const isByName = ({ reference, certificate }: KeyLicense, product: number, host: HostKind): boolean => {
  const of = certificate.products.find(({ id }) => id === product)?.protection;
  if (of === undefined || reference === undefined) return false;
  return [reference.host, host].some((kind) => (kind === 'physical' ? of.physical : of.virtual) === 'FQDN');
};
