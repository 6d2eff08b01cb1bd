import { Buffer } from 'node:buffer';
import { toBase64 } from '@keyhaven/core/bytes';
import { privateKeyFrom, publicBytes } from '@keyhaven/core/crypto';
import { fingerprintOf, type Observation } from '@keyhaven/core/fingerprint';
import { armor, type LegacyTerms, type Secrets, signDocument, writeLegacy, writeLegacyTerms } from '@keyhaven/core/license';

/** The text of a legacy license of the vendor that `createTestVendor` makes of the same fill. */
export const legacyFor = (
  observed: Observation,
  products: LegacyTerms['products'],
  more: Partial<LegacyTerms> & { readonly secrets?: Omit<Secrets, 'features'> } = {},
  fill = 1,
): string => {
  const signingKey = privateKeyFrom('ed25519', Buffer.alloc(32, fill));
  const { secrets, ...changed } = more;
  const terms: LegacyTerms = {
    format: 1,
    vendor: 37_515,
    vendorKey: toBase64(publicBytes(signingKey)),
    license: toBase64(Buffer.alloc(16, 7)),
    counter: 1,
    issued: '2026-11-24T03:00:00.000Z',
    products: products.map((product) => ({ protection: { physical: 'PMType1', virtual: 'PlatformDefault' }, ...product })),
    memory: { readWrite: 16, readOnly: 16 },
    fingerprint: fingerprintOf(observed, publicBytes(signingKey)),
    ...changed,
  };
  const ids = new Set([0, ...products.flatMap(({ features }) => features.map(({ id }) => id))]);
  const features = [...ids].map((id) => ({ id, secret: toBase64(Buffer.alloc(32, id % 256)) }));
  const document = toBase64(signDocument('legacyterms', writeLegacyTerms(terms), signingKey));
  const file = writeLegacy({ format: 1, vendor: terms.vendor, terms: document, secrets: { features, ...secrets } });
  return armor('legacy', signDocument('legacy', file, signingKey));
};
