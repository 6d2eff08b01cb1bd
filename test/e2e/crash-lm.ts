import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestVendor, freeTcpPort, type TestVendor } from '@keyhaven/testkit/local-lm';
import type { Orders, State } from './crash-application.ts';

// One computer with an LM as a real process that is killed and started again, and applications as real processes.

const ROOT = join(import.meta.dirname, '../..');
const KEYHAVEN = join(ROOT, 'packages/cli/bin/keyhaven.js');

export type CrashApplication = {
  readonly process: ChildProcess;
  /** What it told last. */
  readonly state: State;
  order(orders: Orders): void;
  ended(): Promise<number | null>;
};

export type CrashComputer = {
  readonly vendor: TestVendor;
  readonly address: { readonly host: string; readonly port: number };
  readonly directory: string;
  start(): Promise<void>;
  /** Ends the LM by this signal and waits until it is gone; its exit status. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>;
  get(path: string): Promise<unknown>;
  application(): CrashApplication;
  close(): Promise<void>;
};

export const openCrashComputer = async (catalog: string): Promise<CrashComputer> => {
  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-crash-'));
  const port = await freeTcpPort();
  const vendor = createTestVendor(catalog);
  const processes = new Set<ChildProcess>();
  let lm: ChildProcess | undefined;
  await writeFile(join(directory, 'lm.toml'), '[search]\nbroadcast = false\n');

  const track = <C extends ChildProcess>(child: C): C => {
    processes.add(child);
    child.once('exit', () => processes.delete(child));
    return child;
  };
  const request = async (method: string, path: string, type: string, body?: string): Promise<string> => {
    const headers = { connection: 'close', ...(body === undefined ? {} : { 'content-type': type }) };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
    return text;
  };

  const computer: CrashComputer = {
    vendor,
    address: { host: '127.0.0.1', port },
    directory,
    async start() {
      const args = [
        'lm',
        '--state',
        join(directory, 'state'),
        '--config',
        join(directory, 'lm.toml'),
        '--bind',
        '127.0.0.1',
        '--port',
        String(port),
      ];
      const child = track(spawn(process.execPath, [KEYHAVEN, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] }));
      let complaints = '';
      child.stderr.on('data', (chunk: Buffer) => {
        complaints += chunk.toString();
      });
      const [line] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => [''])])) as [Buffer | string];
      if (!line.toString().startsWith('ready ')) throw new Error(`the license manager does not serve: ${complaints}`);
      lm = child;
    },
    async end(signal) {
      const child = lm;
      if (child === undefined) throw new Error('no license manager runs');
      lm = undefined;
      const exit = once(child, 'exit') as Promise<[number | null]>;
      child.kill(signal);
      return (await exit)[0];
    },
    get: async (path) => JSON.parse(await request('GET', path, '')) as unknown,
    application() {
      const env = { ...process.env, KEYHAVEN_LOCAL_LM: `127.0.0.1:${port}` };
      const child = track(fork(join(import.meta.dirname, 'crash-application.ts'), [], { cwd: ROOT, env, execArgv: [] }));
      let state: State = { session: '', attempted: 0, acknowledged: 0, logins: 0, grants: 0, unreachable: 0, faults: [], phase: 'running' };
      child.on('message', (told: State) => {
        state = told;
      });
      const exit = once(child, 'exit') as Promise<[number | null]>;
      return {
        process: child,
        get state() {
          return state;
        },
        order: (orders) => void child.send(orders),
        ended: async () => (await exit)[0],
      };
    },
    async close() {
      const all = [...processes];
      const exits = all.map((child) => once(child, 'exit'));
      for (const child of all) child.kill('SIGKILL');
      await Promise.all(exits);
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    await computer.start();
    const c2v = await request('POST', '/api/v1/c2v', 'application/json', JSON.stringify({ vendorCode: vendor.vendorCode }));
    await request('POST', '/api/v1/apply', 'text/plain', vendor.issue(c2v));
    return computer;
  } catch (error) {
    await computer.close();
    throw error;
  }
};
