import { type Clock, mono, wall } from '@keyhaven/core/time';

// Simulated time: a heap of what is to happen. Between two events everything that the first one set off in promises runs to its end, so
// a run is a sequence of events and nothing else (I7).

/** A process of the world: when it is dead, nothing of it happens any more. */
export type Life = { alive: boolean };

type Happening = { readonly at: number; readonly order: number; readonly life: Life; readonly task: () => void };

export type Timeline = {
  /** Milliseconds since the world began. */
  readonly now: number;
  readonly steps: number;
  at(time: number, life: Life, task: () => void): () => void;
  after(milliseconds: number, life: Life, task: () => void): () => void;
  /** Lets the next event happen, and all that follows from it. @returns false where there is none before `until`. */
  step(until: number): Promise<boolean>;
  /** Lets everything happen up to a moment. */
  run(until: number): Promise<void>;
  /** The clock of one process: counts from its start, and fast or slow by `rate`. */
  clock(life: Life, rate: number): Clock;
};

/** 2026-11-24T03:00:00Z */
export const WORLD_BEGINS = Date.UTC(2026, 10, 24, 3);

/** Promises and ticks run to their end before an immediate. */
export const drain = (): Promise<void> => new Promise((done) => setImmediate(done));

export const createTimeline = (afterEach: () => void = () => undefined): Timeline => {
  const heap: Happening[] = [];
  let now = 0;
  let order = 0;
  let steps = 0;
  const before = (a: Happening, b: Happening): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

  const push = (item: Happening): void => {
    let index = heap.length;
    heap.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(item, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = item;
  };
  const pop = (): Happening | undefined => {
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let below = heap[child];
      if (below === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, below)) {
        child += 1;
        below = right;
      }
      if (!before(below, last)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
    return first;
  };

  const timeline: Timeline = {
    get now() {
      return now;
    },
    get steps() {
      return steps;
    },
    at(time, life, task) {
      const own: Life = { alive: true };
      push({ at: Math.max(now, time), order: order++, life: own, task: () => life.alive && task() });
      return () => {
        own.alive = false;
      };
    },
    after: (milliseconds, life, task) => timeline.at(now + Math.max(0, milliseconds), life, task),
    async step(until) {
      for (;;) {
        const [next] = heap;
        if (next === undefined || next.at > until) return false;
        pop();
        if (!next.life.alive) continue;
        now = next.at;
        steps += 1;
        next.task();
        await drain();
        afterEach();
        return true;
      }
    },
    async run(until) {
      await drain();
      while (await timeline.step(until));
      now = Math.max(now, until);
    },
    clock(life, rate) {
      const start = now;
      return {
        mono: () => mono((now - start) * rate),
        wall: () => wall(WORLD_BEGINS + Math.floor(now * rate)),
        after: (milliseconds, task) => timeline.after(milliseconds / rate, life, task),
      };
    },
  };
  return timeline;
};
