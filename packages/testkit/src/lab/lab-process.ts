import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createLineQueue } from './line-queue.ts';
import { findTool } from './tool.ts';

// A program on a host of the lab. Its pid is the program's own: ip, unshare and sh each replace themselves by the next (exec), so a
// signal to the pid hits the program and nothing else. The program sees the host's network, name and machine id, and the folders that the
// programs of one computer share; other files are shared.

/** What a program needs to know of the host that it runs on. */
export type HostIdentity = {
  readonly namespace: string;
  readonly hostname: string;
  readonly machineIdFile: string;
  readonly hostsFile: string;
  /** Where the folders lie that all programs of this computer share. */
  readonly sharedDirectory: string;
};

export type ProcessOptions = {
  /** Added to the environment of this process; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The checkout's root unless given. */
  readonly cwd?: string;
};

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type LabProcess = {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** The lines of stdout that nobody took yet, until it ends. */
  lines(): AsyncIterable<string>;
  /** Takes the first line that satisfies `wanted` (any line unless given), waiting 10 s unless told; lines before it stay. */
  nextLine(wanted?: (line: string) => boolean, timeoutMs?: number): Promise<string>;
  /** The last 64 KiB of stderr. */
  stderr(): string;
  /** False when it had already ended. Resolve `exited` to know that it is gone. */
  kill(signal?: NodeJS.Signals): boolean;
};

export type RunResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

const CHECKOUT = join(import.meta.dirname, '../../../..');
const MAX_STDERR = 64 * 1024;
const MAX_OUTPUT = 16 * 1024 * 1024;

// The mounts stay in the private mount namespace that `ip netns exec` makes. Where the computer has no /etc/machine-id to mount over
// (many containers), an overlay that has one takes the place of /etc. The folders that all programs of a computer share are those of the host.
const BECOME = `
hostname=$1 id=$2 names=$3 shared=$4; shift 4
printf %s "$hostname" > /proc/sys/kernel/hostname
if [ -e /etc/machine-id ]; then mount --bind "$id" /etc/machine-id
else
  layer=$(dirname "$id"); mount -t tmpfs tmpfs "$layer/overlay"; mkdir "$layer/overlay/upper" "$layer/overlay/work"
  cp "$id" "$layer/overlay/upper/machine-id"
  mount -t overlay overlay -o "lowerdir=/etc,upperdir=$layer/overlay/upper,workdir=$layer/overlay/work" /etc
fi
if [ -e /etc/hosts ]; then mount --bind "$names" /etc/hosts; fi
for folder in /run/lock /run/keyhaven /dev/shm; do
  if [ -d "$folder" ]; then mkdir -p -m 1777 "$shared$folder"; mount --bind "$shared$folder" "$folder"; fi
done
exec "$@"`;

type Child = ChildProcessByStdio<null, Readable, Readable> & { readonly pid: number };

const launch = async (host: HostIdentity, command: string, args: readonly string[], options: ProcessOptions): Promise<Child> => {
  // The runtime of the tests is also the runtime of the hosts, whatever `node` the PATH finds.
  const program = command === 'node' ? process.execPath : command;
  const child = spawn(
    findTool('ip') ?? 'ip',
    [
      'netns',
      'exec',
      host.namespace,
      'unshare',
      '--uts',
      'sh',
      '-ec',
      BECOME,
      'lab',
      host.hostname,
      host.machineIdFile,
      host.hostsFile,
      host.sharedDirectory,
      program,
      ...args,
    ],
    { cwd: options.cwd ?? CHECKOUT, env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} on ${host.hostname} was spawned without a pid`);
  return Object.assign(child, { pid });
};

export const startProcess = async (
  host: HostIdentity,
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<LabProcess> => {
  const child = await launch(host, command, args, options);
  const { stdout, stderr, pid } = child;

  let complaints = '';
  stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaints = (complaints + chunk).slice(-MAX_STDERR);
  });
  const queue = createLineQueue(
    stdout,
    () => `${command} on ${host.hostname}, exit ${child.exitCode ?? child.signalCode}, stderr: ${complaints}`,
  );
  const exited = ending(child);
  return {
    pid,
    exited,
    lines: () => queue.all(),
    nextLine: (wanted = () => true, timeoutMs = 10_000) => queue.next(wanted, timeoutMs),
    stderr: () => complaints,
    kill: (signal = 'SIGTERM') => child.kill(signal),
  };
};

/** Resolves once the program has ended and, unless a child of its own holds them open, its outputs were read to their end. */
const ending = (child: ChildProcess): Promise<Exit> =>
  new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const settle = (): void => {
        clearTimeout(timer);
        resolve({ code, signal });
      };
      const timer = setTimeout(settle, 500);
      child.once('close', settle);
    });
  });

export const runProcess = async (
  host: HostIdentity,
  command: string,
  args: readonly string[],
  options: ProcessOptions & { readonly timeoutMs?: number } = {},
): Promise<RunResult> => {
  const { timeoutMs = 10_000 } = options;
  const child = await launch(host, command, args, options);
  const output = { stdout: '', stderr: '' };
  let fault: string | undefined;
  const stop = (why: string): void => {
    fault ??= why;
    child.kill('SIGKILL');
  };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
      if (output[name].length > MAX_OUTPUT) stop(`wrote more than ${MAX_OUTPUT} characters to ${name}`);
    });
  }
  const timer = setTimeout(() => stop(`did not end within ${timeoutMs} ms`), timeoutMs);
  const { code } = await ending(child);
  clearTimeout(timer);
  if (fault !== undefined) throw new Error(`${command} on ${host.hostname} ${fault}; ${JSON.stringify(output).slice(0, 2_000)}`);
  return { code, ...output };
};
