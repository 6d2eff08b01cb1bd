export { CIPHER_OVERHEAD, createFeatureCipher, type FeatureCipher, MIN_CIPHER_BYTES } from './cipher.ts';
export { keyIdOf } from '../license/index.ts';
export { type KeyIdentity, keyFromSeeds, speaksForItself, stateDocument, type Usage } from './identity.ts';
export { peekV2c, sealContext, type Update, verifyUpdate } from './update.ts';
