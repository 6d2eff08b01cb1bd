import type { SessionRow } from '@keyhaven/core/seats';
import { EMPTY_POOL, type PoolRow, poolRowKey } from '@keyhaven/core/seats';
import type { Ledger } from '@keyhaven/ledger';
import type { Keystore } from '../keystore/index.ts';
import type { LiveSession, LiveSessions } from './live-sessions.ts';
import type { PoolFacts } from './pool-facts.ts';
import type { Sharing } from './sharing.ts';

// What an authority that shares its ledger takes over from other processes: licenses, seats in use, and which of its sessions they ended.
// What it decides does not depend on that (sharing.ts); what it shows, and when those who wait look again, does.

export type RefreshingOptions = {
  readonly ledger: Ledger;
  readonly keystore: Keystore;
  readonly sessions: Pick<LiveSessions, 'all' | 'get'>;
  readonly facts: PoolFacts;
  readonly sharing: Sharing;
  /** A session here was ended by another process, with a license that no longer has it. */
  readonly onLost: (session: LiveSession) => void;
  /** The license of a key is another one, or the key is gone. */
  readonly onChanged: (keyId: string) => void;
};

/** What it answers begins after it was called. Rejects with LicensingError DEVICE_ERR (43). */
export const createRefreshing = (options: RefreshingOptions): (() => Promise<void>) => {
  const { ledger, keystore, sessions, facts, sharing } = options;

  const refreshNow = async (): Promise<void> => {
    const before = [...sessions.all()].filter(({ ending }) => ending === undefined);
    const changed = await keystore.refresh();
    await Promise.all(
      [...keystore.keys()].map(({ identity: { id: key }, license }) => {
        const pools = [...(license?.pools.values() ?? [])].map(({ product, feature }) => ({
          key,
          product: product?.id ?? 0,
          feature: feature.id,
        }));
        // In a decision, so that what was decided here meanwhile is not covered by what was before it.
        return ledger.update(pools.map(poolRowKey), (rows) => {
          for (const pool of pools) facts.note(pool, rows.get<PoolRow>(poolRowKey(pool)) ?? EMPTY_POOL);
          return { changes: [], audit: [], reply: undefined };
        });
      }),
    );
    const alive = new Set<string>();
    for (const key of new Set(before.map(({ pool }) => pool.key))) {
      const prefix = `${key}/session/`;
      for await (const [name] of ledger.scan<SessionRow>(prefix)) alive.add(name.slice(prefix.length));
    }
    const lost = before.filter(({ id }) => !alive.has(id));
    // Were they given back because this one seemed to be over? Then it ends all of its sessions.
    if (lost.length > 0) await sharing.instance.renew();
    for (const session of lost) if (session.ending === undefined && sessions.get(session.id) === session) options.onLost(session);
    for (const id of changed) options.onChanged(id);
  };

  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  return () => {
    const begin = (): Promise<void> => {
      next = undefined;
      running = refreshNow();
      return running;
    };
    next ??= (running ?? Promise.resolve()).then(begin, begin);
    return next;
  };
};
