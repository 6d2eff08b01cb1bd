export type { Applied, Beside } from './apply.ts';
export { overlay } from './apply.ts';
export { type Key, type KeyLicense, type Pool, poolName } from './key.ts';
export { type Keystore, openKeystore } from './keystore.ts';
export { putBytes } from './memory-load.ts';
export { licenseRow } from './rows.ts';
export type { KeyTransfers } from './transfers.ts';
export { type KeyTrials, trialName } from './trials.ts';
