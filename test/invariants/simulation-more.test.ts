import { describe } from 'vitest';
import { playSite, seedsFrom } from './simulation.ts';

describe('a simulated site with crashes, partitions, loss, delay and duplication', { timeout: 300_000 }, () => {
  playSite(seedsFrom(101, 5), { minutes: 10, applications: 20 });
});
