import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createLab, type LabProcess, labAvailable } from '@keyhaven/testkit/lab';
import { createLineQueue } from '../../packages/testkit/src/lab/line-queue.ts';

// The two computers of the story: network namespaces where this computer has them, otherwise two loopback addresses.

const ROOT = join(import.meta.dirname, '../..');
export const KEYHAVEN = join(ROOT, 'packages/cli/bin/keyhaven.js');

export type RunningProgram = Pick<LabProcess, 'pid' | 'exited' | 'nextLine' | 'stderr' | 'kill'>;

export type Computer = {
  readonly name: string;
  readonly address: string;
  /** Where an LM here is reached from here. */
  readonly lm: string;
  /** Arguments that place an LM on this computer. */
  readonly lmArguments: readonly string[];
  readonly directory: string;
  /** Starts a JavaScript program here. */
  start(script: string, args: readonly string[]): Promise<RunningProgram>;
};

export type Computers = {
  readonly kind: 'namespaces' | 'loopback';
  /** Why there are no namespaces. */
  readonly reason: string | undefined;
  readonly port: number;
  readonly first: Computer;
  readonly second: Computer;
  close(): Promise<void>;
};

const names = ['keys-1', 'survey-2'] as const;

/** Programs started on this computer itself; the closer ends by id what still runs. */
export const createLauncher = () => {
  const running = new Set<RunningProgram>(); // BOUNDED by the steps of the story
  return {
    async start(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<RunningProgram> {
      const child = spawn(process.execPath, [script, ...args], {
        cwd: ROOT,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      await once(child, 'spawn');
      let complaints = '';
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        complaints = (complaints + chunk).slice(-4_096);
      });
      const queue = createLineQueue(child.stdout, () => `exit ${child.exitCode ?? child.signalCode}, stderr: ${complaints}`);
      const exited: RunningProgram['exited'] = new Promise((resolve) => {
        child.once('close', (code, signal) => {
          running.delete(program);
          resolve({ code, signal });
        });
      });
      const program: RunningProgram = {
        pid: child.pid ?? 0,
        exited,
        nextLine: (wanted = () => true, timeoutMs = 10_000) => queue.next(wanted, timeoutMs),
        stderr: () => complaints,
        kill: (signal = 'SIGTERM') => child.kill(signal),
      };
      running.add(program);
      return program;
    },
    async close(): Promise<void> {
      const all = [...running];
      for (const program of all) program.kill('SIGKILL');
      await Promise.all(all.map((program) => program.exited));
    },
  };
};

/** A TCP port that was free a moment ago on every loopback address. */
const freePort = async (): Promise<number> => {
  const server = createServer();
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system names no port');
  return address.port;
};

const openNamespaces = async (directory: string): Promise<Computers> => {
  const lab = await createLab({ hosts: names });
  const computer = (name: string): Computer => {
    const host = lab.host(name);
    return {
      name,
      address: host.address,
      lm: '127.0.0.1:1947',
      lmArguments: [],
      directory: join(directory, name),
      // An application here must not be sent elsewhere by a setting of the one who runs the story.
      start: (script, args) => host.spawn('node', [script, ...args], { env: { KEYHAVEN_LOCAL_LM: undefined } }),
    };
  };
  return {
    kind: 'namespaces',
    reason: undefined,
    port: 1947,
    first: computer(names[0]),
    second: computer(names[1]),
    close: () => lab.close(),
  };
};

const openLoopback = async (directory: string, reason: string): Promise<Computers> => {
  const port = await freePort();
  const launcher = createLauncher();
  const computer = (name: string, address: string): Computer => ({
    name,
    address,
    lm: `${address}:${port}`,
    lmArguments: ['--bind', address, '--port', String(port), '--name', name],
    directory: join(directory, name),
    start: (script, args) => launcher.start(script, args, { KEYHAVEN_LOCAL_LM: `${address}:${port}` }),
  });
  return {
    kind: 'loopback',
    reason,
    port,
    first: computer(names[0], '127.0.0.2'),
    second: computer(names[1], '127.0.0.1'),
    close: () => launcher.close(),
  };
};

export const openComputers = async (directory: string, wishLab: boolean): Promise<Computers> => {
  await Promise.all(names.map((name) => mkdir(join(directory, name), { mode: 0o700 })));
  const reason = wishLab ? labAvailable() : '--no-lab was given';
  return reason === undefined ? openNamespaces(directory) : openLoopback(directory, reason);
};
