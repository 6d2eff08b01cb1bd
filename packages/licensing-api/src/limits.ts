import type { LicensingError } from '@keyhaven/core/errors';
import type { OwnTime } from './own-time.ts';

// How long calls may take (A6). One timer for all calls under way, and none where there is none. What counts is the time in which this process ran:
// while its event loop is blocked, or the process is stopped, an answer cannot be read, and its time stands still but for one turn. And an answer that
// has arrived is read before its call is given up (A3).

export type Limit = {
  /** Whether its time is over. */
  readonly over: boolean;
  /** Of the whole of it, in milliseconds. */
  readonly ms: number;
  leftMs(): number;
  /** Runs once, when the time is over; at once where it is over already. Not after `end`. */
  whenOver(listener: () => void): void;
  /** A shorter one within this one; it has to be ended by itself. */
  part(milliseconds: number): Limit;
  /** What it was for is done. */
  end(): void;
  /** It is over before its time, and nobody is to blame. */
  cancel(): void;
  readonly cancelled: boolean;
  /** The result of `work`, or the error when the time is over first. */
  until<T>(work: Promise<T>, silence: () => LicensingError | Promise<LicensingError>): Promise<T>;
};

export type Limits = {
  begin(milliseconds: number): Limit;
};

/** How often it is looked at. */
const TICK_MS = 250;
/** What one turn counts at most, however long it took. */
const TURN_MS = TICK_MS + 100;

export const createLimits = (time: OwnTime): Limits => {
  const running = new Set<RunningLimit>(); // BOUNDED by calls under way
  let counted = 0;
  let seen = time.now();
  let armed = false;

  const now = (): number => counted + Math.max(0, Math.min(time.now() - seen, TURN_MS));
  const count = (): void => {
    counted = now();
    seen = time.now();
  };
  const arm = (): void => {
    armed = running.size > 0;
    if (!armed) return;
    let next = TICK_MS;
    for (const { at } of running) next = Math.min(next, at - counted);
    time.later(Math.max(1, Math.ceil(next)), look);
  };
  const judge = (): void => {
    // The youngest first: a part of a limit says more than the whole.
    for (const each of [...running].toReversed()) if (each.at <= counted) each.expire();
    arm();
  };
  const look = (): void => {
    count();
    for (const { at } of running) if (at <= counted) return time.afterInput(judge);
    arm();
  };

  class RunningLimit implements Limit {
    readonly ms: number;
    readonly at: number;
    over = false;
    cancelled = false;
    #listeners: (() => void)[] = []; // BOUNDED by the steps of one call

    constructor(milliseconds: number, at: number) {
      this.ms = milliseconds;
      this.at = at;
      running.add(this);
    }
    leftMs(): number {
      return this.over ? 0 : Math.max(0, this.at - now());
    }
    whenOver(listener: () => void): void {
      if (this.over) listener();
      else this.#listeners.push(listener);
    }
    part(milliseconds: number): Limit {
      return begin(Math.min(milliseconds, this.leftMs()));
    }
    end(): void {
      running.delete(this);
      this.#listeners = [];
    }
    cancel(): void {
      this.cancelled = true;
      this.expire();
    }
    expire(): void {
      if (this.over) return;
      this.over = true;
      running.delete(this);
      const listeners = this.#listeners;
      this.#listeners = [];
      for (const listener of listeners) listener();
    }
    until<T>(work: Promise<T>, silence: () => LicensingError | Promise<LicensingError>): Promise<T> {
      return new Promise((resolve, reject) => {
        work.then(resolve, reject);
        this.whenOver(() => void Promise.resolve(silence()).then(reject, reject));
      });
    }
  }

  const begin = (milliseconds: number): RunningLimit => {
    if (!armed && running.size === 0) seen = time.now();
    const limit = new RunningLimit(milliseconds, now() + milliseconds);
    if (!armed) {
      count();
      arm();
    }
    return limit;
  };
  return { begin };
};
