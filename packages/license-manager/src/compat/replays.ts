import { createHash } from 'node:crypto';
import { DATE_WINDOW_MS, type SignedRequest } from '@keyhaven/core/compat';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { SECOND, type Wall } from '@keyhaven/core/time';

// Requests that change something are done once. A signature covers neither method nor target and has no nonce (C6), so it is remembered with both for as
// long as its moment is near: for another method or target it is refused, and for the same one, too, unless it comes again at once. That is what a
// client does that asks twice in one second; it gets the one answer.

/** How long a repetition is taken for the same request. */
const AT_ONCE_MS = 2 * SECOND;
/** BOUNDED: requests that are remembered, of all identities and of one. */
const MAX_KEPT = 200_000;
const MAX_OF_ONE = 20_000;

type Kept = {
  readonly identity: string;
  readonly target: string;
  readonly first: Wall;
  readonly until: number;
  answer: Promise<unknown> | undefined;
};

export type Replays = {
  /** The answer of `work`, or of the first time. @throws LicensingError 88 where it is a replay, 108 where there are too many */
  once<T>(request: SignedRequest, target: string, now: Wall, work: () => Promise<T>): Promise<T>;
};

const nameOf = ({ identity, date, signature }: SignedRequest): string =>
  createHash('sha256').update(`${identity} ${date} `).update(signature).digest('base64');

export const createReplays = (): Replays => {
  const kept = new Map<string, Kept>(); // BOUNDED by MAX_KEPT, in the order in which they came
  const counts = new Map<string, number>(); // BOUNDED by identities
  /** Those whose answers are still held. BOUNDED likewise. */
  let recent: Kept[] = [];

  const forgetOld = (now: Wall): void => {
    for (const [name, entry] of kept) {
      // Moments of the future keep their entries a little longer than the order says; those behind them wait for them.
      if (entry.until >= now) break;
      kept.delete(name);
      const left = (counts.get(entry.identity) ?? 0) - 1;
      if (left > 0) counts.set(entry.identity, left);
      else counts.delete(entry.identity);
    }
    const held = recent.findIndex(({ first }) => now - first <= AT_ONCE_MS);
    const gone = held < 0 ? recent : recent.slice(0, held);
    for (const entry of gone) entry.answer = undefined;
    if (gone.length > 0) recent = held < 0 ? [] : recent.slice(held);
  };

  return {
    async once<T>(request: SignedRequest, target: string, now: Wall, work: () => Promise<T>): Promise<T> {
      forgetOld(now);
      const name = nameOf(request);
      const known = kept.get(name);
      if (known !== undefined) {
        if (known.target !== target || known.answer === undefined || now - known.first > AT_ONCE_MS)
          throw new LicensingError(Status.IDENTITY_UNAUTHENTICATED, {
            detail: 'The request was made before, and is not done again.',
            remedy: 'Sign each request anew, with the moment at which it is sent.',
          });
        return known.answer as Promise<T>; // Of the same request, so of the same kind.
      }
      if (kept.size >= MAX_KEPT || (counts.get(request.identity) ?? 0) >= MAX_OF_ONE)
        throw new LicensingError(Status.IDENTITY_RATE_LIMIT_EXCEEDED);
      const answer = work();
      const entry: Kept = { identity: request.identity, target, first: now, until: Math.max(now, request.at) + DATE_WINDOW_MS, answer };
      kept.set(name, entry);
      counts.set(request.identity, (counts.get(request.identity) ?? 0) + 1);
      recent.push(entry);
      return answer;
    },
  };
};
