import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Budget, grouped, type Proof } from './proof.ts';

// Seeded runs (S20, I1 to I3, I6, I7), spread over processes. An event is one thing that happens in the simulated world: bytes or a request arrive, a commit
// ends, a timer fires, a process begins, dies, stops or goes on, a cable is pulled, a clock is set. Of the rules alone it is one move of the model. After
// each of them every invariant is looked at.

const RUN = join(import.meta.dirname, 'run.ts');
type Told = { readonly played: number; readonly runs: number; readonly faults: readonly string[] };

const child = async (what: string, { seed, seconds, jobs }: Budget, first: number, events: number): Promise<Told> => {
  const args = [RUN, what, seed, first, jobs, events, seconds ?? 0].map(String);
  const running = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  running.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const [status] = (await once(running, 'close')) as [number | null];
  if (status !== 0) return { played: 0, runs: 0, faults: [`${what}: the process ended with ${status ?? 'a signal'}`] };
  return JSON.parse(text) as Told;
};

const proof = (name: string, what: string, share: number, events: number): Proof => ({
  name,
  share,
  async run(budget) {
    const begun = performance.now();
    const told = await Promise.all(Array.from({ length: budget.jobs }, (_, job) => child(what, budget, job, events / budget.jobs)));
    const sum = (of: (each: Told) => number): number => told.reduce((total, each) => total + of(each), 0);
    const faults = told.flatMap((each) => each.faults);
    const [played, runs, taken] = [sum((each) => each.played), sum((each) => each.runs), (performance.now() - begun) / 1_000];
    return {
      ok: faults.length === 0 && played > 0,
      figures: `${grouped(played)} events in ${grouped(runs)} runs, ${grouped(Math.round(played / taken))} a second`,
      faults,
    };
  },
});

export const runs: readonly Proof[] = [
  proof('seeded walks through the rules of seats and leases', 'seats', 5, 200_000_000),
  proof('seeded walks through the rules of lending and clocks', 'loans', 5, 200_000_000),
  proof('seeded simulation of a site', 'site', 15, 60_000_000),
  proof('seeded simulation of a site that lends and sets its clocks', 'lending', 15, 30_000_000),
  proof('seeded simulation of near license managers', 'near', 5, 10_000_000),
];
