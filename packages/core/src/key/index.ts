export { CIPHER_OVERHEAD, createFeatureCipher, type FeatureCipher, MIN_CIPHER_BYTES } from './cipher.ts';
export { type KeyIdentity, keyFromSeeds, keyIdOf, speaksForItself, stateDocument, type Usage } from './identity.ts';
export { inPackage, type Packed, verifyUpdates } from './package.ts';
export { type Held, peekV2c, sealContext, type Update, verifyUpdate } from './update.ts';
