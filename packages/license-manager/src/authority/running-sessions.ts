import { createOwnerLeases, LEASE_MS } from '@keyhaven/core/lease';
import type { ReleaseCause } from '@keyhaven/core/seats';
import type { Clock, Mono } from '@keyhaven/core/time';
import { createLiveSessions, type LiveSession, type LiveSessions } from './live-sessions.ts';

// The sessions that run here, with the leases by which other license managers keep theirs (R8): what begins or ends does so for both.

export type RunningSessions = Omit<LiveSessions, 'delete'> & {
  /** Its holder has shown that it lives: a session of another license manager has a full term again. */
  keep(session: LiveSession): void;
  /** Its end is decided: no call is served any more, and whoever has to know is told. */
  ended(session: LiveSession, cause: ReleaseCause): void;
  /** As of `OwnerLeases`. */
  renew(holder: string, count: number, digest: Uint8Array): boolean;
  renewExactly(holder: string, sessions: readonly Uint8Array[]): Uint8Array[];
  /** Those whose lease has ended. It is forgotten, so whoever does not end them now has to `keep` them. */
  lapsed(): LiveSession[];
  nextLapse(): Mono | undefined;
};

export const createRunningSessions = (clock: Clock, onEnded: (session: LiveSession, cause: ReleaseCause) => void): RunningSessions => {
  const live = createLiveSessions();
  const leases = createOwnerLeases(LEASE_MS);
  const isLeased = ({ row }: LiveSession): boolean => row.holder !== 'local';
  return {
    get: live.get,
    add: live.add,
    all: live.all,
    ofProcess: live.ofProcess,
    get size() {
      return live.size;
    },
    keep(session) {
      if (isLeased(session)) leases.keep(clock.mono(), session.row.holder, session.id);
    },
    ended(session, cause) {
      session.ending = cause;
      live.delete(session);
      if (isLeased(session)) leases.ended(session.row.holder, session.id);
      onEnded(session, cause);
    },
    renew: (holder, count, digest) => leases.renew(clock.mono(), holder, count, digest),
    renewExactly: (holder, list) => leases.renewExactly(clock.mono(), holder, list),
    lapsed: () =>
      leases.timeout(clock.mono()).flatMap(({ session: id }) => {
        const session = live.get(id);
        return session === undefined ? [] : [session];
      }),
    nextLapse: leases.nextTimeout,
  };
};
