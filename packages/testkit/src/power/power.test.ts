import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, type TestContext } from 'vitest';
import { compileRecorder, cutLedgers, cutLms, type PowerReport } from './index.ts';

// S21: power loss. A slice of what `npm run prove` does a thousand times; SEED=... runs another one.

const seed = process.env['SEED'] ?? 'slice';
const folder = mkdtempSync(join(tmpdir(), 'keyhaven-power-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const recorder = compileRecorder(folder);
const planted = join(import.meta.dirname, 'planted-no-sync.ts');

const library = ({ skip }: TestContext): string => ('missing' in recorder ? skip(recorder.missing) : recorder.library);
const expectNothingLost = (report: PowerReport, cuts: number): void => {
  expect(report.faults).toEqual([]);
  expect(report.cuts).toBe(cuts);
  expect(report.acknowledged).toBeGreaterThan(cuts);
};

describe('power cuts at random moments (S21)', { timeout: 300_000 }, () => {
  it('lose nothing that a ledger of one owner acknowledged', async (context) => {
    expectNothingLost(
      await cutLedgers({ library: library(context), folder, seed, kind: 'owned', cuts: 16, length: 400, cutsPerRun: 8 }),
      16,
    );
  });
  it('lose nothing that a shared ledger acknowledged to any of its processes', async (context) => {
    expectNothingLost(
      await cutLedgers({ library: library(context), folder, seed, kind: 'shared', cuts: 12, length: 300, cutsPerRun: 6 }),
      12,
    );
  });
  it('lose no identity, license, execution, memory, loan or return that a license manager acknowledged', async (context) => {
    expectNothingLost(await cutLms({ library: library(context), folder, seed, cuts: 12 }), 12);
  });

  it.for(['owned', 'shared'] as const)('find the mistake where SQLite waits for no disk (%s)', async (kind, context) => {
    const report = await cutLedgers({
      library: library(context),
      folder,
      seed: `planted-${seed}`,
      kind,
      cuts: 20,
      length: 200,
      preload: planted,
    });
    expect(report.faults.join('\n')).toMatch(/acknowledged login \d+ is lost|does not start/);
  });
});
