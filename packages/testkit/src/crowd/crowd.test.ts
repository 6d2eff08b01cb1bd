import { describe, expect, it } from 'vitest';
import { simulateCrowd } from './index.ts';

describe('many license managers (P7)', () => {
  const flat = [50, 100, 300].map((count) => simulateCrowd({ count, servers: 4, seed: 1 }));
  const spread = [250, 1_000].map((count) => simulateCrowd({ count, servers: 4, seed: 1, perSubnet: 50 }));

  it('all find those with keys after a common power-up, on one subnet and on several (R1)', () => {
    expect([...flat, ...spread].map(({ blind }) => blind)).toEqual([0, 0, 0, 0, 0]);
  });

  it('a new key is told to all within 100 ms', () => {
    for (const { known } of [...flat, ...spread]) {
      expect(known).toBeGreaterThan(0);
      expect(known).toBeLessThan(100);
    }
  });

  it('datagrams grow with the number of LMs and not faster, per interval and at power-up', () => {
    for (const [small, large] of [
      [flat[1], flat[2]],
      [spread[0], spread[1]],
    ]) {
      if (small === undefined || large === undefined) throw new Error('nothing was simulated');
      const growth = large.count / small.count;
      expect(large.perInterval / small.perInterval).toBeLessThan(growth * 1.2);
      expect(large.powerUp / small.powerUp).toBeLessThan(growth * 1.2);
      expect(large.burst / small.burst).toBeLessThan(growth * 1.3);
    }
  });

  it('the same seed gives the same run (I7)', () => {
    expect(simulateCrowd({ count: 40, servers: 2, seed: 7 })).toEqual(simulateCrowd({ count: 40, servers: 2, seed: 7 }));
  });
});
