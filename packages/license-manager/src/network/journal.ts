import type { NetworkEvent, Note, Noted } from '@keyhaven/core/network';
import { type Clock, type Wall, wall } from '@keyhaven/core/time';

// What happened on the network of late (R10): kept for whoever looks late, told at once to whoever looks now.

/** BOUNDED: events that are kept. */
const KEPT = 1_000;
/** BOUNDED: listeners at a time. */
const MAX_WATCHERS = 32;

export type Journal = {
  readonly note: Note;
  /** Those kept, the oldest first. */
  recent(): NetworkEvent[];
  /** Tells each event from now on; `over` when there will be none any more. Not where it is full. */
  listen(listener: (event: NetworkEvent) => void, over: () => void): () => void;
  /** So many listen that no more may. */
  readonly full: boolean;
  close(): void;
};

type Kept = Noted & { readonly number: number; readonly when: Wall };
type Listener = { readonly tell: (event: NetworkEvent) => void; readonly over: () => void };

const shown = ({ number, when, ...noted }: Kept): NetworkEvent => ({ number, at: new Date(when).toISOString(), ...noted });

/** `also` is told of each event first. */
export const createJournal = (clock: Clock, also: Note = () => undefined): Journal => {
  const ring: Kept[] = []; // BOUNDED by KEPT
  const listeners = new Set<Listener>(); // BOUNDED by MAX_WATCHERS
  let count = 0;
  return {
    note(noted) {
      also(noted);
      const kept: Kept = { number: count + 1, when: wall(clock.wall()), ...noted };
      ring[count % KEPT] = kept;
      count += 1;
      if (listeners.size === 0) return;
      const event = shown(kept);
      for (const { tell } of listeners) tell(event);
    },
    recent: () => [...ring.slice(count % KEPT), ...ring.slice(0, count % KEPT)].map(shown),
    listen(tell, over) {
      const listener = { tell, over };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get full() {
      return listeners.size >= MAX_WATCHERS;
    },
    close() {
      for (const { over } of listeners) over();
      listeners.clear();
    },
  };
};
