import { EMPTY_POOL, type PoolId, type PoolRow, poolRowKey, type SessionRow } from '@keyhaven/core/seats';
import type { Clock } from '@keyhaven/core/time';
import type { Ledger } from '@keyhaven/ledger';
import type { Keystore } from '../keystore/index.ts';
import type { LiveSession } from './live-sessions.ts';
import { createPoolFacts, type PoolFacts } from './pool-facts.ts';
import { createRefreshing } from './refreshing.ts';
import { createRunningSessions, type RunningSessions } from './running-sessions.ts';
import { createSeatRules, type SeatRules } from './seat-rules.ts';
import { createShared, type Shared, type Sharing } from './sharing.ts';
import type { AuthorityOptions } from './types.ts';

// What the parts of an authority stand on: the ledger, which counts, and what is known of it in memory, found there at the start and kept
// up with each decision.

export type Ground = {
  readonly ledger: Ledger;
  readonly keystore: Keystore;
  readonly clock: Clock;
  readonly sessions: RunningSessions;
  readonly facts: PoolFacts;
  readonly rules: SeatRules;
  /** Set where other processes share the ledger (T4). */
  readonly sharing: { readonly by: Sharing; readonly decisions: Shared } | undefined;
  /** Resolves when what other processes did is known; undefined where there are none. */
  refresh(): Promise<void> | undefined;
  /** After a refusal the ledger holds what is durable, and the count of a pool follows it. Never rejects: later decisions say it again. */
  recount(pool: PoolId): void;
};

export type GroundListener = {
  /** Seats of the pool may have come free. */
  freed(pool: PoolId): void;
  /** The license of the key has changed. */
  changed(keyId: string): void;
};

/** Rejects with LicensingError DEVICE_ERR (43). */
export const openGround = async (options: AuthorityOptions, listener: GroundListener): Promise<Ground> => {
  const { ledger, keystore, clock, sharing } = options;
  const rules = createSeatRules(options.access, keystore);
  const sessions = createRunningSessions(clock, options.onEnded);
  const facts = createPoolFacts((pool) => listener.freed(pool));

  for await (const [name, row] of ledger.scan<SessionRow & PoolRow>('')) {
    const [key = '', kind, id = ''] = name.split('/');
    // The sessions of other instances are their business, and its own are yet to come.
    if (kind === 'session' && sharing === undefined) {
      const pool = { key, product: row.product, feature: row.feature };
      const live: LiveSession = { id, pool, row, lastUse: clock.mono(), ending: undefined, channel: undefined };
      sessions.add(live);
      rules.began(id, pool, row);
      // After a restart every stored lease gets a full term again (DESIGN "lease safety").
      sessions.keep(live);
    } else if (kind === 'pool') {
      const [product = 0, feature = 0] = id.split('.').map(Number);
      facts.note({ key, product, feature }, row);
    }
  }

  const refresh =
    sharing &&
    createRefreshing({
      ledger,
      keystore,
      sessions,
      facts,
      sharing,
      onLost: (session) => sessions.ended(session, 'license changed'),
      onChanged: (keyId) => listener.changed(keyId),
    });
  return {
    ledger,
    keystore,
    clock,
    sessions,
    facts,
    rules,
    sharing: sharing && { by: sharing, decisions: createShared(sharing, ledger, keystore, async () => refresh?.()) },
    refresh: () => refresh?.(),
    recount(pool) {
      ledger
        .update([poolRowKey(pool)], (rows) => {
          facts.note(pool, rows.get<PoolRow>(poolRowKey(pool)) ?? EMPTY_POOL);
          return { changes: [], audit: [], reply: undefined };
        })
        .catch(() => undefined);
    },
  };
};
