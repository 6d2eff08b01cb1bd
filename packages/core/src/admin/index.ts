export {
  type CertificateLink,
  type CertifiedFeature,
  type CertifiedProduct,
  certificatesOf,
  fingerprintOfKey,
} from './certificates.ts';
export { sayLicense } from './say-license.ts';
export {
  type Catalog,
  type CatalogKey,
  type CatalogPool,
  type Duplicate,
  type FeatureInfo,
  type KeyInfo,
  type LicenseState,
  type LmRef,
  type LmStatus,
  type PeerInfo,
  type ProductInfo,
  parseCatalog,
  type SessionInfo,
} from './shapes.ts';
