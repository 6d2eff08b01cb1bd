// When a process that shares a ledger may try for the file. SQLite's lock has no line, so fairness is made by manners: who was refused
// tries again after a short random while, a shorter one after he has waited for long, and who has had the file again and again for
// some milliseconds leaves it alone for longer than the others sleep. So none of many busy processes waits for long.

/** A process that works without a pause does so at most this long. */
const BURST_MS = 20;
/** And then leaves the file alone for so long: more than what those sleep who have waited for a while. */
const GAP_MS = 4;
const LONG_WAIT_MS = 100;
const NAP_MS = 8;
const SHORT_NAP_MS = 2;

export type Turns = {
  /** Milliseconds before the next transaction may begin; 0 for at once. */
  pause(now: number): number;
  /** A transaction has ended. */
  ended(now: number): void;
  /** One that has waited for `waited` milliseconds was refused; after how many it tries again. */
  nap(waited: number): number;
};

/** `random` is in [0, 1). */
export function createTurns(random: () => number): Turns {
  /** When this process began to work without a pause. */
  let burst: number | undefined;
  let end = Number.NEGATIVE_INFINITY;
  return {
    pause(now) {
      if (burst === undefined || now - end >= GAP_MS) burst = now;
      if (now - burst < BURST_MS) return 0;
      burst = undefined;
      return GAP_MS + random() * GAP_MS;
    },
    ended(now) {
      end = now;
    },
    nap(waited) {
      burst = undefined;
      return 1 + random() * (waited < LONG_WAIT_MS ? NAP_MS : SHORT_NAP_MS);
    },
  };
}
