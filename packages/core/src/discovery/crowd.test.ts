import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MINUTE, mono } from '../time/index.ts';
import { createCrowd } from './crowd.ts';
import { guidText } from './guid.ts';

const guidOf = (index: number): string => guidText(createHash('sha256').update(`lm ${index}`).digest().subarray(0, 30));

describe('how many license managers are about (P7)', () => {
  it('counts a few of them exactly, however often each is heard', () => {
    const crowd = createCrowd();
    for (let round = 0; round < 5; round += 1) for (let index = 0; index < 40; index += 1) crowd.note(mono(round), guidOf(index));
    expect(crowd.size(mono(5))).toBe(40);
    expect(crowd.share(mono(5))).toBeCloseTo((32 / 40) ** 2);
  });

  it.each([100, 1_000, 10_000])('estimates %i within a third', (many) => {
    const crowd = createCrowd();
    for (let index = 0; index < many; index += 1) crowd.note(mono(index), guidOf(index));
    expect(crowd.size(mono(many))).toBeGreaterThan(many * 0.67);
    expect(crowd.size(mono(many))).toBeLessThan(many * 1.33);
    // The more there are, the fewer answer.
    expect(crowd.share(mono(many)) * many).toBeLessThan((2 * 32 ** 2) / many);
  });

  it('lets all answer where few are about, and forgets those who are not heard any more', () => {
    const crowd = createCrowd();
    expect(crowd.share(mono(0))).toBe(1);
    for (let index = 0; index < 1_000; index += 1) crowd.note(mono(0), guidOf(index));
    expect(crowd.share(mono(1))).toBeLessThan(0.1);
    expect(crowd.share(mono(7 * MINUTE))).toBeLessThan(0.1);
    expect(crowd.share(mono(14 * MINUTE))).toBe(1);
  });
});
