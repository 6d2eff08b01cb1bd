import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';

// Limits of time in tests with real processes. They hold on a quiet computer as they are written. On a slow or busy one, where a limit is exceeded, the
// time is taken beside an empty Node.js process that starts at that moment: the same work of the system, with nothing of Keyhaven in it.

/** An empty Node.js process takes no longer than this on a quiet computer. Milliseconds. */
const QUIET_START_MS = 60;

/** How often an empty Node.js process takes longer now than on a quiet computer: 1 or more. */
const slowness = async (): Promise<number> => {
  const from = performance.now();
  await once(spawn(process.execPath, ['-e', ''], { stdio: 'ignore' }), 'exit');
  return Math.max(1, (performance.now() - from) / QUIET_START_MS);
};

/** Expects `ms` to be under `limitMs`, or under as many times of it as this computer is slower now than a quiet one. */
export const expectWithin = async (ms: number, limitMs: number, what = 'the time in milliseconds'): Promise<void> => {
  if (ms < limitMs) return;
  const times = await slowness();
  expect(ms, `${what}; the limit is ${limitMs} ms, and this computer is ${times.toFixed(1)} times slower now`).toBeLessThan(
    limitMs * times,
  );
};
