import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestVendor } from '@keyhaven/testkit/local-lm';

// One license manager as a process of its own on a free port of 127.0.0.1, and the command line beside it.

const KEYHAVEN = join(import.meta.dirname, '../../packages/cli/bin/keyhaven.js');

export type Outcome = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type Run = {
  readonly env?: Record<string, string>;
  readonly limitMs?: number;
  readonly prefix?: readonly string[];
  /** Another keyhaven than that of this checkout. */
  readonly program?: string;
  readonly execPath?: string;
};

const launch = (args: readonly string[], { env = {}, prefix = [], program = KEYHAVEN, execPath = process.execPath }: Run): ChildProcess => {
  const [command = '', ...rest] = [...prefix, execPath, program, ...args];
  return spawn(command, rest, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
};

/** Runs `keyhaven ...` to its end. */
export const keyhaven = async (args: readonly string[], options: Run = {}): Promise<Outcome> => {
  const child = launch(args, options);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (part: Buffer) => (stdout += part.toString()));
  child.stderr?.on('data', (part: Buffer) => (stderr += part.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), options.limitMs ?? 30_000);
  await once(child, 'close');
  clearTimeout(timer);
  return { code: child.exitCode, stdout, stderr };
};

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system names no port');
  return address.port;
};

export type Decided = {
  readonly status: number;
  readonly name?: string;
  readonly message?: string;
  readonly session?: string;
  readonly key?: string;
};

const isDecided = (json: unknown): json is Decided =>
  typeof json === 'object' && json !== null && 'status' in json && typeof json.status === 'number';
const decided = (line: string): Decided => {
  const json: unknown = JSON.parse(line);
  if (!isDecided(json)) throw new Error(`no answer to a login: ${line}`);
  return json;
};

export type HeldLogin = Decided & { end(signal?: NodeJS.Signals): Promise<Outcome> };

export type LoneLm = {
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly guid: string;
  readonly alive: boolean;
  /** A command of the command line that asks this license manager. */
  ask(...args: string[]): Promise<Outcome>;
  login(vendorCode: string, feature: number, ...more: string[]): Promise<Decided>;
  /** Holds the session until it is ended. */
  hold(vendorCode: string, feature: number): Promise<HeldLogin>;
  /** Bytes of memory that it occupies. */
  memory(): number;
  /** What it said on standard error. */
  readonly log: string;
  end(signal?: NodeJS.Signals): Promise<number | null>;
};

/** @throws Error with what it said where it does not come up. */
export const startLoneLm = async (
  state: string,
  more: readonly string[] = [],
  options: Run & { readonly port?: number; readonly host?: string } = {},
): Promise<LoneLm> => {
  const { host = '127.0.0.1', port = await freePort() } = options;
  const child = launch(['lm', '--state', state, '--bind', host, '--port', String(port), ...more], options);
  let log = '';
  child.stderr?.on('data', (part: Buffer) => (log += part.toString()));
  const exited = once(child, 'close');
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const [line]: unknown[] = await Promise.race([once(lines, 'line'), exited.then(() => [undefined])]);
  if (typeof line !== 'string') throw new Error(`the license manager did not start: ${log}`);
  const told: unknown = JSON.parse(line.replace(/^ready /, ''));
  if (typeof told !== 'object' || told === null || !('pid' in told && 'guid' in told)) throw new Error(`not ready: ${line}`);
  const [pid, guid] = [Number(told.pid), String(told.guid)];
  const env = { KEYHAVEN_LOCAL_LM: `${host}:${port}` };
  const loginArgs = (code: string, feature: number): string[] => ['login', '--vendor-code', code, '--feature', String(feature), '--json'];
  return {
    host,
    port,
    pid,
    guid,
    get alive() {
      return child.exitCode === null && child.signalCode === null;
    },
    ask: (...args) => keyhaven([...args, '--lm', `${host}:${port}`]),
    async login(code, feature, ...args) {
      const { stdout, stderr } = await keyhaven([...loginArgs(code, feature), ...args], { env });
      if (stdout === '') throw new Error(`no answer to a login: ${stderr}`);
      return decided(stdout);
    },
    async hold(code, feature) {
      const held = launch([...loginArgs(code, feature), '--hold', '600'], { env });
      let stderr = '';
      held.stderr?.on('data', (part: Buffer) => (stderr += part.toString()));
      const closed = once(held, 'close');
      const [first]: unknown[] = await Promise.race([
        once(createInterface({ input: held.stdout ?? process.stdin }), 'line'),
        closed.then(() => [undefined]),
      ]);
      if (typeof first !== 'string') throw new Error(`no answer to a login: ${stderr}`);
      return {
        ...decided(first),
        async end(signal = 'SIGTERM') {
          held.kill(signal);
          await closed;
          return { code: held.exitCode, stdout: first, stderr };
        },
      };
    },
    memory: () => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) * 1024,
    get log() {
      return log;
    },
    async end(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
      return child.exitCode;
    },
  };
};

/** A key with a license of that vendor at a license manager of this computer; its id. */
export const licenseAt = async (
  { host = '127.0.0.1', port }: { readonly host?: string; readonly port: number },
  vendor: TestVendor,
): Promise<string> => {
  const post = async (what: string, type: string, body: string): Promise<string> => {
    const headers = { 'content-type': type, connection: 'close' };
    return (await fetch(`http://${host}:${port}/api/v1/${what}`, { method: 'POST', headers, body })).text();
  };
  const c2v = await post('c2v', 'application/json', JSON.stringify({ vendorCode: vendor.vendorCode }));
  const applied: unknown = JSON.parse(await post('apply', 'text/plain', vendor.issue(c2v)));
  if (typeof applied !== 'object' || applied === null || !('key' in applied)) throw new Error('the license was not applied');
  return String(applied.key);
};
