import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Ends, FindOwner } from './types.ts';

// Windows and macOS say who holds a connection by a program of the system; its answer is text. Windows names every process, macOS to others
// than root only those of the same user. Nothing of either numbers the starts of processes, so a process is its id.

/** A program that hangs says nothing. */
const PATIENCE_MS = 5_000;
const MAX_TEXT = 16 * 1024 * 1024;

/** Text of a program, or nothing where it fails. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<string>;
export const runProgram: RunProgram = (program, args) =>
  new Promise((resolve) => {
    execFile(program, args, { timeout: PATIENCE_MS, maxBuffer: MAX_TEXT, windowsHide: true }, (_error, stdout) => resolve(stdout));
  });

const written = ({ address, port }: Ends['here']): string => {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return `${plain.includes(':') ? `[${plain}]` : plain}:${port}`;
};

/** From `netstat -ano`: protocol, local, remote, state (in the language of the system), process. */
export const pidInNetstat = (text: string, { here, there }: Ends): number | undefined => {
  const [own, other] = [written(there), written(here)];
  for (const line of text.split('\n')) {
    const [protocol, local, remote, , pid] = line.trim().split(/\s+/);
    if (protocol === 'TCP' && local === own && remote === other && Number(pid) > 0) return Number(pid);
  }
  return undefined;
};

/** From `lsof -F pn`: a line `p<process>`, then its connections as lines `n<local>-><remote>`. */
export const pidInLsof = (text: string, { here, there }: Ends): number | undefined => {
  const wanted = `n${written(there)}->${written(here)}`;
  let pid: number | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('p')) pid = Number(line.slice(1));
    else if (line.trim() === wanted) return pid;
  }
  return undefined;
};

type Command = {
  readonly program: string;
  readonly args: readonly string[];
  readonly pidIn: (text: string, ends: Ends) => number | undefined;
};
export const commandOf = (platform: string, env: Readonly<Record<string, string | undefined>>): Command | undefined => {
  switch (platform) {
    case 'win32':
      return {
        program: join(env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'netstat.exe'),
        args: ['-ano', '-p', 'TCP'],
        pidIn: pidInNetstat,
      };
    case 'darwin':
      return { program: '/usr/sbin/lsof', args: ['-nP', '-iTCP', '-sTCP:ESTABLISHED', '-Fpn'], pidIn: pidInLsof };
    default:
      return undefined;
  }
};

/** @param runs whether a process of this id runs on this computer */
export const createCommandOwners = ({ program, args, pidIn }: Command, run: RunProgram, runs: (pid: number) => boolean): FindOwner => {
  /** One run serves all who ask before it begins. */
  let next: Promise<string> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const table = (): Promise<string> => {
    next ??= last.then(() => {
      next = undefined;
      return run(program, args).catch(() => '');
    });
    last = next;
    return next;
  };
  return async (ends, { pid }) => {
    const holder = pidIn(await table(), ends);
    if (holder !== undefined) return holder === pid ? { kind: 'process', pid, start: 0 } : { kind: 'other' };
    return runs(pid) ? { kind: 'unseen' } : { kind: 'other' };
  };
};
