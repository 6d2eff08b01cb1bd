export { hostFingerprint } from './host-fingerprint.ts';
export { judge } from './in-scope.ts';
export { type Computer, createInformation, partsOf, textParts } from './information.ts';
