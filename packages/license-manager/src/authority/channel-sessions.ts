import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { isOver, type ReleaseCause } from '@keyhaven/core/seats';
import { encodeGrant, type Grant } from '@keyhaven/core/session';
import type { KeyChannel } from './key-channel.ts';
import type { LiveSession } from './live-sessions.ts';
import type { ServedKey } from './served-key.ts';
import { resumeTokenFor } from './tokens.ts';
import type { AuthorityCore } from './types.ts';

// The sessions that run in one channel, by the handles that its application calls them by, and whether they still may run at all.

/** BOUNDED: sessions of one channel, which is one process at one key. The text of TMOF (4) names the figure. */
export const MAX_SESSIONS = 65_536;
const STOPPED = 'The process of its license manager was stopped for longer than three minutes, and others may have its seats since (T4).';

export type ChannelSessions = {
  /** Makes it run in this channel. @returns the body of its grant. @throws LicensingError TMOF (4) */
  grant(session: LiveSession, end?: Pick<Grant, 'end'>): Buffer;
  /**
   * For a call, which counts as use of the session.
   * @throws LicensingError INV_HND (9), BROKEN_SESSION (39), KILLED_SESSION (85), FEATURE_EXPIRED (41)
   */
  use(handle: number): LiveSession;
  /** Likewise for what is no use of it: only to ask keeps nobody alive (field-facts 1.6). */
  look(handle: number): LiveSession;
  /** @throws LicensingError FEATURE_EXPIRED (41) where it was to end with its license and the grace of that (K2) */
  refuseExpired(session: LiveSession): void;
  forget(handle: number): void;
  /** The path to the application is gone: they wait for it, and so does whatever is granted from now on. */
  close(): void;
};

export const sessionEnded = (cause: ReleaseCause): LicensingError =>
  cause === 'killed' || cause === 'expired'
    ? new LicensingError(cause === 'killed' ? Status.KILLED_SESSION : Status.FEATURE_EXPIRED)
    : new LicensingError(Status.BROKEN_SESSION, { detail: cause === 'stopped' ? STOPPED : `Why it ended: ${cause}.` });

export const createChannelSessions = (
  authority: Pick<AuthorityCore, 'clock' | 'facts' | 'release' | 'detached'>,
  key: ServedKey,
  self: KeyChannel,
): ChannelSessions => {
  const byHandle = new Map<number, LiveSession>(); // BOUNDED by MAX_SESSIONS
  let nextHandle = 1;
  let closed = false;

  const look = (handle: number): LiveSession => {
    const session = byHandle.get(handle);
    if (session === undefined) throw new LicensingError(Status.INV_HND);
    if (session.ending !== undefined) throw sessionEnded(session.ending);
    return session;
  };
  /** What is lent ends for running sessions, too (K5). */
  const endWithLoan = (session: LiveSession): void => {
    const lent = key.license().delegation;
    if (lent === undefined || key.time() <= Date.parse(lent.until)) return;
    authority.release(session, 'license changed').catch(() => undefined);
    throw new LicensingError(Status.FEATURE_EXPIRED, { detail: `The detached license ended at ${lent.until}.` });
  };

  return {
    grant(session, end = {}) {
      const now = key.now();
      if (byHandle.size >= MAX_SESSIONS) throw new LicensingError(Status.TMOF);
      const handle = nextHandle++;
      byHandle.set(handle, session);
      const id = Buffer.from(session.id, 'hex');
      const { product, feature, seats } = session.row;
      const body = encodeGrant({ handle, session: id, token: resumeTokenFor(now, id), product, feature, seats, ...end });
      // The application may be gone while its login became durable; it then has to be looked after like any that is away.
      if (closed) authority.detached(self, [session]);
      return body;
    },
    look,
    use(handle) {
      const session = look(handle);
      endWithLoan(session);
      session.lastUse = authority.clock.mono();
      return session;
    },
    refuseExpired(session) {
      if (!session.row.dieAtExpiration) return;
      const terms = key.pool(session.row.product, session.row.feature)?.terms;
      if (terms === undefined || !isOver(terms, authority.facts.of(session.pool), key.time())) return;
      authority.release(session, 'expired').catch(() => undefined);
      throw new LicensingError(Status.FEATURE_EXPIRED);
    },
    forget: (handle) => void byHandle.delete(handle),
    close() {
      closed = true;
      authority.detached(self, [...byHandle.values()]);
      byHandle.clear();
    },
  };
};
