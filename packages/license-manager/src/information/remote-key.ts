import type { CatalogKey, CatalogPool } from '@keyhaven/core/admin';
import { type FeatureInfo, type KeyInfo, keyTypeNames, licenseInfoOf } from '@keyhaven/core/format';
import type { InScope } from './in-scope.ts';

// What is told of a key of another license manager.

/** As far as its LM told: only what may be used over the network. */
export const remoteKey = (key: CatalogKey, inScope: InScope, address: string): readonly KeyInfo[] => {
  const kept = (product: number, feature: number): boolean => inScope({ id: key.key, type: key.type }, product, feature);
  const pools = key.pools.filter((pool) => pool.network && kept(pool.product, pool.feature));
  const features: readonly FeatureInfo[] = kept(0, 0)
    ? [{ id: '0', license: { type: 'perpetual' }, maxLogins: 'unlimited', sessions: [] }]
    : [];
  if (pools.length + features.length === 0) return [];
  const { type, configuration } = keyTypeNames[key.type];
  return [
    {
      id: key.key,
      type,
      configuration,
      attached: true,
      updateCounter: key.counter,
      port: { kind: 'network', protocol: 'IP', address },
      products: [...Map.groupBy(pools, (pool) => pool.product)].map(([product, of]) => ({
        id: String(product),
        ...(of[0] === undefined ? {} : { name: of[0].productName }),
        features: of.map(remoteFeature),
      })),
      features,
    },
  ];
};

const remoteFeature = ({ feature, name, license, limit, used, count, executions, firstUse }: CatalogPool): FeatureInfo => ({
  id: String(feature),
  name,
  locked: true,
  license: licenseInfoOf(license, executions, firstUse),
  concurrency: { export: ['local', 'network'], count, seats: limit },
  maxLogins: limit,
  currentLogins: used,
  sessions: [],
});
