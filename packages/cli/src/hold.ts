import { readFileSync } from 'node:fs';

// How long `keyhaven login` holds its session: for a time, or until a signal or the end of standard input.

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** The shell tells nobody which program it puts into the foreground. */
const FOREGROUND_MS = 1_000;
/** Longest time that one timer can run. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** What holding needs of the process; `process` has it. */
export type HoldPlace = {
  readonly input: NodeJS.ReadStream;
  on(event: (typeof SIGNALS)[number] | 'SIGCONT', listener: () => void): unknown;
  off(event: (typeof SIGNALS)[number] | 'SIGCONT', listener: () => void): unknown;
};

/** Whether this process may read its terminal. The shell stops a program in the background that tries. */
const isInForeground = (): boolean => {
  try {
    const text = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , , foreground] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    return true;
  }
};

/**
 * Resolves after `seconds`, or on SIGTERM, SIGINT or SIGHUP; without seconds also at the end of standard input. A terminal is read only while this process
 * is in the foreground, so that `keyhaven login ... &` works.
 */
export const startHold = (
  seconds: number | undefined,
  { input, on, off }: HoldPlace = { input: process.stdin, on: process.on.bind(process), off: process.off.bind(process) },
): { readonly over: Promise<void>; end(): void } => {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  let looking: NodeJS.Timeout | undefined;
  const follow = (): void => {
    if (input.isTTY && !isInForeground()) input.pause();
    else input.resume();
  };
  const end = (): void => {
    clearTimeout(timer);
    clearInterval(looking);
    for (const signal of SIGNALS) off(signal, end);
    off('SIGCONT', follow);
    if (seconds === undefined) {
      input.off('end', end).off('close', end).off('error', end).pause();
      input.unref?.();
    }
    resolve();
  };
  const wait = (milliseconds: number): void => {
    timer = setTimeout(
      () => (milliseconds > MAX_TIMER_MS ? wait(milliseconds - MAX_TIMER_MS) : end()),
      Math.min(milliseconds, MAX_TIMER_MS),
    );
  };
  for (const signal of SIGNALS) on(signal, end);
  if (seconds !== undefined) wait(seconds * 1_000);
  else {
    input.on('end', end).on('close', end).on('error', end);
    if (input.isTTY) {
      on('SIGCONT', follow);
      looking = setInterval(follow, FOREGROUND_MS);
    }
    // A terminal in the background is not read, and nothing else keeps the process alive.
    wait(Number.MAX_SAFE_INTEGER);
    follow();
  }
  return { over, end };
};
