export { clientDenial, priorityOf, userRuleFor } from './judge.ts';
export { type LineFault, type Parsed, parseClientRules, parseUserRules } from './parse-rules.ts';
export { createReservations, type Reservations, type SeatHolder } from './reservations.ts';
export { type AccessRules, type Asked, type Asker, type ClientRule, MAX_LINE, MAX_LINES, NO_RULES, type UserRule } from './rules.ts';
