import { type Clock, type Mono, mono, wall } from '@keyhaven/core/time';

// A clock that stands still until somebody moves it. Tasks run in the order of their time, also those that tasks add on the way.

export type ManualClock = Clock & {
  advance(milliseconds: number): void;
  /** Sets the date forward, or back, as somebody does who changes the computer's clock: nothing that waits for an interval happens. */
  leap(milliseconds: number): void;
};

export const createManualClock = (wallAtStart = Date.UTC(2026, 10, 24, 3)): ManualClock => {
  let now: Mono = mono(1_000);
  let leapt = 0;
  const tasks = new Set<{ readonly at: number; readonly task: () => void }>(); // BOUNDED by what is scheduled
  const next = (until: number) => {
    let first: { readonly at: number; readonly task: () => void } | undefined;
    for (const each of tasks) if (each.at <= until && (first === undefined || each.at < first.at)) first = each;
    return first;
  };
  return {
    mono: () => now,
    wall: () => wall(wallAtStart + leapt + now - 1_000),
    leap: (milliseconds) => void (leapt += milliseconds),
    after(milliseconds, task) {
      const entry = { at: now + Math.max(0, milliseconds), task };
      tasks.add(entry);
      return () => void tasks.delete(entry);
    },
    advance(milliseconds) {
      const until = now + milliseconds;
      for (let entry = next(until); entry !== undefined; entry = next(until)) {
        tasks.delete(entry);
        now = mono(Math.max(now, entry.at));
        entry.task();
      }
      now = mono(until);
    },
  };
};
