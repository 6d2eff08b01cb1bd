import { Status } from '@keyhaven/core/errors';
import { type Applicant, identityOfHolder, isHere, type Login, type PoolId, type SessionRow } from '@keyhaven/core/seats';
import {
  type AccessRules,
  type AddressesOf,
  type Asked,
  type Asker,
  clientDenial,
  createReservations,
  priorityOf,
  type RulePlace,
  remoteDenial,
  userRuleFor,
} from '@keyhaven/core/users';
import type { Bar } from '../authority/guard.ts';

// The administrator's rules at the owner of the keys (R9): who may take a seat (53), which computers may come at all (5), which seats
// are kept for whom, and who goes first among those who wait. Asked at each login; sessions that run go on until they end.

export type RuleBar = Bar & { readonly rule: string; readonly place?: RulePlace };

/** Who is lent to; the address only where the other license manager itself asks, over its link. */
type LentTo = {
  readonly user: string | undefined;
  /** An administrator of this computer detaches; no rule that names people is about that. */
  readonly administrator?: boolean;
  readonly host: string;
  readonly guid: string;
  readonly address?: string;
};

export type Access = {
  /** Other rules from now on; with the sessions that run, for their seats count for what is reserved. */
  change(
    rules: AccessRules,
    running: Iterable<{ readonly id: string; readonly pool: PoolId; readonly vendor: number; readonly row: SessionRow }>,
  ): void;
  /** The mode of "Access from Remote Clients" against every other computer; undefined = they may come. */
  againstRemote(identified?: boolean): RuleBar | undefined;
  /** Whether the rules say something else to an application of another computer than to one of this. */
  asksWhere(): boolean;
  /** The command with what the rules say to it. */
  ruled(command: Login, vendor: number): Login;
  /** A session runs, from its grant or from the ledger. */
  began(session: string, pool: PoolId, vendor: number, row: SessionRow): void;
  ended(session: string): void;
  /** Among those who wait for a seat of the pool, the greater goes first. */
  priorityOf(applicant: Applicant, pool: PoolId, vendor: number): number;
  /** Seats of the pool that the applicant must leave to others, as of now. */
  reservedForOthers(applicant: Applicant, pool: PoolId, vendor: number): number;
  /**
   * Against detaching these features of a product; the refusal names the rule and its line. The user is undefined where another license manager asks: rules
   * that allow users are not about that, and rules that deny them are (field-facts 2.3).
   */
  againstDetach(to: LentTo, of: Omit<Asked, 'feature'>, features: readonly number[]): RuleBar | undefined;
  /** Seats of the pool that lending must leave to others, as of now. */
  keptFromDetach(to: LentTo, pool: PoolId, vendor: number): number;
  /** Against another license manager; `host` and `holder` are undefined until it has told them. */
  againstClient(client: {
    readonly address: string;
    readonly host: string | undefined;
    readonly holder: string | undefined;
    readonly station?: string | undefined;
  }): RuleBar | undefined;
};

export type AccessSurroundings = {
  /** Absent: names in rules are compared with what others call themselves. */
  readonly addressesOf?: AddressesOf;
  /** A login that a rule denies. */
  readonly onBarred?: (applicant: Applicant, pool: PoolId, bar: RuleBar) => void;
};

const byRule = ({ line, place }: { readonly line: string; readonly place?: RulePlace }): Pick<RuleBar, 'rule' | 'place'> => ({
  rule: line,
  ...(place === undefined ? {} : { place }),
});

/** Names the rule that refuses to detach, so that whoever wrote it finds it. Another computer is told the line, not where the file is. */
const detachDetail = ({ rule, place }: RuleBar, feature: number, { user, administrator = false, host, address }: Asker): string => {
  const isRemote = address !== '';
  const file = isRemote || place === undefined ? 'the settings' : place.file;
  const where = place === undefined ? 'of the settings' : `in line ${place.line} of ${file}`;
  const whom = user === undefined ? (administrator ? '' : ' by a user who is not known,') : ` by ${user.slice(0, 100)},`;
  return `Rule "${rule.slice(0, 300)}" ${where} denies detaching feature ${feature}${whom} to computer ${host.slice(0, 100)}.`.replace(
    ',,',
    ',',
  );
};

export const createAccess = (rules: AccessRules, { addressesOf, onBarred }: AccessSurroundings = {}): Access => {
  let { users, clients, remote } = rules;
  let reservations = createReservations(users);
  const askedFor = ({ key, product, feature }: PoolId, vendor: number): Asked => ({ vendor, key, product, feature });

  const againstRemote: Access['againstRemote'] = (identified = false) => {
    if (remote === undefined) return undefined;
    const { mode, place } = remote;
    const denial = remoteDenial(mode, identified);
    return (
      denial && {
        status: denial.status,
        detail: denial.detail ?? '',
        ...byRule({ line: `access.remoteClients = ${mode}`, ...(place && { place }) }),
      }
    );
  };
  const againstClient: Access['againstClient'] = (client) => {
    const rule = clientDenial(clients, client, addressesOf);
    if (rule === undefined) return undefined;
    const name = client.host === undefined ? client.address : `${client.host} (${client.address})`;
    return {
      status: Status.ACCESS_DENIED,
      detail: `The rules of this license manager deny the computer ${name.slice(0, 300)}.`,
      ...byRule(rule),
    };
  };
  const againstUser = (asker: Asker, asked: Asked): RuleBar | undefined => {
    const rule = userRuleFor(users, asker, asked);
    if (rule?.verdict !== 'deny') return undefined;
    const user = asker.user?.slice(0, 100) ?? 'a user who is not named';
    return {
      status: Status.USER_DENIED,
      detail: `The rules of the license manager with the key deny feature ${asked.feature} to ${user} at ${asker.host.slice(0, 100)}.`,
      ...byRule(rule),
    };
  };

  return {
    change(next, running) {
      ({ users, clients, remote } = next);
      reservations = createReservations(users);
      for (const { id, pool, vendor, row } of running) reservations.began(id, askedFor(pool, vendor), row);
    },
    asksWhere: () => againstRemote() !== undefined || clients.length > 0 || users.some(({ subject }) => subject.lm === 'local'),
    ruled(command, vendor) {
      const { applicant, pool } = command;
      const asked = askedFor(pool, vendor);
      const ruledOut =
        (isHere(applicant.holder) && applicant.forwarded !== true
          ? undefined
          : (againstRemote(identityOfHolder(applicant.holder) !== undefined) ?? againstClient(applicant))) ?? againstUser(applicant, asked);
      if (ruledOut !== undefined) onBarred?.(applicant, pool, ruledOut);
      const barred = ruledOut ?? command.barred;
      const reserved = reservations.forOthers(asked, applicant);
      return {
        ...command,
        ...(barred === undefined ? {} : { barred }),
        ...(reserved === 0 ? {} : { reservedForOthers: reserved }),
      };
    },
    began: (session, pool, vendor, row) => reservations.began(session, askedFor(pool, vendor), row),
    ended: (session) => reservations.ended(session),
    priorityOf: (applicant, pool, vendor) => priorityOf(users, applicant, askedFor(pool, vendor)),
    reservedForOthers: (applicant, pool, vendor) => reservations.forOthers(askedFor(pool, vendor), applicant),
    againstDetach({ user, administrator = false, host, guid, address = '' }, of, features) {
      const asker = { user, administrator, host, address, holder: guid };
      for (const feature of features) {
        const bar = againstUser(asker, { ...of, feature });
        if (bar !== undefined) return { ...bar, detail: detachDetail(bar, feature, asker) };
      }
      return undefined;
    },
    keptFromDetach: ({ user, administrator = false, host, guid, address = '' }, pool, vendor) =>
      reservations.forOthers(askedFor(pool, vendor), { user, administrator, host, address, holder: guid }),
    againstRemote,
    againstClient,
  };
};
