import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

// On which cores the two sides of a round trip run. Left alone, Linux puts both ends of a bare echo on one core, where nothing has to be
// woken elsewhere; two programs that do more than echo it keeps apart. So a figure in one placement says little about the other.

export type Placement = 'a core for each side' | 'one core for both' | 'as the system places them';

const pin = (pid: number, cpus: string): void => {
  execFileSync('taskset', ['-apc', cpus, String(pid)], { stdio: 'ignore' });
};

/** Those that can be had here. */
export const placements = (): Placement[] => {
  const free: Placement = 'as the system places them';
  if (process.platform !== 'linux' || availableParallelism() < 2) return [free];
  try {
    execFileSync('taskset', ['-V'], { stdio: 'ignore' });
    return ['a core for each side', 'one core for both', free];
  } catch {
    return [free];
  }
};

/** Puts this process on one side and the servers on the other. @returns what lets all of them go again */
export const place = (placement: Placement, ...servers: readonly number[]): (() => void) => {
  if (placement === 'as the system places them') return () => undefined;
  pin(process.pid, '0');
  for (const pid of servers) pin(pid, placement === 'one core for both' ? '0' : '1');
  return () => {
    const all = `0-${availableParallelism() - 1}`;
    for (const pid of [process.pid, ...servers]) pin(pid, all);
  };
};
