export { openProtection, type Protection, type ProtectionSettings } from './protection.ts';
