import type { Random } from '../world/random.ts';
import type { Machine } from './explore.ts';

// Walks at random through a machine that is too large to be looked at as a whole. The same random walks the same way (I7).

export type Walk = {
  /** Moves that were made; after each of them the invariants were checked. */
  readonly events: number;
  /** A sum over all that was done: the same for the same seed. */
  readonly digest: number;
  readonly violation: { readonly fault: string; readonly trace: readonly string[]; readonly state: string } | undefined;
};

/** @param moves of one walk, from the beginning of the machine */
export const walk = <S>(machine: Machine<S>, random: Random, moves: number): Walk => {
  let state = machine.initial;
  let digest = 0;
  const trace: string[] = [];
  for (let events = 1; events <= moves; events += 1) {
    const possible = machine.moves(state);
    if (possible.length === 0) return { events: events - 1, digest, violation: undefined };
    const chosen = random.below(possible.length);
    const move = possible[chosen];
    if (move === undefined) throw new RangeError('no such move');
    digest = (Math.imul(digest, 31) + chosen * 64 + possible.length) | 0;
    trace.push(move.name);
    state = move.next();
    const fault = machine.fault(state);
    if (fault !== undefined) return { events, digest, violation: { fault, trace, state: machine.show(state) } };
  }
  return { events: moves, digest, violation: undefined };
};
