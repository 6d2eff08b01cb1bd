import { readFileSync, readlinkSync } from 'node:fs';
import { type Clock, mono } from '@keyhaven/core/time';
import { type ProcessIdentity, processStart, systemClock } from '../machine/index.ts';

// What near LMs of one computer tell each other's life by (T3, T4): one clock that all its processes read alike, which start of the computer
// it counts from, and how processes are named.

export type NearComputer = {
  readonly clock: Clock;
  /** Names this start of the computer; empty where the system does not number them. */
  readonly boot: string;
  readonly process: ProcessIdentity;
  /** Which numbers of processes are meant: those of another container mean nothing here. Empty where there is one kind. */
  readonly space: string;
  /** False: the process is known to be gone. */
  running(process: ProcessIdentity, space: string): boolean;
};

const orNothing = (read: () => string): string => {
  try {
    return read().trim();
  } catch {
    return '';
  }
};

/** As `systemClock`, but `mono` counts alike in all processes of this computer. */
export const sharedClock: Clock = { ...systemClock, mono: () => mono(Number(process.hrtime.bigint() / 1_000n) / 1_000) };

export const thisComputer = (): NearComputer => {
  const space = orNothing(() => readlinkSync('/proc/self/ns/pid'));
  return {
    clock: sharedClock,
    boot: orNothing(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
    process: { pid: process.pid, start: processStart(process.pid) ?? 0 },
    space,
    running({ pid, start }, of) {
      if (of !== space) return true; // Not to be able to look is not to see that it is gone.
      const found = processStart(pid);
      return found !== undefined && (found === 0 || start === 0 || found === start);
    },
  };
};
