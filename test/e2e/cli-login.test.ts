import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { inPty, noPty } from './pty.ts';

// keyhaven login as scripts and people use it: how it is held, how it ends, and what it says (INTERFACES).

const KEYHAVEN = join(import.meta.dirname, '../../packages/cli/bin/keyhaven.js');
const vendor = createTestVendor(`
products:
  - id: 1
    features:
      - { id: 42, license: { type: perpetual }, concurrency: { seats: 4 } }
      - { id: 43, license: { type: executions, count: 10 } }
`);
let lm: LocalLm;
beforeAll(async () => {
  lm = await startLocalLm();
  const c2v = await lm.ask('POST', '/api/v1/c2v', { vendorCode: vendor.vendorCode });
  await lm.ask('POST', '/api/v1/apply', vendor.issue(c2v));
});
afterAll(() => lm[Symbol.asyncDispose]());

type Login = {
  readonly child: ChildProcess;
  readonly lines: AsyncIterator<string>;
  readonly ended: Promise<number | null>;
  readonly stderr: () => string;
};
const start = (input: 'pipe' | 'ignore', ...more: readonly string[]): Login => {
  const child = spawn(
    process.execPath,
    [KEYHAVEN, 'login', '--vendor-code', vendor.vendorCode, '--lm', `127.0.0.1:${lm.port}`, '--json', ...more],
    { stdio: [input, 'pipe', 'pipe'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr?.on('data', (part: Buffer) => (stderr += part.toString()));
  const ended = once(child, 'close').then(() => child.exitCode);
  if (child.stdout === null) throw new Error('no standard output');
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](), ended, stderr: () => stderr };
};
const next = async ({ lines }: Login): Promise<Record<string, unknown>> => {
  const { value, done } = (await lines.next()) as { value?: string; done?: boolean };
  if (done === true || value === undefined) throw new Error('no more lines');
  return JSON.parse(value) as Record<string, unknown>;
};
const sessions = async (): Promise<readonly { readonly id: string }[]> =>
  JSON.parse(await lm.ask('GET', '/api/v1/sessions')) as { readonly id: string }[];
const holds = async (id: unknown): Promise<boolean> => (await sessions()).some((each) => each.id === id);

describe('keyhaven login', () => {
  it('logs out at the end of standard input, which may come at once, after its line', async () => {
    const login = start('ignore', '--feature', '42');
    const { status, session } = await next(login);
    expect(status).toBe(0);
    expect(await login.ended).toBe(0);
    expect(await holds(session)).toBe(false);
  });

  it('holds while standard input is open, whatever comes in, and logs out when it ends', async () => {
    const login = start('pipe', '--feature', '42');
    const { session } = await next(login);
    login.child.stdin?.write('hello\n'.repeat(10_000));
    expect(await holds(session)).toBe(true);
    login.child.stdin?.end();
    expect(await login.ended).toBe(0);
    expect(await holds(session)).toBe(false);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('logs out on %s', async (signal) => {
    const login = start('pipe', '--feature', '42');
    const { session } = await next(login);
    login.child.kill(signal);
    expect(await login.ended).toBe(0);
    expect(await holds(session)).toBe(false);
  });

  it('with --hold goes by the time alone: at once with 0, and not by the end of standard input', async () => {
    const once_ = start('pipe', '--feature', '42', '--hold', '0');
    expect(await next(once_)).toMatchObject({ status: 0 });
    expect(await once_.ended).toBe(0);
    const long = start('ignore', '--feature', '42', '--hold', '1d12h');
    const { session } = await next(long);
    // Another whole login takes longer than an end of standard input would need to be seen.
    expect(await start('ignore', '--feature', '42').ended).toBe(0);
    expect(await holds(session)).toBe(true);
    long.child.kill('SIGTERM');
    expect(await long.ended).toBe(0);
  });

  it('ends with 85, in JSON or in words, when an administrator kills its session', async () => {
    const login = start('pipe', '--feature', '42');
    const { session } = await next(login);
    await lm.ask('DELETE', `/api/v1/sessions/${String(session)}`);
    expect(await next(login)).toMatchObject({ status: 85, name: 'KILLED_SESSION', remedy: expect.any(String) as string });
    expect(await login.ended).toBe(1);

    const plain = spawn(
      process.execPath,
      [KEYHAVEN, 'login', '--vendor-code', vendor.vendorCode, '--lm', `localhost:${lm.port}`, '--feature', '42'],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    onTestFinished(() => void plain.kill('SIGKILL'));
    let stderr = '';
    plain.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
    const [said] = (await once(createInterface({ input: plain.stdout }), 'line')) as [string];
    const closed = once(plain, 'close');
    await lm.ask('DELETE', `/api/v1/sessions/${/session (\w+)/.exec(said)?.[1]}`);
    await closed;
    expect(plain.exitCode).toBe(1);
    expect(stderr).toMatch(/^error 85 KILLED_SESSION: [^\n]+\n$/);
  });

  it('takes as many executions and seats as it is told to', async () => {
    expect(await start('ignore', '--feature', '43', '--executions', '4').ended).toBe(0);
    const features = JSON.parse(await lm.ask('GET', '/api/v1/features')) as { feature: number; license: { used?: number } }[];
    expect(features.find(({ feature }) => feature === 43)?.license.used).toBe(4);
    const login = start('pipe', '--feature', '42', '--seats', '3');
    await next(login);
    expect(await next(start('ignore', '--feature', '42', '--seats', '2'))).toMatchObject({ status: 38 });
  });

  it('refuses a license manager of another computer: an application only talks to its own', () => {
    const args = [KEYHAVEN, 'login', '--vendor-code', vendor.vendorCode, '--feature', '42', '--lm'];
    for (const address of ['192.0.2.1:1947', 'server.example', '[::1]:1947']) {
      const { status, stderr, stdout } = spawnSync(process.execPath, [...args, address], { encoding: 'utf8' });
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/^error 501 INVALID_PARAMETER: .*only talks to its own computer.*--scope/);
    }
  });

  it.each([
    ['--hold', 'soon'],
    ['--hold', '-1'],
    ['--executions', '0'],
    ['--seats', '32753'],
    ['--wait', '1.5'],
    ['--feature', 'x'],
  ])('%s %s is wrong usage (2)', (option, value) => {
    const { status, stderr } = spawnSync(process.execPath, [KEYHAVEN, 'login', '--vendor-code', 'x', '--feature', '42', option, value], {
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stderr).toContain('Example: keyhaven login');
  });

  it.skipIf(noPty())(
    'holds on in the background of a terminal, is not stopped by what is typed there, and ends by Ctrl-D in the foreground',
    async () => {
      const command = `${process.execPath} ${KEYHAVEN} login --vendor-code ${vendor.vendorCode} --lm 127.0.0.1:${lm.port} --feature 42`;
      const pty = inPty(['bash', '--norc', '-i'], { columns: 400, env: { PS1: 'ready> ' } });
      onTestFinished(() => pty.kill());
      await pty.shows(/ready> /);
      pty.type(`${command} &\n`);
      await pty.shows(/session \w+ on key/);
      pty.type('echo typed-$((40+2))\n');
      await pty.shows(/typed-42/);
      pty.type('jobs\n');
      await pty.shows(/Running/);
      const from = pty.screen.length;
      pty.type('fg\n');
      await pty.shows(/login/, from);
      pty.type('\u0004');
      // Back at the prompt of the shell.
      const back = pty.shows(/back-42/, from);
      pty.type('echo back-$((40+2))\n');
      await back;
      expect(await sessions()).toEqual([]);
    },
  );
});
