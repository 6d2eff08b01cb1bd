import type { Observation } from '@keyhaven/core/fingerprint';
import { type Clock, HOUR, MINUTE } from '@keyhaven/core/time';

// Looks again and again at what this computer is recognised by (K6): at once or when it matters, soon after, and then every hour. The first look counts at once;
// a later one that differs counts when the look after it, a minute later, finds the same. A program that failed to answer once, or a
// cable that was out, is no other computer.

export type MachineWatch = {
  /** What counts; undefined before the first look is over. */
  readonly current: Observation | undefined;
  /** Resolves to what counts, after the first look, which begins now where it has not begun. */
  first(): Promise<Observation>;
  close(): void;
};

export const createMachineWatch = (options: {
  readonly clock: Clock;
  /** Never rejects. */
  readonly observe: () => Promise<Observation>;
  /** Something else counts from now on. */
  readonly onChange: () => void;
  /** How much later the first look begins where nobody asks for it; absent = at once. */
  readonly laterMs?: number | undefined;
}): MachineWatch => {
  const { clock, observe } = options;
  let current: Observation | undefined;
  let differing: string | undefined;
  let pause = MINUTE;
  let closed = false;
  let cancel = (): void => undefined;

  const take = (observed: Observation): void => {
    current = observed;
    differing = undefined;
    options.onChange();
  };
  const look = async (): Promise<Observation> => {
    const observed = await observe();
    const text = JSON.stringify(observed);
    if (current === undefined) take(observed);
    else if (text === JSON.stringify(current)) differing = undefined;
    else if (text === differing) take(observed);
    else differing = text;
    pause = differing === undefined ? Math.min(pause * 2, HOUR) : MINUTE;
    if (!closed) cancel = clock.after(pause, () => void look());
    return current ?? observed;
  };
  let looking: Promise<Observation> | undefined;
  const first = (): Promise<Observation> => {
    if (looking !== undefined) return looking;
    cancel();
    looking = look();
    return looking;
  };
  if (options.laterMs === undefined) void first();
  else cancel = clock.after(options.laterMs, () => void first());

  return {
    get current() {
      return current;
    },
    first: async () => current ?? first(),
    close() {
      closed = true;
      cancel();
    },
  };
};
