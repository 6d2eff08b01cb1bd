import {
  explore,
  type LendingBounds,
  lendingMachine,
  type Machine,
  type SeatsBounds,
  seatsMachine,
  violationText,
} from '@keyhaven/testkit/model';
import { grouped, type Proof } from './proof.ts';

// Every state of small sites (S20). Those that come first are small enough to be looked at whole; the last ones end where memory or time does.

/** BOUNDED: what a set of states takes of memory. */
const MOST_STATES = 12_000_000;

const SEATS: SeatsBounds = { seats: 1, holders: 1, sessions: 1, ids: 1, local: false, late: false, steps: 2 };
const LENDING: LendingBounds = {
  sold: 1,
  seats: [1],
  durations: [1],
  hours: 5,
  detachments: 1,
  jumps: 1,
  stops: 0,
  ids: 1,
  uses: false,
  wrong: [-1, 0, 48],
};

const proof = <S>(share: number, machine: Machine<S>): Proof => ({
  name: `every state: ${machine.name}`,
  share,
  async run({ seconds }) {
    const found = explore(machine, { states: MOST_STATES, ...(seconds === undefined ? {} : { seconds }) });
    const extent = found.complete ? 'all there are' : `all within ${found.depth} moves`;
    return {
      ok: found.violation === undefined,
      figures: `${grouped(found.states)} states (${extent}), ${grouped(found.transitions)} moves`,
      faults: found.violation === undefined ? [] : [violationText(found)],
    };
  },
});

export const models: readonly Proof[] = [
  proof(1, seatsMachine(SEATS)),
  proof(1, seatsMachine({ ...SEATS, local: true })),
  proof(1, seatsMachine({ ...SEATS, late: true })),
  proof(2, seatsMachine({ ...SEATS, local: true, late: true, steps: 3 })),
  proof(2, seatsMachine({ ...SEATS, ids: 2 })),
  proof(6, seatsMachine({ ...SEATS, holders: 2 })),
  proof(6, seatsMachine({ ...SEATS, seats: 2, holders: 2, sessions: 2, ids: 3, local: true, late: true, steps: 3 })),
  proof(1, lendingMachine(LENDING)),
  proof(3, lendingMachine({ ...LENDING, uses: true, ids: 2 })),
  proof(3, lendingMachine({ ...LENDING, jumps: 2, stops: 1 })),
  proof(
    4,
    lendingMachine({
      ...LENDING,
      sold: 2,
      seats: [1, 2],
      durations: [1, 2],
      hours: 8,
      detachments: 2,
      jumps: 2,
      stops: 2,
      ids: 2,
      uses: true,
    }),
  ),
];
