import { Buffer } from 'node:buffer';
import { type PoolRow, poolRowKey, type SeatTerms, storedUse } from '@keyhaven/core/seats';
import { SECOND } from '@keyhaven/core/time';
import { sessionEnded } from './channel-sessions.ts';
import { endOf } from './ends.ts';
import type { LiveSession } from './live-sessions.ts';
import type { ServedKey } from './served-key.ts';
import type { AuthorityCore } from './types.ts';

// What a session is told of itself: its seat, its license, its pool and when it ends, as JSON (docs/protocol/session.md).

/**
 * At once, or when the ledger was asked.
 * @throws LicensingError as `sessionEnded`, where it ended meanwhile
 */
export const sessionInfo = (authority: AuthorityCore, key: ServedKey, session: LiveSession): Buffer | Promise<Buffer> => {
  const refreshed = authority.refresh();
  return refreshed === undefined ? infoNow(authority, key, session) : refreshed.then(() => infoNow(authority, key, session));
};

const infoNow = (authority: AuthorityCore, key: ServedKey, session: LiveSession): Buffer | Promise<Buffer> => {
  if (session.ending !== undefined) throw sessionEnded(session.ending);
  const pool = key.pool(session.row.product, session.row.feature);
  const now = authority.clock.mono();
  const about = {
    session: session.id,
    key: key.id,
    product: session.row.product,
    feature: session.row.feature,
    seats: session.row.seats,
    since: session.row.since,
    license: pool?.feature.license ?? null,
    ...timesOf(authority.facts.of(session.pool), pool?.terms, key),
    limit: pool?.terms.seats ?? null,
    used: authority.used(session.pool),
    idleTimeout: Math.floor(authority.idleTimeoutMs / SECOND),
    idleRemaining: Math.floor((authority.idleTimeoutMs - (now - session.lastUse)) / SECOND),
  };
  const written = (more: object): Buffer => Buffer.from(JSON.stringify({ ...about, ...more }), 'utf8');
  return pool?.terms.executions === undefined
    ? written({})
    : executionsOf(authority, session).then((executions) => written({ executions }));
};

const timesOf = (row: PoolRow, terms: SeatTerms | undefined, key: ServedKey) => {
  const { end } = endOf(terms, row, key.time());
  const firstUse = terms === undefined ? undefined : storedUse(terms, row);
  return {
    ...(firstUse === undefined ? {} : { firstUse }),
    ...(end === undefined ? {} : { ends: end.ends, graceEnds: end.last, time: end.now, inGrace: end.now > end.ends }),
  };
};

/** Executions taken from the pool of a session. */
const executionsOf = ({ ledger }: AuthorityCore, { pool }: LiveSession): Promise<number> =>
  ledger.update([poolRowKey(pool)], (rows) => ({ changes: [], audit: [], reply: rows.get<PoolRow>(poolRowKey(pool))?.executions ?? 0 }), {
    durability: 'later',
  });
