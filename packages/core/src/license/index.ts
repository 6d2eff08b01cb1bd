export {
  chainWith,
  type Delegation,
  delegatedFeatures,
  MAX_LINKS,
  openStanding,
  standingDigest,
  type Standing,
  writeDelegation,
} from './chain.ts';
export {
  type C2v,
  CERTIFICATE_LIMIT,
  type Certificate,
  type KeyType,
  keyId,
  keyTypes,
  readC2v,
  readCertificate,
  readSecrets,
  readV2c,
  type Secrets,
  type V2c,
  writeC2v,
  writeCertificate,
  writeSecrets,
  writeV2c,
} from './documents.ts';
export { armor, DOCUMENT_LIMIT, type DocumentKind, openDocument, type SignedDocument, signDocument, unarmor } from './envelope.ts';
export { keyIdOf } from './key-id.ts';
export { openSealed, sealTo } from './sealed.ts';
export {
  type Concurrency,
  type CountBy,
  concurrency,
  DEFAULT_FEATURE,
  expiryOf,
  type Feature,
  feature,
  type License,
  license,
  MAX_EXECUTIONS,
  MAX_ID,
  MAX_SEATS,
  type MemorySizes,
  memorySizes,
  type Product,
  product,
  products,
} from './terms.ts';
export { formatVendorCode, parseVendorCode, type VendorCode } from './vendor-code.ts';
