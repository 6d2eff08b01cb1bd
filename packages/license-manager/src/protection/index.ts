export { type LicenseTime, openLicenseTime } from './license-time.ts';
export { openProtection, type Protection, type ProtectionSettings } from './protection.ts';
