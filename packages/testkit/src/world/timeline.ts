import { type Clock, mono, wall } from '@keyhaven/core/time';
import { createHeap } from './heap.ts';

// Simulated time: a heap of what is to happen. Between two events everything that the first one set off in promises runs to its end, so
// a run is a sequence of events and nothing else (I7).

/** A process of the world: when it is dead, nothing of it happens any more; while it is stopped, what would happen is `held`. */
export type Life = { alive: boolean; held?: (() => void)[] | undefined };

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
  /** The clock of one process: counts from its start, and fast or slow by `rate`. What it says of the date is set `aheadMs` from the right one. */
  clock(life: Life, rate: number, aheadMs?: () => number): Clock;
  /** SIGCONT: what was held happens now. */
  resume(life: Life): void;
};

/** 2026-11-24T03:00:00Z */
export const WORLD_BEGINS = Date.UTC(2026, 10, 24, 3);

/** Promises and ticks run to their end before an immediate. */
export const drain = (): Promise<void> => new Promise((done) => setImmediate(done));

export const createTimeline = (afterEach: () => void = () => undefined): Timeline => {
  const heap = createHeap<Happening>();
  let now = 0;
  let order = 0;
  let steps = 0;

  const timeline: Timeline = {
    get now() {
      return now;
    },
    get steps() {
      return steps;
    },
    at(time, life, task) {
      const own: Life = { alive: true };
      const happen = (): void => {
        if (!life.alive) return;
        if (life.held === undefined) task();
        else life.held.push(task);
      };
      heap.push({ at: Math.max(now, time), order: order++, life: own, task: happen });
      return () => {
        own.alive = false;
      };
    },
    after: (milliseconds, life, task) => timeline.at(now + Math.max(0, milliseconds), life, task),
    async step(until) {
      for (;;) {
        const next = heap.peek();
        if (next === undefined || next.at > until) return false;
        heap.pop();
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
    resume(life) {
      const { held = [] } = life;
      life.held = undefined;
      for (const task of held) timeline.at(now, life, task);
    },
    clock(life, rate, aheadMs = () => 0) {
      const start = now;
      return {
        mono: () => mono((now - start) * rate),
        wall: () => wall(WORLD_BEGINS + Math.floor(now * rate + aheadMs())),
        after: (milliseconds, task) => timeline.after(milliseconds / rate, life, task),
      };
    },
  };
  return timeline;
};
