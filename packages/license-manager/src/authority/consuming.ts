import { hex } from '@keyhaven/core/bytes';
import { LicensingError } from '@keyhaven/core/errors';
import { consumeRows, decideConsume, type SeatTerms } from '@keyhaven/core/seats';
import type { Call } from '@keyhaven/core/session';
import type { LiveSession } from './live-sessions.ts';
import type { AuthorityCore } from './types.ts';

/**
 * Takes executions for a session that runs (K1); resolves to how many are left when it is durable.
 * @throws LicensingError BROKEN_SESSION (39), FEATURE_EXPIRED (41), FEATURE_INSUFFICIENT_EXECUTION_COUNT (81), INV_OPTION (104)
 */
export const consume = async (
  authority: Pick<AuthorityCore, 'decide' | 'facts'>,
  session: LiveSession,
  terms: SeatTerms | undefined,
  call: Extract<Call, { kind: 'consume' }>,
): Promise<number> => {
  const { pool, id } = session;
  const command = { kind: 'consume', pool, terms, session: id, nonce: hex(call.nonce), executions: call.executions } as const;
  const reply = await authority.decide(pool.key, consumeRows(command), (rows) => {
    const decision = decideConsume(rows, command);
    authority.facts.noteChanges(pool, decision.changes);
    return decision;
  });
  if (reply.kind === 'refused') throw new LicensingError(reply.status, { detail: reply.detail });
  return reply.left;
};
