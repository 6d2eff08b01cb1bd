// npm run check [-- --fix]   everything static: types, lint, format, unused code, and what committed files must not hold.
// The layers and the purity of core are tests (test/architecture); they are run here too, so that one command says it all.
// With --fix, formatting, the order of imports and gaps in package-lock.json are put right first.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { committedFaults } from './workshop/committed.ts';
import { completeLockfile, lockfileFaults } from './workshop/lockfile.ts';

type Outcome = { readonly ok: boolean; readonly output: string };
type Check = { readonly name: string; readonly run: () => Promise<Outcome> };

const root = join(import.meta.dirname, '..');
const lockfile = join(root, 'package-lock.json');
const tool = (path: string): string => join(root, 'node_modules', path);

/** Runs a JavaScript program under this Node.js and keeps what it prints. */
function node(script: string, args: readonly string[]): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const child = spawn(process.execPath, [script, ...args], {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => parts.push(part));
  child.on('error', (error) => resolve({ ok: false, output: error.message }));
  child.on('close', (status) => resolve({ ok: status === 0, output: stripVTControlCharacters(Buffer.concat(parts).toString()) }));
  return promise;
}

const biome = (args: readonly string[]): Promise<Outcome> => node(tool('@biomejs/biome/bin/biome'), [...args, '--colors=off']);

const CHECKS: readonly Check[] = [
  { name: 'types', run: () => node(tool('typescript/bin/tsc'), ['--noEmit', '-p', '.', '--pretty', 'false']) },
  {
    name: 'types of the pages',
    run: () => node(tool('typescript/bin/tsc'), ['--noEmit', '-p', 'packages/control-center', '--pretty', 'false']),
  },
  { name: 'lint', run: () => node(tool('oxlint/bin/oxlint'), []) },
  { name: 'format', run: () => biome(['ci', '--reporter=summary']) },
  { name: 'unused code', run: () => node(tool('knip/bin/knip.js'), ['--no-progress', '--no-config-hints']) },
  {
    name: 'layers',
    run: () => node(tool('vitest/vitest.mjs'), ['run', '--project=unit', '--reporter=dot', 'test/architecture/layers.test.ts']),
  },
  {
    name: 'committed files',
    run: async () => {
      const faults = [...lockfileFaults(lockfile), ...(await committedFaults(root))];
      return { ok: faults.length === 0, output: faults.join('\n') };
    },
  },
];

async function timed({ name, run }: Check): Promise<boolean> {
  const started = performance.now();
  const { ok, output } = await run();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
  if (!ok) console.log(`${output.trimEnd().replace(/^/gm, '     ')}\n`);
  return ok;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg !== '--fix')) {
    console.error('usage: npm run check [-- --fix]');
    return 2;
  }
  if (args.includes('--fix')) {
    completeLockfile(lockfile);
    const { ok, output } = await biome(['check', '--write', '--max-diagnostics=30']);
    console.log(ok ? 'Formatted.' : `Formatting failed.\n${output}`);
  }
  const results = await Promise.all(CHECKS.map(timed));
  const failed = results.filter((ok) => !ok).length;
  console.log(failed === 0 ? `All ${results.length} checks hold.` : `${failed} of ${results.length} checks failed.`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
