import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { externalLmFile } from '@keyhaven/core/hosts';
import { createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { placeFile } from './near-site.ts';

// Every program of docs/guide/sdk.md, as it stands there, beside a real license manager. That of a key on another computer: sdk-guide-remote.test.ts.

const ROOT = join(import.meta.dirname, '../..');
const guide = readFileSync(join(ROOT, 'docs/guide/sdk.md'), 'utf8');
const blockOf = (name: string): string => {
  const [, text] = new RegExp(`^\`\`\`${name}\\n([^]*?)^\`\`\``, 'm').exec(guide) ?? [];
  if (text === undefined) throw new Error(`the guide has no block ${name}`);
  return text;
};
const catalog = (seats = 1): string => `
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: ${seats} } }
      - { id: 43, name: Reports, license: { type: executions, count: 2 } }
      - { id: 44, name: Old, license: { type: expiration, until: 2020-01-01 } }
    memory: { readWrite: 64, readOnly: 16 }
`;
const vendor = createTestVendor(catalog(), 7);
const root = mkdtempSync(join(tmpdir(), 'keyhaven-sdk-'));
let local: LocalLm;
let key: string;
let folders = 0;

beforeAll(async () => {
  // As in an application that has the packages installed.
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  local = await startLocalLm();
  key = await local.license(vendor);
});
afterAll(async () => {
  rmSync(root, { recursive: true, force: true });
  await local[Symbol.asyncDispose]();
});

const newFolder = (): string => {
  folders += 1;
  const folder = join(root, `application-${folders}`);
  mkdirSync(folder);
  return folder;
};

type Running = {
  readonly child: ChildProcess;
  /** Resolves when it has said so. */
  said(what: string | RegExp): Promise<void>;
  output(): string;
  /** Its exit status. */
  ended(): Promise<number | null>;
};
type Start = { readonly folder?: string; readonly words?: readonly string[]; readonly port?: number; readonly env?: NodeJS.ProcessEnv };

const start = (name: string, { folder = newFolder(), words = [], port = local.port, env = {} }: Start = {}): Running => {
  writeFileSync(join(folder, 'main.ts'), blockOf(`ts program=${name}`).replace('THE VENDOR CODE', vendor.vendorCode));
  const child = spawn(process.execPath, [join(folder, 'main.ts'), ...words], {
    cwd: folder,
    env: { ...process.env, KEYHAVEN_STATE: join(folder, 'state'), KEYHAVEN_LOCAL_LM: `127.0.0.1:${port}`, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const closed = once(child, 'close') as Promise<[number | null]>;
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  return {
    child,
    output: () => output,
    said: (what) => expect.poll(() => output, { timeout: 30_000, interval: 20 }).toMatch(what),
    ended: async () => (await closed)[0],
  };
};
/** To its end. */
const run = async (name: string, options: Start = {}): Promise<string> => {
  const running = start(name, options);
  running.child.stdin?.end();
  expect(await running.ended(), running.output()).toBe(0);
  return running.output();
};
/** Of the application that holds it, to its end. */
const holdSeat = async (): Promise<() => Promise<void>> => {
  const other = start('hold');
  await other.said('ready');
  return async () => {
    other.child.stdin?.end();
    expect(await other.ended()).toBe(0);
  };
};

/** A user with a key of his own. */
const activated = async (): Promise<{ readonly KEYHAVEN_STATE: string }> => {
  const folder = newFolder();
  const env = { KEYHAVEN_STATE: join(folder, 'state') };
  await run('activate', { folder, port: 9, env });
  writeFileSync(join(folder, 'license.v2c'), vendor.issue(readFileSync(join(folder, 'request.c2v'), 'utf8')));
  await run('activate', { folder, port: 9, env });
  return env;
};
const childrenOf = (pid = 0): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

describe('docs/guide/sdk.md', () => {
  it('which: tells the license manager, and how it was chosen', async () => {
    expect(await run('which')).toMatch(
      new RegExp(`^key ${key}, admin on test-lm\nadmin: asked\\. .*\nintegrated: not asked\\. .*\nexternal: not asked\\. .*\n$`),
    );
    expect(await run('which', { port: 9 })).toMatch(/^33 LOCAL_COMM_ERR: .*\nadmin: asked\. .*It said 33 .*\n(.*: not asked\. .*\n){2}$/);
    expect(await run('which', { env: { KEYHAVEN_DEBUG: 'select' } })).toMatch(
      /^keyhaven select, vendor 7, lm auto: Admin LM: asked\. .*\n/,
    );
  });

  it('hold: seals lines for as long as it lives, also across a restart of the license manager, and gives the seat back', async () => {
    const program = start('hold');
    await program.said('ready');
    program.child.stdin?.write('the first line of them\n');
    await program.said(/^[A-Za-z0-9+/=]{84}$/m);
    expect(local.lm.authority.sessionCount).toBe(1);
    await local.stop();
    await program.said('license manager away');
    await local.start();
    await program.said('license manager back');
    program.child.stdin?.write('short\n');
    await program.said(/back\n[A-Za-z0-9+/=]{76}$/m);
    program.child.stdin?.end();
    expect(await program.ended()).toBe(0);
    expect(local.lm.authority.sessionCount).toBe(0);
  });

  it('hold: says what it needs where there is none, and ends', async () => {
    const program = start('hold', { port: 9 });
    expect(await program.ended()).toBe(1);
    expect(program.output()).toMatch(/^This program needs a license\. .+\. .+\.\n$/);
  });

  it('poll: sees within a second that its session was ended, and takes another seat', async () => {
    const program = start('poll');
    await program.said('licensed\n');
    const [session] = JSON.parse(await local.ask('GET', '/api/v1/sessions')) as { readonly id: string }[];
    await local.ask('DELETE', `/api/v1/sessions/${session?.id}`);
    await program.said(/85 .*\nlicensed\n/);
    expect(local.lm.authority.sessionCount).toBe(1);
    // What comes back by itself costs no second seat: there is one.
    await local.stop();
    await program.said(/33 LOCAL_COMM_ERR\n/);
    await local.start();
    await program.said(/33 LOCAL_COMM_ERR\nlicensed\n/);
  });

  it('poll: where its External LM is killed, starts it again', async () => {
    const folder = newFolder();
    placeFile(await cachedExternalLm(), join(folder, externalLmFile(process.platform)));
    const program = start('poll', { folder, port: 9, env: await activated() });
    await program.said('licensed\n');
    const [external] = childrenOf(program.child.pid);
    process.kill(external ?? 0, 'SIGKILL');
    await program.said(/33 LOCAL_COMM_ERR\nlicensed\n/);
    expect(childrenOf(program.child.pid)).toHaveLength(1);
    expect(childrenOf(program.child.pid)).not.toEqual([external]);
  });

  it('burn: counts each job, and says when there are none left', async () => {
    const words = ['first', 'second', 'third'];
    expect(await run('burn', { words })).toBe('first done\nsecond done, 0 left\nAll executions are used up.\n');
    expect(await run('burn', { words })).toBe('All executions are used up.\n');
  });

  it('wait: stands in line, gets the seat; or is told not to want it any more', async () => {
    const giveBack = await holdSeat();
    const [patient, impatient] = [start('wait'), start('wait')];
    await Promise.all([patient.said('place '), impatient.said('place ')]);
    impatient.child.kill('SIGINT');
    expect(await impatient.ended()).toBe(0);
    expect(impatient.output()).toContain('not wanted any more');
    await giveBack();
    await patient.said(/^session [0-9a-f]{32}$/m);
    expect(await patient.ended()).toBe(0);
  });

  it('errors: sorts what it is told', async () => {
    const said = (feature: number, options: Start = {}): Promise<string> => run('errors', { words: [String(feature)], ...options });
    expect(await said(42)).toMatch(/^session /);
    expect(await said(77)).toMatch(/^31 FEATURE_NOT_FOUND: offer to buy or to activate\n.+\. .+\.\n$/);
    expect(await said(44)).toMatch(/^41 FEATURE_EXPIRED: offer to renew\n/);
    expect(await said(42, { port: 9 })).toMatch(/^33 LOCAL_COMM_ERR: try again: a license manager is away\n/);
    const giveBack = await holdSeat();
    expect(await said(42)).toMatch(/^38 TOO_MANY_USERS: wait for a seat, or try later\n/);
    await giveBack();
  });

  it('activate: asks for a key, takes what the vendor sends, and runs, each time it is started', async () => {
    const folder = newFolder();
    const options = { folder, port: 9 };
    expect(await run('activate', options)).toMatch(/^Send request\.c2v to the vendor/);
    const asked = readFileSync(join(folder, 'request.c2v'), 'utf8');
    expect(await run('activate', options), 'the same key until it is licensed').toMatch(/^Send request\.c2v/);
    writeFileSync(join(folder, 'license.v2c'), vendor.issue(asked, catalog(2)));
    const licensed = await run('activate', options);
    expect(licensed).toMatch(/^licensed by key \d+\n$/);
    // Three minutes have not passed, and each run took a seat only while it lived.
    expect(await run('activate', options)).toBe(licensed);
    expect(await run('activate', options)).toBe(licensed);
  });

  it('trace: has spans of its login, its call and its logout', async () => {
    const said = await run('trace');
    expect([...said.matchAll(/name: '(keyhaven\.\w+)'/g)].map(([, name]) => name)).toEqual(
      ['login', 'encrypt', 'logout'].map((call) => `keyhaven.${call}`),
    );
    expect(said).toContain(`'keyhaven.key': '${key}'`);
  });

  it('external: the file beside the application is used', async () => {
    const env = await activated();
    const checkout = newFolder();
    mkdirSync(join(checkout, 'application'));
    writeFileSync(join(checkout, 'application/main.ts'), blockOf('ts program=which').replace('THE VENDOR CODE', vendor.vendorCode));
    const made = await cachedExternalLm();
    const script = `
set -e
npm() { [ "$*" = "run build:external" ]; mkdir -p dist/external; ln -s "${made}" dist/external/keyhaven-external-lm; }
node() { "${process.execPath}" "$@"; }
${blockOf('sh external')}`;
    const shell = spawn('sh', ['-c', script], { cwd: checkout, env: { ...process.env, ...env, KEYHAVEN_LOCAL_LM: '127.0.0.1:9' } });
    let output = '';
    for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    expect(await once(shell, 'close'), output).toEqual([0, null]);
    expect(output).toMatch(/^key \d+, external on .+\nexternal: asked\. The user has a store of keys of this vendor\./);
    expect(existsSync(join(checkout, 'application/keyhaven-external-lm'))).toBe(true);
  });

  it('has no program that is not run', () => {
    const names = [...guide.matchAll(/^```(\w.*)$/gm)].map(([, name]) => name);
    const programs = ['which', 'hold', 'poll', 'burn', 'wait', 'activate', 'errors', 'trace'].map((name) => `ts program=${name}`);
    expect(new Set(names)).toEqual(new Set([...programs, 'sh external', 'ini file=keyhaven_37515.ini']));
  });
});
