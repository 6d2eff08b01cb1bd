import { Status, type StatusCode } from '../errors/index.ts';
import { poolRowKey, type SeatDecision, type SeatRows, sessionRowKey, who } from './decide.ts';
import { type Consume, type ConsumeReply, EMPTY_POOL, type PoolRow, type SessionRow } from './rows.ts';

// Executions that a running session takes (K1), pure, as decide.ts. Promised: a request that is repeated with its nonce takes nothing a
// second time, whatever happened in between, as long as no more than CONSUMED_KEPT others of its session came after it. So an application
// leaves at most so many of one session unanswered (docs/protocol/session.md G50). Never more is taken than is sold.

/** BOUNDED: nonces that the row of a session keeps. */
export const CONSUMED_KEPT = 16;

export const consumeRows = ({ pool, session }: Pick<Consume, 'pool' | 'session'>) => [poolRowKey(pool), sessionRowKey(pool.key, session)];

export const decideConsume = (rows: SeatRows, command: Consume): SeatDecision<ConsumeReply> => {
  const { pool, terms, executions, nonce } = command;
  const sessionKey = sessionRowKey(pool.key, command.session);
  const session = rows.get<SessionRow>(sessionKey);
  const none = (status: StatusCode, detail: string): SeatDecision<ConsumeReply> => ({
    changes: [],
    audit: [],
    reply: { kind: 'refused', status, detail },
  });
  if (session === undefined) return none(Status.BROKEN_SESSION, 'The session has ended meanwhile.');
  const refuse = (status: StatusCode, detail: string): SeatDecision<ConsumeReply> => ({
    ...none(status, detail),
    audit: [
      {
        kind: 'consume refused',
        scope: pool.key,
        detail: { ...who(pool, session), session: command.session, executions, status, cause: detail },
      },
    ],
  });
  if (terms?.executions === undefined) return refuse(Status.INV_OPTION, 'The license does not count executions.');
  const row = rows.get<PoolRow>(poolRowKey(pool)) ?? EMPTY_POOL;
  const left = terms.executions - row.executions;
  const before = session.consumed ?? [];
  if (before.includes(nonce)) return { changes: [], audit: [], reply: { kind: 'consumed', left: Math.max(0, left), repeated: true } };
  if (executions < 1) return none(Status.INVALID_PARAMETER, 'At least one execution must be asked for.');
  if (left <= 0) return refuse(Status.FEATURE_EXPIRED, `All ${terms.executions} executions are used up.`);
  if (executions > left)
    return refuse(Status.FEATURE_INSUFFICIENT_EXECUTION_COUNT, `${executions} executions were asked for and ${left} are left.`);
  return {
    changes: [
      { key: poolRowKey(pool), row: { ...row, executions: row.executions + executions } satisfies PoolRow },
      { key: sessionKey, row: { ...session, consumed: [...before, nonce].slice(-CONSUMED_KEPT) } satisfies SessionRow },
    ],
    audit: [{ kind: 'consumed', scope: pool.key, detail: { ...who(pool, session), session: command.session, executions } }],
    reply: { kind: 'consumed', left: left - executions, repeated: false },
  };
};
