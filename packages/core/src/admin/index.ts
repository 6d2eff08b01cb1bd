export {
  type Catalog,
  type CatalogKey,
  type CatalogPool,
  type FeatureInfo,
  type KeyInfo,
  type LmRef,
  type LmStatus,
  type PeerInfo,
  type ProductInfo,
  parseCatalog,
  type SessionInfo,
} from './shapes.ts';
