import { MINUTE } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createDuplicates } from './duplicates.ts';

describe('other computers with the GUID of this one (R5)', () => {
  it('are told while they are heard and a quarter of an hour longer; what is proven has a name', () => {
    const clock = createSimulatedClock();
    const duplicates = createDuplicates(clock);
    expect(duplicates.heard('10.0.0.2')).toBe(true);
    expect(duplicates.heard('10.0.0.2'), 'no news').toBe(false);
    expect(duplicates.list()).toMatchObject([{ address: '10.0.0.2', host: null, proven: false }]);
    expect(duplicates.proven('yard', '10.0.0.2')).toBe(true);
    clock.advance(14 * MINUTE);
    duplicates.heard('10.0.0.2');
    clock.advance(14 * MINUTE);
    expect(duplicates.list()).toMatchObject([{ address: '10.0.0.2', host: 'yard', proven: true }]);
    clock.advance(MINUTE);
    expect(duplicates.list()).toEqual([]);
  });

  it('are sixteen at most, and invented ones push out no proven one', () => {
    const duplicates = createDuplicates(createSimulatedClock());
    duplicates.proven('yard', '10.0.0.2');
    for (let last = 0; last < 100; last += 1) duplicates.heard(`10.0.1.${last}`);
    expect(duplicates.list()).toHaveLength(16);
    expect(duplicates.list()).toContainEqual(expect.objectContaining({ host: 'yard', proven: true }));
  });
});
