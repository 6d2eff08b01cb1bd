import { expect, it } from 'vitest';
import { createRandom } from '../world/random.ts';
import { SEATS_RULES, seatsMachine, walk } from './index.ts';

const BOUNDS = { seats: 2, holders: 3, sessions: 2, ids: 3, local: true, late: true, steps: 6 };

it('the same seed walks the same way, and another one another (I7)', () => {
  const walked = (seed: string) => walk(seatsMachine(BOUNDS), createRandom(seed), 2_000);
  expect(walked('a')).toEqual(walked('a'));
  expect(walked('a').violation).toBeUndefined();
  expect(walked('b').digest).not.toBe(walked('a').digest);
});

it('a walk that meets a mistake says how it got there', () => {
  const wrong = seatsMachine(BOUNDS, { ...SEATS_RULES, answers: 'decided' });
  const found = Array.from({ length: 20 }, (_, seed) => walk(wrong, createRandom(String(seed)), 2_000)).find(({ violation }) => violation);
  expect(found?.violation?.fault).toMatch(/^I[23]/);
  expect(found?.violation?.trace).toHaveLength(found?.events ?? 0);
});
