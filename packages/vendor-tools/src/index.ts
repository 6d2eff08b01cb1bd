// What a vendor does: create itself, read its catalog, issue licenses, look into license files. The only place that opens a vendor's
// private key.

export { type Action, parseAction } from './actions.ts';
export { type CatalogFault, formatFault, readCatalog, readCatalogFile } from './catalog.ts';
export type { Catalog, CatalogProduct } from './catalog-schema.ts';
export { type CatalogCheck, checkCatalog } from './check.ts';
export { systemEntropy } from './entropy.ts';
export { readWhole, writeFileAtomically } from './files.ts';
export { readFingerprintFile } from './fingerprint-file.ts';
export { type Contents, type Inspection, inspectFile, type Signature } from './inspect.ts';
export { type IssuedLicense, type IssueRequest, issueLicense } from './issue.ts';
export {
  type IssueFileRequest,
  issueLicenseFile,
  packUpdateFiles,
  type UpdateFileRequest,
  updateLicenseFile,
} from './issue-file.ts';
export type { VendorSecrets } from './key-file.ts';
export { type IssuedLegacy, issueLegacy, issueLegacyFile, type LegacyRequest } from './legacy.ts';
export type { Out } from './out-file.ts';
export { isShortPassphrase, MIN_PASSPHRASE } from './passphrase-rules.ts';
export { recordFiles } from './record-files.ts';
export { type ReportFilter, type ReportRow, reportCsv, reportIssued } from './report.ts';
export { type IssuedTrial, issueTrial, issueTrialFile, type TrialRequest } from './trial.ts';
export { type UpdateRequest, updateLicense } from './update.ts';
export { packUpdates } from './v2c.ts';
export {
  changePassphrase,
  featureSecret,
  initVendor,
  type NewVendor,
  openVendor,
  unlockVendor,
  type Vendor,
  type VendorInfo,
  vendorCodeOf,
  vendorFromSecrets,
} from './vendor.ts';
export { vendorPaths } from './vendor-paths.ts';
