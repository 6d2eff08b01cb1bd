export { CIPHER_OVERHEAD, createFeatureCipher, type FeatureCipher, MIN_CIPHER_BYTES } from './cipher.ts';
export {
  deviceStateDocument,
  type KeyIdentity,
  keyFromSeeds,
  keyIdOf,
  type PublicIdentity,
  speaksForItself,
  stateDocument,
  type Usage,
} from './identity.ts';
export { verifyLegacy } from './legacy.ts';
export { inPackage, type Packed, verifyUpdates } from './package.ts';
export { type CheckedUpdate, checkUpdate, type Held, peekV2c, sealContext, type Update, verifyUpdate } from './update.ts';
