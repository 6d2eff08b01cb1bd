import { homedir } from 'node:os';
import { userStoreDirectory } from '@keyhaven/core/hosts';

/** Where this user's keys of the vendor are (T1). */
export const defaultUserStore = (vendor: number): string => userStoreDirectory(process.env, process.platform, homedir(), vendor);
