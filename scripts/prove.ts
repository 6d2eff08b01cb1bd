// npm run prove [-- --minutes N] [--seed TEXT] [--jobs N] [--only WORD]
//
// The long proofs, of which `npm test` runs a short slice: every state of small sites, seeded simulations, power cuts, kill -9 of real processes.
// Prints a line for each with what it looked at, and ends with `N passed, N failed`. Without --minutes each goes to its end, which takes hours; with it
// all together take about so long, each its share. --only takes those whose name has this word in it. A failure names the seed that plays it again.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { faults } from './prove/faults.ts';
import { models } from './prove/models.ts';
import type { Proof } from './prove/proof.ts';
import { runs } from './prove/runs.ts';
import { preparePrograms } from './workshop/programs.ts';

const USAGE = 'usage: npm run prove -- [--minutes N] [--seed TEXT] [--jobs N] [--only WORD]';

const fail = (message: string): never => {
  console.error(`${message}\n${USAGE}`);
  process.exit(2);
};
const optionsOf = () => {
  try {
    return parseArgs({
      options: { minutes: { type: 'string' }, seed: { type: 'string' }, jobs: { type: 'string' }, only: { type: 'string' } },
    }).values;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
};
const positive = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number(text);
  return value > 0 && Number.isFinite(value) ? value : fail(`--${name} must be a number above 0, not ${JSON.stringify(text)}.`);
};

const options = optionsOf();
const minutes = positive('minutes', options.minutes);
const jobs = Math.max(1, Math.floor(positive('jobs', options.jobs) ?? availableParallelism()));
const seed = options.seed ?? new Date().toISOString().slice(0, 16);
const chosen = [...models, ...runs, ...faults].filter(({ name }) => options.only === undefined || name.includes(options.only));
if (chosen.length === 0) fail(`No proof has ${JSON.stringify(options.only)} in its name.`);

if (chosen.some((proof) => faults.includes(proof))) preparePrograms((line) => console.log(line));
console.log(`seed ${seed}, ${jobs} processes at a time${minutes === undefined ? '' : `, about ${minutes} minutes`}`);
const shares = chosen.reduce((sum, { share }) => sum + share, 0);
let [passed, failed] = [0, 0];
const prove = async ({ name, share, run }: Proof): Promise<void> => {
  const begun = performance.now();
  const budget = { seconds: minutes === undefined ? undefined : (minutes * 60 * share) / shares, seed, jobs };
  const {
    ok,
    figures,
    faults: found,
  } = await run(budget).catch((error: unknown) => ({
    ok: false,
    figures: 'it did not run',
    faults: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
  }));
  if (ok) passed += 1;
  else failed += 1;
  console.log(`${ok ? 'holds' : 'FAILS'}  ${name}: ${figures}, ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
  for (const fault of found) console.log(fault.replace(/^/gm, '       '));
};
for (const proof of chosen) await prove(proof);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
