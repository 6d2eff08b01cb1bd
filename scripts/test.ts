// npm test [-- ARGUMENT ...]   every test, or those that the arguments for vitest select.
//
// Installs the programs that tests use, runs vitest, says why each skipped test was skipped, and ends with the line
// `N passed, N failed` (`, N skipped` may follow). The status is 0 only when something ran and nothing failed.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnvironment } from './workshop/clean-environment.ts';
import { preparePrograms } from './workshop/programs.ts';
import { TALLY_FILE, type Tally, verdict } from './workshop/tally.ts';

const root = join(import.meta.dirname, '..');

function readTally(file: string): Tally | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Tally;
  } catch {
    return undefined;
  }
}

async function run(args: readonly string[], tallyFile: string): Promise<number | null> {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts/workshop/test-reporter.ts')}`];
  const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...args], {
    cwd: root,
    env: { ...cleanEnvironment(process.env), [TALLY_FILE]: tallyFile },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  // Interrupted, the last line is still told. Ctrl-C reaches vitest by itself.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const [status] = (await once(child, 'exit')) as [number | null];
  return status;
}

preparePrograms((line) => console.log(line));
const folder = mkdtempSync(join(tmpdir(), 'keyhaven-test-'));
const tallyFile = join(folder, 'tally.json');
try {
  const status = await run(process.argv.slice(2), tallyFile);
  const { lines, status: own } = verdict(readTally(tallyFile), status);
  console.log(lines.join('\n'));
  process.exitCode = own;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
