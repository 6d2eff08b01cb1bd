import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { cleanInPlace } from './scripts/workshop/clean-environment.ts';

// Before a process for tests is started, however vitest itself was.
cleanInPlace(process.env);

// What is measured by the clock with little room, or takes all of the computer: alone.
const ALONE = [
  'acc-crowd',
  'acc-safety',
  'bad-input',
  'datagrams',
  'external-crowd',
  'known-everywhere',
  'notification',
  'restart',
  'seats',
  'story',
].map((name) => `test/e2e/${name}.test.ts`);

// When a test stops waiting: long enough for a computer that is slow and busy. What Keyhaven promises in time is expected in the tests themselves.
const HANG_MS = 60_000;

/** The file that waits for three real minutes begins, so that the others run beside it. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const waits = ({ moduleId }: TestSpecification): number => (moduleId.endsWith('three-minutes.test.ts') ? 0 : 1);
    return (await super.sort(files)).toSorted((one, other) => waits(one) - waits(other));
  }
}

// Three projects, one after the other: `unit` beside the code, in parallel; `e2e`, real processes on real hosts, which wait for each other most of the
// time, some files at a time; `alone`, one file at a time.
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/**/*.test.ts', 'test/{architecture,errors,invariants}/**/*.test.ts'],
          exclude: ['**/node_modules/**'],
          pool: 'forks',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: HANG_MS } },
          maxWorkers: '100%',
          // Not 0: on one core vitest would run this group last.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: ALONE,
          pool: 'forks',
          maxWorkers: 3,
          testTimeout: 480_000,
          hookTimeout: 480_000,
          expect: { poll: { timeout: HANG_MS } },
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'alone',
          include: ALONE,
          pool: 'forks',
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 480_000,
          hookTimeout: 480_000,
          expect: { poll: { timeout: HANG_MS } },
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
