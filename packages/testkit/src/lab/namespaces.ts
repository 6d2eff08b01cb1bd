import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ip, runTool, until } from './tool.ts';

// Names and ends of the namespaces (and the folder) of a lab. A name is `kh<pid>x<start time of the process>x<random>-<part>`, numbers in hex, so that
// whoever comes later can tell whether the process that made it still lives, also when its pid was given to another process.

const NAME = /^kh([0-9a-f]+)x([0-9a-f]+)x[0-9a-f]{6}-/;

export const namePrefix = (): string =>
  `kh${process.pid.toString(16)}x${(startTime(process.pid) ?? 0).toString(16)}x${randomBytes(3).toString('hex')}-`;

/** When a process started, in clock ticks since boot; undefined when there is no such process. */
const startTime = (pid: number): number | undefined => {
  try {
    // The command in parentheses may itself contain spaces and parentheses; the fields after it count from 3.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').at(-1)?.trim().split(' ') ?? [];
    return Number(fields[19]);
  } catch {
    return undefined;
  }
};

/** Removes what labs left behind whose maker is dead: processes, namespaces, files. */
export const removeStale = async (): Promise<void> => {
  await removeNamespaces((await namespaces()).filter(isStale));
  const files = (await readdir(tmpdir())).filter(isStale);
  await Promise.all(files.map((name) => rm(join(tmpdir(), name), { recursive: true, force: true })));
};

const namespaces = (): Promise<readonly string[]> => readdir('/run/netns').catch(() => []);

const isStale = (name: string): boolean => {
  const [, pid, start] = NAME.exec(name) ?? [];
  return pid !== undefined && start !== undefined && startTime(parseInt(pid, 16)) !== parseInt(start, 16);
};

/** Ends every process inside, by id, waits for their end and removes the namespaces. Those that are gone already are no fault. */
export const removeNamespaces = async (names: readonly string[]): Promise<void> => {
  for (const name of names) {
    await until(`the processes in ${name} have ended`, async () => {
      const pids = await processesIn(name);
      for (const pid of pids) kill(pid);
      return pids.length === 0;
    });
    await ip(undefined, [`netns delete ${name}`]).catch(async (error: unknown) => {
      if ((await namespaces()).includes(name)) throw error;
    });
  }
};

const processesIn = async (name: string): Promise<readonly number[]> => {
  const listed = await runTool('ip', ['netns', 'pids', name]).catch(() => '');
  return listed
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
};

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself between the listing and now.
  }
};
