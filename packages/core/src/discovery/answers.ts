import { type Mono, mono } from '../time/index.ts';
import type { Ask } from './datagram.ts';
import { createLimiter } from './rate.ts';
import type { Random } from './settings.ts';

// Answers on their way out. One ask makes at most one answer of the same size, to where it came from (R5); each waits up to 20 ms,
// so that a thousand LMs that hear the same question do not answer in the same instant (D10).

const SPREAD = 20;
/** Asks answered, in total and per address; the table of addresses is BOUNDED by `sources`. */
const LIMITS = { total: { perSecond: 1_000, burst: 2_000 }, perSource: { perSecond: 20, burst: 40 }, sources: 4_096 };
/** BOUNDED: what the limits can let through within the spread, and some. */
const WAITING = 2_048;

/** `local` names the socket that heard the question and will answer it. */
export type Source = { readonly address: string; readonly port: number; readonly local: string };
type Waiting = { readonly at: Mono; readonly to: Source; readonly cookie: number };

export type Answers = {
  add(now: Mono, ask: Ask, from: Source): boolean;
  take(now: Mono): readonly Waiting[];
  nextAt(): Mono | undefined;
  readonly size: number;
};

export const createAnswers = (entropy: Random): Answers => {
  const limiter = createLimiter(LIMITS);
  let waiting: Waiting[] = [];
  let next: Mono | undefined;
  return {
    add(now, ask, from) {
      if (waiting.length >= WAITING || !limiter.allow(now, from.address)) return false;
      const at = mono(now + entropy() * SPREAD);
      waiting.push({ at, to: from, cookie: ask.cookie });
      if (next === undefined || at < next) next = at;
      return true;
    },
    take(now) {
      if (next === undefined || next > now) return [];
      const due = waiting.filter(({ at }) => at <= now);
      waiting = waiting.filter(({ at }) => at > now);
      next = waiting.reduce<Mono | undefined>((first, { at }) => (first === undefined || at < first ? at : first), undefined);
      return due;
    },
    nextAt: () => next,
    get size() {
      return waiting.length;
    },
  };
};
