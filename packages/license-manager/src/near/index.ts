export { adminAddressFrom } from './admin-peers.ts';
export { type NearComputer, sharedClock, thisComputer } from './computer.ts';
export { openInstance } from './instance.ts';
export { type LoadedNearSettings, loadNearSettings, readNearFile, thisNearPlace } from './load-settings.ts';
export { type NearLm, type NearLmOptions, openNearLm } from './near-lm.ts';
export type { Signs } from './signs.ts';
export { createSweep } from './sweep.ts';
export { defaultUserStore } from './user-store.ts';
