import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileRecorder, cutLedgers, cutLms, type PowerReport } from '@keyhaven/testkit/power';
import { grouped, type Proof, type Result, timer } from './proof.ts';

// Faults of real programs and disks: power cuts that are played (S21), and kill -9 of real processes (S20, S21, S22).

type Cut = (of: {
  readonly library: string;
  readonly folder: string;
  readonly seed: string;
  readonly isOver: () => boolean;
}) => Promise<PowerReport>;

const power = (name: string, share: number, cuts: number, cut: Cut): Proof => ({
  name: `power cuts: ${name}`,
  share,
  async run({ seconds, seed }): Promise<Result> {
    const folder = mkdtempSync(join(tmpdir(), 'keyhaven-prove-'));
    try {
      const recorder = compileRecorder(folder);
      if ('missing' in recorder) return { ok: false, figures: 'nothing', faults: [recorder.missing] };
      const report = await cut({ library: recorder.library, folder, seed, isOver: timer(seconds) });
      const figures = `${grouped(report.cuts)} of ${grouped(cuts)} cuts, ${grouped(report.acknowledged)} acknowledgements looked for, ${grouped(report.records)} changes to files recorded`;
      return { ok: report.faults.length === 0 && report.cuts > 0, figures, faults: report.faults };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
});

/** Each kills real processes many times by itself. */
const CRASHES = [
  'packages/ledger/src/sqlite-crash.test.ts',
  'packages/ledger/src/shared-crash.test.ts',
  'packages/license-manager/src/near/crash.test.ts',
  'test/e2e/crash.test.ts',
  'test/e2e/update-crash.test.ts',
];
const ROUNDS = 10;
const ROOT = join(import.meta.dirname, '../..');

const crashes: Proof = {
  name: 'kill -9 of real processes',
  share: 10,
  async run({ seconds }) {
    const isOver = timer(seconds);
    const faults: string[] = [];
    let rounds = 0;
    do {
      const vitest = spawn(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=dot', ...CRASHES], {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let text = '';
      for (const stream of [vitest.stdout, vitest.stderr])
        stream.setEncoding('utf8').on('data', (part: string) => {
          text = (text + part).slice(-20_000);
        });
      const [status] = (await once(vitest, 'close')) as [number | null];
      rounds += 1;
      if (status !== 0) faults.push(text);
    } while (rounds < ROUNDS && !isOver() && faults.length === 0);
    return { ok: faults.length === 0, figures: `${rounds} rounds of ${CRASHES.length} files`, faults };
  },
};

export const faults: readonly Proof[] = [
  power('the ledger of one owner', 6, 350, (of) => cutLedgers({ ...of, kind: 'owned', cuts: 350 })),
  power('a ledger that processes share', 6, 350, (of) => cutLedgers({ ...of, kind: 'shared', cuts: 350 })),
  power('license managers', 12, 300, (of) => cutLms({ ...of, cuts: 300 })),
  crashes,
];
