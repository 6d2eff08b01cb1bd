import { LicensingError, Status } from '@keyhaven/core/errors';
import type { LiveSession } from './live-sessions.ts';
import type { Shape, WaitingOptions, Wish } from './wish.ts';

// A login of somebody who waits. Whoever is next in line need not wait until it is durable, only until it is decided.

export type WaitingLogin = {
  /** As soon as it is decided; never rejects. */
  readonly decided: Promise<'granted' | 'full' | 'refused'>;
  /** When it is durable. Rejects as the login does. */
  readonly session: Promise<LiveSession>;
  /** When it is over, however it ended. */
  readonly settled: Promise<unknown>;
};

const isFull = (error: unknown): boolean => error instanceof LicensingError && error.status === Status.TOO_MANY_USERS;

/**
 * @param waitedMs how long it has waited, for the audit of its grant
 * @param behind how many stand before it, as of when it is decided
 */
export const loginOfWaiting = (
  { login, changing }: Pick<WaitingOptions, 'login' | 'changing'>,
  wish: Wish,
  waitedMs: () => number,
  behind: () => number,
): WaitingLogin => {
  const decided = Promise.withResolvers<'granted' | 'full' | 'refused'>();
  const shape: Shape = (decision) => {
    const { reply } = decision;
    if (reply.kind === 'granted') {
      decided.resolve('granted');
      const audit = decision.audit.map((entry) => ({ ...entry, detail: { ...entry.detail, waited: waitedMs() } }));
      return { ...decision, audit };
    }
    const full = reply.status === Status.TOO_MANY_USERS;
    decided.resolve(full ? 'full' : 'refused');
    // Having to wait is no refusal, where waiting helps.
    return full && !isHopeless(wish) ? { ...decision, audit: [] } : decision;
  };
  const session = (async () => {
    const ready = wish.ready();
    if (ready !== undefined) await ready;
    // From here on to the ledger without a pause, or a change of the license could begin in between.
    for (let change = changing(wish.pool.key); change !== undefined; change = changing(wish.pool.key)) await change;
    return login({ ...wish.command(), behind: behind() }, wish.channel, wish.party, shape);
  })();
  const settled = session.then(
    () => decided.resolve('granted'),
    (error: unknown) => decided.resolve(isFull(error) ? 'full' : 'refused'),
  );
  return { decided: decided.promise, session, settled };
};

/** It asks for more than there will ever be, or for what is not sold any more. */
export const isHopeless = (wish: Wish): boolean => {
  try {
    const { terms, seats } = wish.command();
    return terms?.seats !== undefined && seats > terms.seats;
  } catch {
    return true;
  }
};
