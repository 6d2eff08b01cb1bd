import { createSeatQueue, type PoolId, type SeatQueue, type Waiter } from '@keyhaven/core/seats';
import { type Clock, type Mono, SECOND, type Wall } from '@keyhaven/core/time';
import type { HeldQuestion } from './held-question.ts';
import type { Wish } from './wish.ts';

// The line of one pool: the order of those who wait, one giving of seats at a time, and who is told when that his place has changed.

export type LeaveCause = 'cancelled' | 'gone' | 'process ended' | 'refused';
/** Somebody who waits, or asks for a seat for the first time. */
export type Place = Waiter & {
  readonly since: Wall;
  readonly question: HeldQuestion;
  wish: Wish;
  state: 'asking' | 'waiting' | 'granting';
  /** Set when it leaves while its login is under way. */
  leaving: LeaveCause | undefined;
  settled: Promise<unknown>;
  /** The place that its application was told. */
  known: number;
  away: boolean;
};

export type Line = {
  readonly pool: PoolId;
  readonly queue: SeatQueue<Place>;
  /** Seats may have come free: they are given soon. */
  serve(): void;
  /** Likewise, in so many milliseconds. */
  serveIn(milliseconds: number): void;
  /** Places may have changed: those who wait are told soon, and each not too often. */
  tell(): void;
  close(): void;
};
export type LineServer = {
  /** Gives the seats that there are to those whose turn it is. Called once at a time. */
  give(line: Line): Promise<void>;
  /** Nobody waits in it. */
  onEmpty(line: Line): void;
};

/** @param toldAt when places were last told */
export const createLine = (pool: PoolId, clock: Clock, toldAt: Mono, server: LineServer): Line => {
  const queue = createSeatQueue<Place>();
  let serving = false;
  let again = false;
  let closed = false;
  let cancelTelling: (() => void) | undefined;
  let cancelServing: (() => void) | undefined;

  const giveAll = async (): Promise<void> => {
    while (again && queue.size > 0 && !closed) {
      again = false;
      await server.give(line);
    }
  };
  const line: Line = {
    pool,
    queue,
    serve() {
      again = true;
      if (serving || closed) return;
      serving = true;
      // Not at once: what frees a seat may be a decision that the ledger has not taken in yet.
      Promise.resolve()
        .then(giveAll)
        .catch(() => undefined)
        .finally(() => {
          serving = false;
          if (again && queue.size > 0) line.serve();
          else if (queue.size === 0) server.onEmpty(line);
        });
    },
    serveIn(milliseconds) {
      cancelServing ??= clock.after(Math.max(1, milliseconds), () => {
        cancelServing = undefined;
        line.serve();
      });
    },
    tell() {
      if (cancelTelling !== undefined || closed || queue.size === 0) return;
      cancelTelling = clock.after(Math.max(0, toldAt + SECOND - clock.mono()), () => {
        cancelTelling = undefined;
        toldAt = clock.mono();
        let [at, more] = [0, false];
        for (const { question, known, state } of queue.all()) {
          at += 1;
          if (!question.held || known === at || state !== 'waiting') continue;
          if (question.mayAnswer(at)) question.answer();
          else more = true;
        }
        if (more) line.tell();
      });
    },
    close() {
      closed = true;
      cancelTelling?.();
      cancelServing?.();
    },
  };
  return line;
};
