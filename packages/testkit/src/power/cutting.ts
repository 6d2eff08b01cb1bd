import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, type Random } from '../world/random.ts';
import { record } from './recording.ts';

// Power cuts at random moments of recorded runs, and a look at what each of them left (S21).

export type PowerReport = {
  readonly cuts: number;
  /** Acknowledgements that were looked for afterwards, over all cuts. */
  readonly acknowledged: number;
  /** Changes to files, and syncs, in all runs. */
  readonly records: number;
  /** What was lost, a sentence each with where; at most ten. */
  readonly faults: readonly string[];
};

export type CutOptions = {
  /** As `compileRecorder` made it. */
  readonly library: string;
  /** For what is made meanwhile. */
  readonly folder: string;
  readonly seed: string;
  readonly cuts: number;
  readonly cutsPerRun?: number;
  /** Enough, whatever is left to do. */
  readonly isOver?: () => boolean;
};

export type Subject = {
  /** The processes of one run, as arguments of Node.js; each changes files below `root` and kills itself at its end. */
  commands(root: string, random: Random): readonly (readonly string[])[];
  /** What is wrong below `root` after a cut. */
  faultsOf(root: string, acknowledged: readonly string[]): Promise<readonly string[]>;
  /** Whether a later run may begin with what a cut left. */
  readonly goesOn: boolean;
};

const FAULTS = 10;
/** Runs on what cuts left, one after the other, before one begins with nothing again. */
const GENERATIONS = 4;

export const cutPower = async (name: string, options: CutOptions, subject: Subject): Promise<PowerReport> => {
  const { library, folder, seed, cutsPerRun = 20, isOver = () => false } = options;
  const faults: string[] = [];
  let [cuts, total, records] = [0, 0, 0];
  let begin: string | undefined;
  let before: readonly string[] = [];
  for (let run = 0; cuts < options.cuts && faults.length < FAULTS && !isOver(); run += 1) {
    const random = createRandom(`${seed}/${name}/${run}`);
    const root = begin ?? join(folder, `${name}-${run}`);
    mkdirSync(root, { recursive: true });
    const recording = await record(library, root, subject.commands(root, random));
    records += recording.records;
    const count = Math.min(cutsPerRun, options.cuts - cuts);
    const moments = Array.from({ length: count }, () => random.below(recording.records + 1)).sort((a, b) => a - b);
    const goesOn = subject.goesOn && run % GENERATIONS !== GENERATIONS - 1 ? random.below(count) : -1;
    let next: { readonly root: string; readonly acknowledged: readonly string[] } | undefined;
    for (const [index, moment] of moments.entries()) {
      if (isOver()) break;
      const left = join(folder, `${name}-${run}-cut-${index}`);
      const acknowledged = [...before, ...recording.cut(moment, left, random).acknowledged];
      total += acknowledged.length;
      cuts += 1;
      const found = await subject.faultsOf(left, acknowledged).catch((error: unknown) => [`it does not start: ${String(error)}`]);
      const where = `${name}, seed ${seed}, run ${run}, cut ${index} at record ${moment} of ${recording.records}`;
      faults.push(...found.slice(0, 3).map((fault) => `${where}: ${fault}`));
      if (index === goesOn) next = { root: left, acknowledged };
      else rmSync(left, { recursive: true, force: true });
    }
    begin = next?.root;
    before = next?.acknowledged ?? [];
  }
  return { cuts, acknowledged: total, records, faults: faults.slice(0, FAULTS) };
};
