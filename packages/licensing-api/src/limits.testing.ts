import { type Surroundings, systemSurroundings } from './environment.ts';
import { createLimits, type Limit } from './limits.ts';
import { createOwnTime, type OwnTime } from './own-time.ts';

// Time and limits for tests of single parts.

export const testTime = (changed: Partial<Surroundings['time']> = {}): OwnTime => createOwnTime({ ...systemSurroundings.time, ...changed });
export const testLimit = (milliseconds = 10_000): Limit => createLimits(testTime()).begin(milliseconds);
