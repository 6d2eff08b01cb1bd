export { type Key, type KeyLicense, type Pool, poolName, READ_ONLY_FILE, READ_WRITE_FILE, sizeOf } from './key.ts';
export { type Keystore, openKeystore } from './keystore.ts';
export { type MemoryRow, memoryRow } from './rows.ts';
export type { KeyTransfers } from './transfers.ts';
