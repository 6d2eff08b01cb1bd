export { type Exploration, explore, type Machine, violationText } from './explore.ts';
export { LENDING_RULES, type LendingBounds, type LendingRules, lendingMachine } from './lending-machine.ts';
export { SEATS_RULES, type SeatsBounds, type SeatsRules, seatsMachine } from './seats-machine.ts';
export { type Walk, walk } from './walk.ts';
