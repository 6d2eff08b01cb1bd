import { Buffer } from 'node:buffer';
import { fromBase64 } from '@keyhaven/core/bytes';
import { type Entropy, type KeyObject, secretKey, sha256 } from '@keyhaven/core/crypto';
import type { Fingerprint } from '@keyhaven/core/fingerprint';
import { createFeatureCipher, type FeatureCipher, type KeyIdentity, type PublicIdentity } from '@keyhaven/core/key';
import {
  type Certificate,
  DEFAULT_FEATURE,
  type Delegation,
  expiryOf,
  type Feature,
  type Product,
  type Secrets,
  type Trial,
} from '@keyhaven/core/license';
import type { SeatTerms } from '@keyhaven/core/seats';
import { wall } from '@keyhaven/core/time';
import type { KeyDevice } from './hardware.ts';
import { validityTerms } from './validity-terms.ts';

/** One feature of one product of a key, ready to be used. */
export type Pool = { readonly product: Product | undefined; readonly feature: Feature; readonly terms: SeatTerms };

/** What a V2C gave a key. */
export type KeyLicense = {
  readonly certificate: Certificate;
  readonly document: Buffer;
  readonly digest: Buffer;
  readonly pools: ReadonlyMap<string, Pool>;
  /** Where the license is lent by another key: by whom, and until when it is good (K5). */
  readonly delegation: Delegation | undefined;
  /** The trial license that it is; absent = none (K8). */
  readonly trial?: Trial;
  /** Of the computer that the license is for; undefined where that does not matter (K6). */
  readonly reference: Fingerprint | undefined;
  readonly secrets: Secrets['features'];
  cipher(feature: number): FeatureCipher | undefined;
};

/** A protection key as the LM serves it. */
export type Key = {
  readonly identity: PublicIdentity;
  /** What signs for the key: its private keys, or the device that has them (K7). */
  readonly signer: { readonly kind: 'software'; readonly identity: KeyIdentity } | { readonly kind: 'device'; readonly device: KeyDevice };
  readonly counter: number;
  /** undefined before the first V2C: the key then grants nothing. */
  readonly license: KeyLicense | undefined;
  /** Contents of memory files as far as they are durable; missing = zeros. */
  readonly memory: Map<number, Buffer>;
  /** Makes session ids and resume tokens. */
  readonly tokenKey: KeyObject;
  /** Why the key must not be served (47); undefined where all is well. */
  readonly damage: string | undefined;
};

export const poolName = (product: number, feature: number): string => `${product}.${feature}`;

const termsOf = (feature: Feature): SeatTerms => ({
  seats: feature.concurrency.seats === 'unlimited' ? undefined : feature.concurrency.seats,
  count: feature.concurrency.count,
  network: feature.concurrency.network,
  until: expiryOf(feature.license),
  executions: feature.license.type === 'executions' ? feature.license.count : undefined,
  ...validityTerms(feature),
});

export const licenseFrom = (
  certificate: Certificate,
  document: Buffer,
  secrets: Secrets,
  entropy: Entropy,
  delegation?: Delegation,
): KeyLicense => {
  const end = delegation === undefined ? undefined : wall(Date.parse(delegation.until));
  const pools = new Map<string, Pool>([
    [poolName(0, 0), { product: undefined, feature: DEFAULT_FEATURE, terms: { ...termsOf(DEFAULT_FEATURE), until: end } }],
  ]);
  for (const product of certificate.products) {
    for (const feature of product.features) pools.set(poolName(product.id, feature.id), { product, feature, terms: termsOf(feature) });
  }
  const raw = new Map(secrets.features.map(({ id, secret }) => [id, fromBase64(secret) ?? Buffer.alloc(0)]));
  const ciphers = new Map<number, FeatureCipher>(); // BOUNDED by the features of the key
  return {
    certificate,
    document,
    digest: sha256(document),
    pools,
    delegation,
    reference: certificate.fingerprint,
    secrets: secrets.features,
    cipher(feature) {
      const secret = raw.get(feature);
      if (secret === undefined) return undefined;
      let cipher = ciphers.get(feature);
      if (cipher === undefined) {
        cipher = createFeatureCipher(secret, entropy.bytes(16));
        ciphers.set(feature, cipher);
      }
      return cipher;
    },
  };
};

const tokenKeyFrom = (seed: Uint8Array): KeyObject => secretKey(sha256(Buffer.concat([Buffer.from('keyhaven session tokens 1\0'), seed])));

/** A key of this computer before it has a license. */
export const softwareKey = (identity: KeyIdentity, signingSeed: Uint8Array): Key => ({
  identity,
  signer: { kind: 'software', identity },
  counter: 0,
  license: undefined,
  memory: new Map(),
  tokenKey: tokenKeyFrom(signingSeed),
  damage: undefined,
});
