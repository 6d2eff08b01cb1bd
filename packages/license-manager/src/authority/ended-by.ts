import { decideRelease, type PoolId, type Release, type ReleaseCause, rowsOf } from '@keyhaven/core/seats';
import type { AuditEntry, Change } from '@keyhaven/ledger';
import { type Beside, type Key, type KeyLicense, overlay, poolName } from '../keystore/index.ts';
import { newestWith } from './license-changes.ts';
import type { LiveSession } from './live-sessions.ts';

// Which sessions an update ends, and their release as a part of the decision that applies it (K4): after a crash either the license is the old
// one and they have their seats, or it is the new one and they have not.

/**
 * Sessions of features that are gone after one of the updates, or whose network flag changes (all of them, local ones too: field-facts 5), and
 * the newest ones where more seats are out than the fewest that any of them leaves. All others go on.
 */
export const endedBy = (
  key: Key,
  next: readonly KeyLicense[],
  sessions: Iterable<LiveSession>,
  used: (pool: PoolId) => number,
): LiveSession[] => {
  const own = [...sessions].filter((session) => session.pool.key === key.identity.id && session.ending === undefined);
  const steps = [...(key.license === undefined ? [] : [key.license]), ...next];
  return [...Map.groupBy(own, ({ pool }) => poolName(pool.product, pool.feature))].flatMap(([name, of]) => {
    const terms = steps.map((license) => license.pools.get(name)?.terms);
    const [first, ...later] = terms;
    if (later.some((each) => each === undefined || each.network !== first?.network)) return of;
    const limit = Math.min(...next.map((license) => license.pools.get(name)?.terms.seats ?? Number.POSITIVE_INFINITY));
    const [any] = of;
    const excess = any === undefined ? 0 : used(any.pool) - limit;
    return excess <= 0 ? [] : newestWith(excess, of);
  });
};

/** Their release, beside the update. `note` hears what becomes of their pools. */
export const releaseBeside = (
  ending: readonly LiveSession[],
  cause: ReleaseCause,
  note: (pool: PoolId, changes: readonly Change[]) => void,
): Beside => {
  const commands = ending.map(({ id, pool, row }): Release => ({ kind: 'release', pool, session: id, consumer: row.consumer, cause }));
  return {
    keys: commands.flatMap(rowsOf),
    decide(rows) {
      const view = overlay(rows);
      const changes: Change[] = [];
      const audit: AuditEntry[] = [];
      for (const command of commands) {
        const decision = decideRelease(view, command);
        view.put(decision.changes);
        note(command.pool, decision.changes);
        changes.push(...decision.changes);
        audit.push(...decision.audit);
      }
      return { changes, audit };
    },
  };
};
