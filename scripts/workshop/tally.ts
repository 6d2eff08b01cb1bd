// What a test run came to, and how it is told. Pure.

/** The environment variable that names the file between the reporter and `scripts/test.ts`. */
export const TALLY_FILE = 'KEYHAVEN_TEST_TALLY_FILE';

export type Tally = {
  passed: number;
  /** Tests, files and hooks that failed, and errors that no test caught. */
  failed: number;
  /** Left out by a name pattern on the command line. */
  unselected: number;
  skipped: { name: string; reason: string }[];
};

export type Verdict = { readonly lines: readonly string[]; readonly status: 0 | 1 };

/** `tally` is undefined when the run ended before it could report; `exit` is the run's own status, null after a signal. */
export function verdict(tally: Tally | undefined, exit: number | null): Verdict {
  const lines: string[] = [];
  const { passed, failed, unselected, skipped } = tally ?? { passed: 0, failed: 0, unselected: 0, skipped: [] };
  const reasons = Map.groupBy(skipped, ({ reason }) => reason);
  for (const [reason, tests] of reasons) {
    lines.push(`Skipped (${reason}):`, ...tests.map(({ name }) => `  ${name}`));
  }
  if (unselected > 0) lines.push(`Not selected: ${unselected}.`);

  let failures = failed;
  if (failures === 0) {
    const trouble =
      tally === undefined
        ? 'The test run ended before it could report.'
        : exit !== 0
          ? `The test run ended with ${exit === null ? 'a signal' : `status ${exit}`} although no test failed.`
          : passed === 0
            ? 'No test ran.'
            : undefined;
    if (trouble !== undefined) {
      lines.push(`${trouble} That counts as one failure.`);
      failures = 1;
    }
  }
  lines.push(`${passed} passed, ${failures} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`);
  return { lines, status: failures === 0 ? 0 : 1 };
}
