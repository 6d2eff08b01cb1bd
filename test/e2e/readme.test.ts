import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createTestVendor, freeTcpPort, startLocalLm } from '@keyhaven/testkit/local-lm';
import { describe, expect, it, onTestFinished } from 'vitest';

// What README and the guide tell people to type is typed here.

const ROOT = join(import.meta.dirname, '../..');
const KEYHAVEN = join(ROOT, 'packages/cli/bin/keyhaven.js');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map(([, block = '']) => block);

/** Stands in for npx, which finds the same program but takes its time, and moves the LM to a port of the test. */
const NPX = `
npx() {
  shift
  case $1 in
    lm) set -- "$@" --bind 127.0.0.1 --port $PORT --config $CONFIG ;;
    c2v|apply|features) set -- "$@" --lm 127.0.0.1:$PORT ;;
  esac
  $RUN "$NODE" "${KEYHAVEN}" "$@"
}
set -e
`;

describe('README', () => {
  it('gives a first license in eight commands that work as they stand there', async () => {
    const [serve = '', work = ''] = blocks(read('README.md'), 'sh');
    expect([...`${serve}${work}`.matchAll(/npx keyhaven/g)]).toHaveLength(8);
    const directory = await mkdtemp(join(tmpdir(), 'keyhaven-readme-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    await mkdir(join(directory, 'demo'));
    const config = join(directory, 'quiet.toml');
    await writeFile(config, '[search]\nbroadcast = false\n');
    const port = String(await freeTcpPort());
    const env = { ...process.env, PORT: port, CONFIG: config, NODE: process.execPath, KEYHAVEN_LOCAL_LM: `127.0.0.1:${port}` };

    const lm = spawn('sh', ['-c', `${NPX}${serve}`], {
      cwd: directory,
      env: { ...env, RUN: 'exec' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(lm, 'exit');
    onTestFinished(async () => {
      lm.kill('SIGTERM');
      await ended;
    });
    const [ready] = (await once(lm.stdout, 'data')) as [Buffer];
    expect(ready.toString()).toMatch(/^ready /);

    const shell = spawn('sh', ['-c', `${NPX}${work}`], { cwd: directory, env: { ...env, RUN: '' }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [status] = (await once(shell, 'close')) as [number];
    expect(status, output).toBe(0);
    expect(output).toMatch(/^session [0-9a-f]{32} on key \d+ at /m);
    expect(output).toMatch(/^ *42 +Echo sounder .* perpetual +0 +5 /m);
  });

  it('and the guides link only to what is there', () => {
    const guides = readdirSync(join(ROOT, 'docs/guide')).map((name) => `docs/guide/${name}`);
    for (const file of ['README.md', 'CHANGELOG.md', ...guides]) {
      const links = [...read(file).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => join(dirname(file), link));
      expect(links.filter((link) => !existsSync(join(ROOT, link)))).toEqual([]);
    }
  });
});

describe('the guide to the Licensing API', () => {
  it('has an example that runs', async () => {
    const vendor = createTestVendor(`
products:
  - id: 1
    name: Survey
    features: [{ id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 1 } }]
    memory: { readWrite: 64, readOnly: 16 }
`);
    await using local = await startLocalLm();
    const key = await local.license(vendor);
    const [example = ''] = blocks(read('docs/guide/licensing-api.md'), 'ts');
    // Beside the package, so that its name is found as in an application that has it installed.
    const run = async (program: string): Promise<string> => {
      const env = { ...process.env, KEYHAVEN_LOCAL_LM: `127.0.0.1:${local.port}` };
      const child = spawn(process.execPath, ['--input-type=module-typescript', '-'], {
        cwd: ROOT,
        env,
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stdin.end(program.replace('THE VENDOR CODE', vendor.vendorCode));
      expect(await once(child, 'close')).toEqual([0, null]);
      return output;
    };
    expect(await run(example)).toBe(`feature 42 from key ${key} at test-lm\nonly with the key\n1 2 3\n`);
    expect(local.lm.authority.sessionCount).toBe(0);
    expect(await run(example.replace('feature: 42', 'feature: 77'))).toMatch(/^31 FEATURE_NOT_FOUND: /);
  });
});
