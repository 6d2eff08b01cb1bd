export { type Key, type KeyLicense, type Pool, poolName, READ_ONLY_FILE, READ_WRITE_FILE, sizeOf } from './key.ts';
export { type Keystore, type MemoryRow, memoryRow, openKeystore } from './keystore.ts';
