export { type AddressesOf, clientDenial, namesIn, priorityOf, userRuleFor } from './judge.ts';
export { type LineFault, type Parsed, type Places, parseClientRules, parseUserRules } from './parse-rules.ts';
export { admitsRemote, remoteDenial } from './remote-mode.ts';
export { createReservations, type Reservations, type SeatHolder } from './reservations.ts';
export {
  type AccessRules,
  type Asked,
  type Asker,
  type ClientRule,
  MAX_LINE,
  MAX_LINES,
  NO_RULES,
  type RemoteMode,
  type RulePlace,
  remoteModes,
  type UserRule,
} from './rules.ts';
