import { identityOfHolder, type ReleaseCause } from '@keyhaven/core/seats';
import { MINUTE, SECOND, type Wall } from '@keyhaven/core/time';
import type { Ground } from './ground.ts';
import type { LiveSession } from './live-sessions.ts';
import type { Releasing } from './releasing.ts';

// Ends the sessions that nobody else ends (I6): their lease, the time that they may idle, or the loan that they run by is over. What the
// disk refuses is tried again by the next sweep.

/** How soon a release that the disk refused is tried again. */
const OWED_MS = 2 * SECOND;

export type Sweeping = {
  /** Sets the time of the next sweep by what is to be done now. */
  schedule(): void;
  close(): void;
};

/** @param time the license time */
export const createSweeping = (
  { clock, keystore, sessions }: Ground,
  releasing: Releasing,
  idleTimeoutMs: number,
  time: () => Wall,
): Sweeping => {
  let cancel = (): void => undefined;
  let closed = false;

  const end = (session: LiveSession, cause: ReleaseCause): void => {
    releasing.release(session, cause).catch(() => undefined);
  };
  const isLoanOver = ({ pool }: LiveSession): boolean => {
    const lent = keystore.get(pool.key)?.license?.delegation;
    return lent !== undefined && time() > Date.parse(lent.until);
  };
  const sweep = (): void => {
    if (closed) return;
    const now = clock.mono();
    for (const session of sessions.lapsed()) {
      // Where the disk refuses, the session gets another lease, and the end of that tries again.
      releasing.release(session, 'lease ended').catch(() => sessions.keep(session));
    }
    for (const session of sessions.all()) {
      // Of the REST licensing API they have a limit of their own (compat/rest-sessions.ts).
      if (identityOfHolder(session.row.holder) === undefined && now - session.lastUse >= idleTimeoutMs) end(session, 'idle');
      // What is lent ends for running sessions, too: the lender has its seats again soon after (K5).
      else if (isLoanOver(session)) end(session, 'license changed');
    }
    releasing.settle().catch(() => undefined);
    schedule();
  };
  const schedule = (): void => {
    cancel();
    const lapse = sessions.nextLapse();
    const longest = releasing.owing ? OWED_MS : MINUTE;
    cancel = clock.after(Math.min(lapse === undefined ? MINUTE : Math.max(SECOND, lapse - clock.mono()), longest), sweep);
  };
  schedule();
  return {
    schedule,
    close() {
      closed = true;
      cancel();
    },
  };
};
