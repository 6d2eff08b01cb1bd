import { type NearReport, type Report, type SimulationOptions, simulate, simulateNear } from '@keyhaven/testkit/world';
import { expect, it } from 'vitest';

// Seeded runs for the tests of the simulated site; packages/testkit/src/world/watch.ts says what is looked at after every event. A failure prints its
// seed, and `SEED=... npx vitest run FILE` plays that one alone. `npm run prove` plays as many as there is time for.

export const given = process.env['SEED'];
/** Of `count` runs, those of one file of several, which are played at the same time. */
export const seedsFrom = (first: number, count: number): readonly string[] =>
  given === undefined ? Array.from({ length: count }, (_, index) => String(first + index)) : [given];

/** Together the files play more than a million events. */
const ENOUGH = 8_000;

export const playSite = (seeds: readonly string[], options: Omit<SimulationOptions, 'seed'>): void => {
  it.each(seeds)('keeps its invariants through every event of seed %s', async (seed) => {
    const report: Report = await simulate({ ...options, seed });
    expect(report.steps).toBeGreaterThan(ENOUGH);
    expect(report.logins).toBeGreaterThan(10);
  });
};
export const playNear = (seeds: readonly string[], options: { readonly minutes: number; readonly applications: number }): void => {
  it.each(seeds)('keeps its invariants through every event of seed %s', async (seed) => {
    const report: NearReport = await simulateNear({ ...options, seed });
    expect(report.steps).toBeGreaterThan(ENOUGH);
    expect(report.logins).toBeGreaterThan(10);
  });
};
