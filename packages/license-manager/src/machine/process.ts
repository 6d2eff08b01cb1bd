import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';

/** A process by its id and the moment it started, in the units of its system; the id alone is used again by others. */
export type ProcessIdentity = { readonly pid: number; readonly start: number };

/** Start in clock ticks since boot; undefined for a zombie. */
export const startInStat = (text: string): number | undefined => {
  // Field 2 is the name in parentheses and may hold anything, so the fields are counted behind the last one (proc_pid_stat(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : Number(fields[19]);
};

/** Start of a running process in clock ticks since boot; undefined where there is none (a zombie is none); 0 where the system does not say. */
export const processStart = (pid: number): number | undefined => {
  if (process.platform === 'linux') {
    try {
      return startInStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    } catch (error) {
      // Not to be able to look, as without free file descriptors, is not to see that it is gone (I2).
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      return code === 'ENOENT' || code === 'ESRCH' ? undefined : 0;
    }
  }
  try {
    process.kill(pid, 0);
    return 0;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? 0 : undefined;
  }
};

/** No computer runs for so many clock ticks. */
const ELSEWHERE = 2 ** 52;
/** The start of a process of another computer, made of four bytes: as such it never runs on this one. */
export const elsewhere = (bytes: Uint8Array): number => ELSEWHERE + Buffer.from(bytes).readUInt32BE(0);

export const isElsewhere = ({ start }: ProcessIdentity): boolean => start >= ELSEWHERE;

export const isRunning = (process: ProcessIdentity): boolean => {
  const { pid, start } = process;
  if (isElsewhere(process)) return false;
  const found = pid > 0 ? processStart(pid) : undefined;
  return found !== undefined && (found === 0 || start === 0 || found === start);
};
