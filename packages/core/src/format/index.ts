// Formats: what is told of license managers, keys and sessions, typed and as the XML of the field (A1).

export {
  type Format,
  type FormatObject,
  formatToXml,
  type PredefinedFormat,
  parseFormat,
  predefinedFormats,
  recipientFormat,
} from './format.ts';
export { featureInfoOf, keyTypeNames, licenseInfoOf, memoryInfoOf } from './from-license.ts';
export type {
  ConcurrencyInfo,
  DriveInfo,
  FeatureInfo,
  FingerprintInfo,
  InfoData,
  KeyCapability,
  KeyInfo,
  LicenseInfo,
  LicenseManagerInfo,
  MemoryInfo,
  PortInfo,
  ProductInfo,
  SessionInfo,
  VendorInfo,
} from './info-data.ts';
export { parseInfoData } from './info-json.ts';
export { renderInfo } from './render.ts';
export { type FormatInput, toFormat } from './typed-format.ts';
