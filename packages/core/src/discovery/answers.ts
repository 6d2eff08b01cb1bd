import { type Mono, mono } from '../time/index.ts';
import type { Ask } from './datagram.ts';
import { createLimiter } from './rate.ts';
import type { Random } from './settings.ts';

// Answers on their way out. One ask makes at most one answer of the same size, to where it came from (R5); each waits up to 20 ms,
// so that a thousand LMs that hear the same question do not answer in the same instant (D10).

const SPREAD = 20;
/** Asks answered, in total and per address; the table of addresses is BOUNDED by `sources`. */
const LIMITS = { total: { perSecond: 5_000, burst: 20_000 }, perSource: { perSecond: 20, burst: 40 }, sources: 4_096 };
/** BOUNDED: what the limits can let through within the spread, and some. */
const WAITING = 20_480;

/** `local` names the socket that heard the question and will answer it. */
export type Source = { readonly address: string; readonly port: number; readonly local: string };
type Waiting = { readonly at: Mono; readonly to: Source; readonly cookie: number; readonly search: boolean };

export type Answers = {
  add(now: Mono, ask: Ask, from: Source): boolean;
  take(now: Mono): readonly Waiting[];
  nextAt(): Mono | undefined;
  readonly size: number;
};

export const createAnswers = (entropy: Random): Answers => {
  const limiter = createLimiter(LIMITS);
  // The earliest first.
  const waiting: Waiting[] = [];
  return {
    add(now, ask, from) {
      if (waiting.length >= WAITING || !limiter.allow(now, from.address)) return false;
      const at = mono(now + entropy() * SPREAD);
      let low = 0;
      for (let high = waiting.length; low < high; ) {
        const middle = (low + high) >> 1;
        if ((waiting[middle]?.at ?? at) <= at) low = middle + 1;
        else high = middle;
      }
      waiting.splice(low, 0, { at, to: from, cookie: ask.cookie, search: ask.kind === 'search' });
      return true;
    },
    take(now) {
      let due = 0;
      while ((waiting[due]?.at ?? Number.POSITIVE_INFINITY) <= now) due += 1;
      return waiting.splice(0, due);
    },
    nextAt: () => waiting[0]?.at,
    get size() {
      return waiting.length;
    },
  };
};
