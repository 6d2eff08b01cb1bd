import { type Clock, mono, wall } from '@keyhaven/core/time';

export type SimulatedClock = Clock & {
  /** Lets time pass; what falls due runs in its order. */
  advance(milliseconds: number): void;
  readonly waiting: number;
};

/** A clock that stands still until it is told otherwise. */
export const createSimulatedClock = (start = Date.UTC(2026, 10, 24, 3)): SimulatedClock => {
  let now = 1_000;
  let nextId = 0;
  const tasks = new Map<number, { readonly at: number; readonly task: () => void }>();
  const due = (until: number) => [...tasks].filter(([, { at }]) => at <= until).toSorted(([a, x], [b, y]) => x.at - y.at || a - b)[0];
  return {
    mono: () => mono(now),
    wall: () => wall(start + now - 1_000),
    after(milliseconds, task) {
      const id = nextId++;
      tasks.set(id, { at: now + milliseconds, task });
      return () => tasks.delete(id);
    },
    advance(milliseconds) {
      const until = now + milliseconds;
      for (let next = due(until); next !== undefined; next = due(until)) {
        const [id, { at, task }] = next;
        tasks.delete(id);
        now = Math.max(now, at);
        task();
      }
      now = until;
    },
    get waiting() {
      return tasks.size;
    },
  };
};

/** The clocks of one of several computers: time passes as on `clock`, and what the computer's clock says is set apart from it. */
export const setApart = (clock: SimulatedClock): SimulatedClock & { set(aheadMs: number): void } => {
  let ahead = 0;
  return {
    mono: () => clock.mono(),
    wall: () => wall(clock.wall() + ahead),
    after: (milliseconds, task) => clock.after(milliseconds, task),
    advance: (milliseconds) => clock.advance(milliseconds),
    get waiting() {
      return clock.waiting;
    },
    set: (aheadMs) => void (ahead = aheadMs),
  };
};
