export { type Exploration, explore, type Machine, violationText } from './explore.ts';
export { SEATS_RULES, type SeatsBounds, type SeatsRules, seatsMachine } from './seats-machine.ts';
