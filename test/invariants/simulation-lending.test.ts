import { describe } from 'vitest';
import { playSite, seedsFrom } from './simulation.ts';

describe('a simulated site where licenses are lent and given back, and clocks are set (K5)', { timeout: 300_000 }, () => {
  playSite(seedsFrom(201, 8), { minutes: 10, applications: 14, lends: true });
});
