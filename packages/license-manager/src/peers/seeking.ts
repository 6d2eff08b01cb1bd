import { type Clock, MINUTE, type Mono, mono, SECOND } from '@keyhaven/core/time';
import type { Peer } from './peer.ts';

// An LM whose keys were known here is likely to come back before the next search (S22); beyond the last pause the search finds it.

/** Pauses between attempts to reach a peer again. */
const RETURN_MS = [SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 20 * SECOND, MINUTE, MINUTE, MINUTE, MINUTE, MINUTE];

export type Seeking = {
  begin(peer: Peer): void;
  scheduled(): { readonly to: string; readonly due: Mono }[];
  close(): void;
};

/** `isWanted`: whether a lost peer is still to be reached. */
export const createSeeking = (clock: Clock, isWanted: (peer: Peer) => boolean): Seeking => {
  const seeking = new Map<Peer, { readonly due: Mono; readonly cancel: () => void }>(); // BOUNDED by the peers
  /** Where the pauses have come to, of peers that have answered nothing since. */
  const reached = new WeakMap<Peer, { readonly attempt: number; readonly answers: number }>();
  const seek = (peer: Peer, attempt: number): void => {
    const wait = RETURN_MS[attempt];
    if (wait === undefined || seeking.has(peer)) return;
    reached.set(peer, { attempt, answers: peer.answers });
    const cancel = clock.after(wait, () => {
      seeking.delete(peer);
      if (peer.state !== 'lost' || !isWanted(peer)) return;
      void peer.refresh().then(() => {
        if (peer.state === 'lost') seek(peer, attempt + 1);
      });
    });
    seeking.set(peer, { due: mono(clock.mono() + wait), cancel });
  };
  return {
    begin(peer) {
      const before = reached.get(peer);
      // One that links and then says nothing is not back.
      seek(peer, before?.answers === peer.answers ? before.attempt + 1 : 0);
    },
    scheduled: () => [...seeking].map(([{ address }, { due }]) => ({ to: address.host, due })),
    close() {
      for (const { cancel } of seeking.values()) cancel();
      seeking.clear();
    },
  };
};
