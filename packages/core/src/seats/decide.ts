import { Status, type StatusCode } from '../errors/index.ts';
import type { Wall } from '../time/index.ts';
import { HERE, isHere } from './holder.ts';
import {
  type Applicant,
  type Command,
  type ConsumerRow,
  EMPTY_POOL,
  type Login,
  type LoginReply,
  type PoolId,
  type PoolRow,
  type Release,
  type ReleaseReply,
  type SeatTerms,
  type SessionRow,
} from './rows.ts';
import { faultOfUse, firstUseOf } from './validity.ts';

// All rules of the seats, once, pure (DESIGN "one authority, one pure function, one commit"). Given the few rows a command touches and
// the time, it answers what changes. The same rows, command and time give the same answer, so a ledger may run it again.
//
// Promised, under any sequence of commands and any repetition of one (I1):
// - the seats in use of a pool are never more than its license sells;
// - `used` is the sum over its sessions, and over its consumers where processes or stations count;
// - a login repeated with the same session id takes nothing a second time, neither seat nor execution.

type RowKey = `${string}/${string}/${string}`;
type Change = { readonly key: RowKey; readonly row: object | undefined };
type Audit = { readonly kind: string; readonly scope: string; readonly detail: Readonly<Record<string, string | number | boolean | null>> };
export type SeatRows = { get<R extends object>(key: RowKey): R | undefined };
export type SeatDecision<T> = { readonly changes: readonly Change[]; readonly audit: readonly Audit[]; readonly reply: T };

export const poolRowKey = (pool: PoolId): RowKey => `${pool.key}/pool/${pool.product}.${pool.feature}`;
export const sessionRowKey = (key: string, session: string): RowKey => `${key}/session/${session}`;
const consumerRowKey = (pool: PoolId, consumer: string): RowKey => `${pool.key}/consumer/${pool.product}.${pool.feature}.${consumer}`;

/** What a session counts with (field-facts 4.2): undefined = itself. */
export const consumerOf = (count: SeatTerms['count'], applicant: Applicant): string | undefined => {
  const { holder, station = holder, pid, start, unit = `${pid}.${start}` } = applicant;
  switch (count) {
    case 'login':
      return undefined;
    case 'process':
      return `${station}.${unit}`;
    case 'station':
      // It is on some computer, but nobody knows on which: it shares the seat of none. A REST client on this computer is on the same station as
      // every application here.
      if (applicant.forwarded === true) return `${station}.forwarded.${unit}`;
      return isHere(station) ? HERE : station;
  }
};

/** For the person whose license manager is not on his computer. */
const FORWARDED = 'The connection comes through another process, such as a TCP forward';

/** The rows that `decide` reads for a command. */
export const rowsOf = (command: Command): RowKey[] => {
  const { pool } = command;
  const consumer =
    command.kind === 'release'
      ? command.consumer
      : command.terms === undefined
        ? undefined
        : consumerOf(command.terms.count, command.applicant);
  const keys = [poolRowKey(pool), sessionRowKey(pool.key, command.session)];
  if (consumer !== undefined) keys.push(consumerRowKey(pool, consumer));
  return keys;
};

export const decideLogin = (rows: SeatRows, command: Login, ledgerTime: Wall): SeatDecision<LoginReply> => {
  const now = command.time !== undefined && command.time > ledgerTime ? command.time : ledgerTime;
  const { pool, terms, applicant } = command;
  const sessionKey = sessionRowKey(pool.key, command.session);
  const existing = rows.get<SessionRow>(sessionKey);
  if (existing !== undefined) return { changes: [], audit: [], reply: { kind: 'granted', session: existing, repeated: true } };

  const refuse = (status: StatusCode, detail: string, by: Pick<Login['barred'] & {}, 'rule' | 'place'> = {}): SeatDecision<LoginReply> => {
    const asked = {
      ...who(pool, applicant),
      seats: command.seats,
      status,
      cause: detail,
      ...(by.rule === undefined ? {} : { rule: by.rule }),
      ...(by.place === undefined ? {} : { ruleFile: by.place.file, ruleLine: by.place.line }),
    };
    // One login is one denial, however many keys its application asks.
    const isDenial = command.denial === undefined || (command.denial === 'when full' && status === Status.TOO_MANY_USERS);
    const kind = isDenial ? 'refused' : 'attempt refused';
    return { changes: [], audit: [{ kind, scope: pool.key, detail: asked }], reply: { kind: 'refused', status, detail } };
  };

  if (command.barred !== undefined) return refuse(command.barred.status, command.barred.detail, command.barred);
  if (terms === undefined) return refuse(Status.FEATURE_NOT_FOUND, `The key has no feature ${pool.feature} in product ${pool.product}.`);
  const row = rows.get<PoolRow>(poolRowKey(pool)) ?? EMPTY_POOL;
  if (!isHere(applicant.holder) && !terms.network) {
    return refuse(Status.ACCESS_DENIED, 'The license lets only the computer with the key use this feature.');
  }
  if (applicant.forwarded === true && !terms.network) {
    return refuse(
      Status.ACCESS_DENIED,
      `The license lets only the computer with the key use this feature. ${FORWARDED}, so the application counts as remote.`,
    );
  }
  const firstUse = firstUseOf(terms, row, command.firstUse, now);
  const fault = faultOfUse(terms, command, firstUse, now);
  if (fault !== undefined) return refuse(fault.status, fault.detail);
  const executions = terms.executions === undefined ? 0 : Math.max(1, command.executions);
  if (terms.executions !== undefined) {
    const left = terms.executions - row.executions;
    if (left <= 0) return refuse(Status.FEATURE_EXPIRED, `All ${terms.executions} executions are used up.`);
    if (executions > left)
      return refuse(Status.FEATURE_INSUFFICIENT_EXECUTION_COUNT, `${executions} executions were asked for and ${left} are left.`);
  }

  const consumer = consumerOf(terms.count, applicant);
  const held = consumer === undefined ? undefined : rows.get<ConsumerRow>(consumerRowKey(pool, consumer));
  const seats = Math.max(1, command.seats);
  const more = Math.max(0, seats - (held?.seats ?? 0));
  const limit = terms.seats;
  if (limit !== undefined && row.used + more > limit) {
    const apart =
      applicant.forwarded === true && terms.count === 'station' ? ` ${FORWARDED}, so it does not share the seat of a station.` : '';
    return refuse(
      Status.TOO_MANY_USERS,
      `${row.used} of ${limit} seats are in use and ${more} more ${more === 1 ? 'is' : 'are'} needed.${apart}`,
    );
  }
  const reserved = command.reservedForOthers ?? 0;
  if (limit !== undefined && more > 0 && row.used + more > limit - reserved) {
    return refuse(Status.TOO_MANY_USERS, `${row.used} of ${limit} seats are in use and ${reserved} are reserved for others.`);
  }
  const behind = command.behind ?? 0;
  if (limit !== undefined && more > 0 && behind > 0) {
    return refuse(Status.TOO_MANY_USERS, `${row.used} of ${limit} seats are in use, and ${behind} wait for what is free.`);
  }

  const { instance, ...person } = applicant;
  const session: SessionRow = {
    ...person,
    product: pool.product,
    feature: pool.feature,
    seats,
    ...(consumer === undefined ? {} : { consumer }),
    dieAtExpiration: command.dieAtExpiration,
    since: ledgerTime,
    ...(instance === undefined ? {} : { instance }),
  };
  const begun = firstUse === undefined ? {} : terms.trial ? { trialUse: firstUse } : { firstUse };
  const changes: Change[] = [
    { key: sessionKey, row: session },
    { key: poolRowKey(pool), row: { ...row, used: row.used + more, executions: row.executions + executions, ...begun } satisfies PoolRow },
  ];
  if (consumer !== undefined) {
    const grown: ConsumerRow = { sessions: (held?.sessions ?? 0) + 1, seats: (held?.seats ?? 0) + more };
    changes.push({ key: consumerRowKey(pool, consumer), row: grown });
  }
  const detail = { ...who(pool, applicant), session: command.session, seats, executions };
  return { changes, audit: [{ kind: 'granted', scope: pool.key, detail }], reply: { kind: 'granted', session, repeated: false } };
};

export const decideRelease = (rows: SeatRows, command: Release): SeatDecision<ReleaseReply> => {
  const { pool } = command;
  const sessionKey = sessionRowKey(pool.key, command.session);
  const session = rows.get<SessionRow>(sessionKey);
  if (session === undefined) return { changes: [], audit: [], reply: { kind: 'unknown' } };
  const row = rows.get<PoolRow>(poolRowKey(pool)) ?? EMPTY_POOL;
  const changes: Change[] = [{ key: sessionKey, row: undefined }];
  let freed = session.seats;
  if (session.consumer !== undefined) {
    const key = consumerRowKey(pool, session.consumer);
    const held = rows.get<ConsumerRow>(key) ?? { sessions: 1, seats: session.seats };
    const last = held.sessions <= 1;
    freed = last ? held.seats : 0;
    changes.push({ key, row: last ? undefined : ({ sessions: held.sessions - 1, seats: held.seats } satisfies ConsumerRow) });
  }
  changes.push({ key: poolRowKey(pool), row: { ...row, used: row.used - freed } satisfies PoolRow });
  const detail = { ...who(pool, session), session: command.session, cause: command.cause, seats: freed };
  return { changes, audit: [{ kind: 'released', scope: pool.key, detail }], reply: { kind: 'released' } };
};

export const who = (pool: PoolId, applicant: Applicant) => ({
  product: pool.product,
  feature: pool.feature,
  holder: applicant.holder,
  host: applicant.host,
  user: applicant.user,
  application: applicant.application,
  pid: applicant.pid,
  address: applicant.address,
  ...(applicant.station === undefined ? {} : { station: applicant.station }),
  ...(applicant.forwarded === undefined ? {} : { forwarded: true }),
});
