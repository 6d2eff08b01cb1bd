import { LEASE_MS } from '@keyhaven/core/lease';
import { decideLogin } from '@keyhaven/core/seats';
import { describe, expect, it } from 'vitest';
import { explore, SEATS_RULES, type SeatsBounds, type SeatsRules, seatsMachine, violationText } from './index.ts';

// S20, I1, I2, I3: every state of a small site. `npm run prove` has larger ones.

const SMALL: SeatsBounds = { seats: 1, holders: 1, sessions: 1, ids: 1, local: false, late: false, steps: 2 };

describe('seats between license managers, every reachable state', { timeout: 300_000 }, () => {
  it('grant no seat twice and lose none that is believed in, whoever crashes and whatever is lost', () => {
    const found = explore(seatsMachine(SMALL));
    expect(violationText(found)).toMatch(/nothing wrong/);
    expect(found.complete).toBe(true);
    expect(found.states).toBeGreaterThan(10_000);
  });
  it('likewise in the first steps of a site where all compete and requests are late', () => {
    const found = explore(seatsMachine({ ...SMALL, holders: 2, ids: 2, local: true, late: true }), { states: 30_000 });
    expect(violationText(found)).toMatch(/nothing wrong/);
  });
});

// A checker that finds no mistake proves nothing: each of these is one that was made, or could be.
const COMPETING: SeatsBounds = { ...SMALL, local: true };
type Mistake = { readonly rules: Partial<SeatsRules>; readonly fault: RegExp; readonly bounds?: Partial<SeatsBounds> };
const MISTAKES: Readonly<Record<string, Mistake>> = {
  'the term of the owner is shorter than that of the holder': { rules: { ownerTermMs: LEASE_MS / 2 }, fault: /I2/ },
  'the holder believes for the whole term, though clocks drift': { rules: { holderTermMs: (LEASE_MS + 1_000) / 0.99 }, fault: /I2/ },
  'the holder counts from the answer': { rules: { countsFrom: 'answer' }, fault: /I2/ },
  'a login is answered before it is durable': { rules: { answers: 'decided' }, fault: /I3/ },
  'a start ends the sessions of others': { rules: { restart: 'ends them' }, fault: /I2/ },
  'a session that came while the list was on its way has no term': { rules: { doubt: 'not at all' }, fault: /I2/ },
  'a late list by an earlier link is served': {
    rules: { earlierLinks: 'served' },
    fault: /I2/,
    bounds: { local: false, late: true },
  },
  'one seat too many is granted': {
    rules: {
      decideLogin: (rows, command, time) =>
        decideLogin(rows, { ...command, ...(command.terms === undefined ? {} : { terms: { ...command.terms, seats: 2 } }) }, time),
    },
    fault: /I1: 2 of 1/,
  },
  'a repeated login takes a seat again': {
    rules: {
      decideLogin: (rows, command, time) =>
        decideLogin({ get: (key) => (key.includes('/session/') ? undefined : rows.get(key)) }, command, time),
    },
    fault: /I1: the pool says/,
    bounds: { seats: 2 },
  },
};

describe('the explorer finds it where', { timeout: 300_000 }, () => {
  it.each(Object.entries(MISTAKES))('%s', (_, { rules, fault, bounds = {} }) => {
    const found = explore(seatsMachine({ ...COMPETING, ...bounds }, { ...SEATS_RULES, ...rules }), { states: 200_000 });
    expect(violationText(found)).toMatch(fault);
    expect(found.violation?.trace).toHaveLength(found.depth);
  });
});
