import { matchesAddress, sameAddress } from './address-pattern.ts';
import type { Asked, Asker, ClientRule, HostPattern, Person, Subject, UserRule } from './rules.ts';
import { matchesWildcard } from './wildcard.ts';

// What the rules say to somebody. The first rule that speaks of the asker and of what is asked for decides; where none does, it is allowed.

/** Bits of a comparison that may not be decided yet: the host of a link is known only after its first message. */
type Answer = 'yes' | 'no' | 'unknown';

const hostAnswer = (pattern: HostPattern, host: string | undefined, address: string): Answer => {
  switch (pattern.kind) {
    case 'any':
      return 'yes';
    case 'name':
      return host === undefined ? 'unknown' : matchesWildcard(pattern.name, host) ? 'yes' : 'no';
    case 'address':
      return matchesAddress(pattern.address, address) ? 'yes' : 'no';
  }
};

const isUser = (user: Person['user'], asker: Asker, unknownUser: boolean): boolean => {
  if (user === undefined) return true;
  if (asker.administrator === true) return false;
  return asker.user === undefined ? unknownUser : matchesWildcard(user, asker.user);
};
const isPerson = ({ user, host }: Person, asker: Asker, unknownUser: boolean): boolean =>
  isUser(user, asker, unknownUser) && hostAnswer(host, asker.host, asker.address) === 'yes';

/** Whether the subject is about this pool, whoever asks. */
export const isAbout = ({ vendor, key, product, feature }: Subject, asked: Asked): boolean =>
  (vendor === undefined || vendor === asked.vendor) &&
  (key === undefined || key === asked.key) &&
  (product === undefined || product === asked.product) &&
  (feature === undefined || feature === asked.feature);

const isOf = (lm: string | undefined, { holder, station, forwarded }: Asker): boolean =>
  lm === undefined || ((lm === holder || lm === station) && !(forwarded === true && lm === 'local'));

/** Whether the asker is among those of the subject, whatever is asked for. */
export const isAmong = ({ who, host, lm }: Subject, asker: Asker, unknownUser = false): boolean =>
  isOf(lm, asker) && hostAnswer(host, asker.host, asker.address) === 'yes' && who.some((each) => isPerson(each, asker, unknownUser));

/** The rule that decides; undefined = none, which allows. */
export const userRuleFor = (rules: readonly UserRule[], asker: Asker, asked: Asked): UserRule | undefined =>
  rules.find(({ verdict, subject }) => isAbout(subject, asked) && isAmong(subject, asker, verdict === 'deny'));

/** Among those who wait for this the greater goes first; 0 where no rule says more. */
export const priorityOf = (rules: readonly UserRule[], asker: Asker, asked: Asked): number =>
  userRuleFor(rules, asker, asked)?.priority ?? 0;

export type Client = {
  readonly address: string;
  /** undefined = not told yet. */
  readonly host: string | undefined;
  readonly holder: string | undefined;
  /** As in `Asker`. */
  readonly station?: string | undefined;
};

/** What a host name has for addresses now; nothing where it has none. */
export type AddressesOf = (name: string) => readonly string[];

/** Names of computers whose addresses these rules depend on. */
export const namesIn = (rules: readonly ClientRule[]): readonly string[] => [
  ...new Set(rules.flatMap(({ host }) => (host.kind === 'name' && host.exact !== undefined ? [host.exact] : []))),
];

/**
 * A name without a star is the computer whose address it has: what somebody calls himself opens nothing. It closes, though: whoever says
 * that he is the one who is denied is believed.
 */
const clientHost = ({ host, verdict }: ClientRule, client: Client, addressesOf: AddressesOf | undefined): Answer => {
  if (addressesOf === undefined || host.kind !== 'name' || host.exact === undefined) return hostAnswer(host, client.host, client.address);
  if (addressesOf(host.exact).some((address) => sameAddress(address, client.address))) return 'yes';
  return verdict === 'allow' ? 'no' : hostAnswer(host, client.host, client.address);
};

const lmAnswer = (lm: string | undefined, { holder, station }: Client): Answer => {
  if (lm === undefined) return 'yes';
  if (holder === undefined) return 'unknown';
  return lm === holder || lm === station ? 'yes' : 'no';
};

/**
 * The rule that denies another license manager; undefined = none does, or that cannot be said before its host and GUID are known. Without
 * `addressesOf` the names of rules are compared with what others call themselves.
 */
export const clientDenial = (rules: readonly ClientRule[], client: Client, addressesOf?: AddressesOf): ClientRule | undefined => {
  for (const rule of rules) {
    const host = clientHost(rule, client, addressesOf);
    const lm = lmAnswer(rule.lm, client);
    if (host === 'no' || lm === 'no') continue;
    if (host === 'yes' && lm === 'yes') return rule.verdict === 'deny' ? rule : undefined;
    // An allowance that may yet come true stands before every denial that follows.
    if (rule.verdict === 'allow') return undefined;
  }
  return undefined;
};
