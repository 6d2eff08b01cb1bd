import { describe, expect, it } from 'vitest';
import { createTurns } from './shared-turns.ts';

describe('the manners of processes that share a file', () => {
  it('leave it alone for a while after 20 ms of work without a pause, once', () => {
    const turns = createTurns(() => 0.5);
    const pauses: number[] = [];
    let now = 0;
    for (let round = 0; round < 60; round += 1) {
      const pause = turns.pause(now);
      now += pause + 1;
      turns.ended(now);
      pauses.push(pause);
    }
    expect(pauses.filter((pause) => pause > 0)).toEqual([6, 6]);
    expect(pauses.indexOf(6)).toBe(20);
    expect(pauses.lastIndexOf(6)).toBe(41);
  });

  it('begin anew after a rest, and after having been refused', () => {
    const turns = createTurns(() => 0);
    expect(turns.pause(0)).toBe(0);
    turns.ended(18);
    expect(turns.pause(22)).toBe(0);
    turns.ended(41);
    turns.nap(0);
    expect(turns.pause(43)).toBe(0);
    turns.ended(62);
    expect(turns.pause(64)).toBe(4);
  });

  it('sleep shorter when they have waited for long, and shorter than the others leave the file alone', () => {
    const most = createTurns(() => 0.999);
    expect(most.nap(0)).toBeGreaterThan(8);
    expect(most.nap(100)).toBeLessThan(4);
    expect(createTurns(() => 0).nap(0)).toBe(1);
  });
});
