import { describe, expect, it } from 'vitest';
import { explore, LENDING_RULES, type LendingBounds, type LendingRules, lendingMachine, violationText } from './index.ts';

// K5, S20, I1: every state of one detachment, with a clock that is set once. `npm run prove` has larger ones.

const SMALL: LendingBounds = {
  sold: 1,
  seats: [1],
  durations: [1],
  hours: 5,
  detachments: 1,
  jumps: 1,
  stops: 0,
  ids: 1,
  uses: false,
  wrong: [-1, 0, 48],
};

describe('a detached license, every reachable state', { timeout: 300_000 }, () => {
  it('is never used on both sides at once, whichever way the clocks are set', () => {
    const found = explore(lendingMachine(SMALL));
    expect(violationText(found)).toMatch(/nothing wrong/);
    expect(found.complete).toBe(true);
    expect(found.states).toBeGreaterThan(30_000);
  });
  it('likewise in the first steps where computers stop, files overtake each other and seats are many', () => {
    const larger = { ...SMALL, sold: 2, seats: [1, 2], durations: [1, 2], detachments: 2, jumps: 2, stops: 1, ids: 2, uses: true };
    expect(violationText(explore(lendingMachine(larger), { states: 60_000 }))).toMatch(/nothing wrong/);
  });
});

// A checker that finds no mistake proves nothing.
const MISTAKES: Readonly<Record<string, Partial<LendingRules>>> = {
  'the owner believes a clock that is set ahead': { ignores: ['counted time'] },
  'the owner believes that the ID was made now': { idMade: 'now' },
  'a recipient that gave back goes on': { givesBack: 'writes the file' },
};

describe('the explorer finds it where', { timeout: 300_000 }, () => {
  it.each(Object.entries(MISTAKES))('%s', (_, rules) => {
    const found = explore(lendingMachine(SMALL, { ...LENDING_RULES, ...rules }));
    expect(violationText(found)).toMatch(/I1: both sides together may use 2 of 1/);
    expect(found.violation?.trace).toHaveLength(found.depth);
  });
});
