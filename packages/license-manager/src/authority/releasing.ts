import { decideRelease, type Release, type ReleaseCause, rowsOf } from '@keyhaven/core/seats';
import type { Ground } from './ground.ts';
import type { LiveSession } from './live-sessions.ts';

// How sessions give back their seats. A release is answered before it is durable: losing one errs to the safe side, for the seat stays taken
// until the release is repeated, or until the next start (DESIGN). One that the disk refuses afterwards is owed, and done again until it is
// taken, or its seat would stay taken for as long as this process lives.

export type Releasing = {
  /** Resolves when it is decided; where it rejects the session goes on. Another release of the same session adds nothing. */
  release(session: LiveSession, cause: ReleaseCause): Promise<void>;
  /** Does what is owed. Rejects where the disk refuses again; then the rest is still owed. */
  settle(): Promise<void>;
  readonly owing: boolean;
  close(): void;
};

/** What is released from the ledger, whoever decides when. */
export const releaseOf = ({ id, pool, row }: LiveSession, cause: ReleaseCause): Release => ({
  kind: 'release',
  pool,
  session: id,
  consumer: row.consumer,
  cause,
});

/** @param onOwed the disk has refused what was answered */
export const createReleasing = ({ ledger, sessions, facts, rules, sharing }: Ground, onOwed: () => void): Releasing => {
  /** Answered, and not known to be durable. BOUNDED by the sessions that there were. */
  let unsettled: Release[] = [];
  const owed = new Map<string, Release>(); // BOUNDED likewise
  let watching = false;
  let closed = false;

  /** Asks nothing of the ledger, but is answered when all that was decided before is durable, or refused with it. */
  const watchDurability = async (): Promise<void> => {
    if (watching) return;
    watching = true;
    while (unsettled.length > 0 && !closed) {
      const batch = unsettled;
      unsettled = [];
      try {
        await ledger.update([], () => ({ changes: [], audit: [], reply: undefined }));
      } catch {
        for (const command of batch) owed.set(command.session, command);
        onOwed();
      }
    }
    watching = false;
  };

  return {
    async release(session, cause) {
      if (session.ending !== undefined) return;
      session.ending = cause;
      const command = releaseOf(session, cause);
      try {
        await ledger.update(
          rowsOf(command),
          (rows) => {
            const decision = decideRelease(rows, command);
            rules.ended(session.id); // In the order of decisions, as all that is counted.
            facts.noteChanges(session.pool, decision.changes);
            return decision;
          },
          { durability: 'later' },
        );
        // A shared ledger answers nothing before it is durable.
        if (sharing === undefined) unsettled.push(command);
        watchDurability().catch(() => undefined);
      } catch (error) {
        session.ending = undefined;
        rules.began(session.id, session.pool, session.row);
        throw error;
      }
      sessions.ended(session, cause);
    },
    async settle() {
      for (const [id, command] of owed) {
        if (sessions.get(id) === undefined) {
          await ledger.update(rowsOf(command), (rows) => {
            const decision = decideRelease(rows, command);
            facts.noteChanges(command.pool, decision.changes);
            return decision;
          });
        }
        owed.delete(id);
      }
    },
    get owing() {
      return owed.size > 0;
    },
    close() {
      closed = true;
    },
  };
};
