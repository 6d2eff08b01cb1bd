import { describe } from 'vitest';
import { playNear, seedsFrom } from './simulation.ts';

describe('near license managers that share a store, killed and stopped at any moment (T3, T4)', { timeout: 300_000 }, () => {
  playNear(seedsFrom(301, 12), { minutes: 15, applications: 6 });
});
