import { simulate, simulateNear } from '@keyhaven/testkit/world';
import { describe, expect, it } from 'vitest';
import { given, playSite, seedsFrom } from './simulation.ts';

// I1, I2, I3 and I6 after every event of a simulated site. Other files of this name play others.

describe('a simulated site with crashes, partitions, loss, delay and duplication', { timeout: 300_000 }, () => {
  playSite(seedsFrom(1, 5), { minutes: 10, applications: 20 });

  it.each(given === undefined ? ['1', '2'] : [given])(
    'fails nobody in calm weather, and lets nobody who waits be overtaken (A4), with seed %s',
    async (seed) => {
      const report = await simulate({ minutes: 5, applications: 14, seed, calm: true });
      expect(report.calls).toBeGreaterThan(10);
      expect(report.places).toBeGreaterThan(10);
    },
  );
});

describe('I7', () => {
  it('the same seed gives the same run, event by event, and another seed another one', { timeout: 300_000 }, async () => {
    const short = { minutes: 2, applications: 10, lends: true };
    const [first, second, other] = [
      await simulate({ ...short, seed: 'same' }),
      await simulate({ ...short, seed: 'same' }),
      await simulate({ ...short, seed: 'other' }),
    ];
    expect(second).toEqual(first);
    expect(other.hash).not.toBe(first.hash);
    const near = { seed: 'same', minutes: 5, applications: 4 };
    expect(await simulateNear(near)).toEqual(await simulateNear(near));
  });
});
