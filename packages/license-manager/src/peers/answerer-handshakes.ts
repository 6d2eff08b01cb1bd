import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import type { Answering } from '@keyhaven/core/link';
import { type Clock, SECOND } from '@keyhaven/core/time';
import { oldestOf } from './answerer-links.ts';
import { createOriginCount, MAX_HANDSHAKES_PER_ORIGIN, originOf } from './origin.ts';
import { PeerRefusal } from './post.ts';

// Handshakes that were answered and wait to be confirmed (K15). One too many of an origin pushes out the oldest of the same origin.

/** `own`: this LM itself began it. */
type Handshake = { readonly answering: Answering; readonly at: number; readonly own: boolean; readonly origin: string | undefined };

export type Handshakes = {
  /** @throws PeerRefusal 503, and what `answer` throws */
  begin(address: string, own: boolean, answer: (id: number) => Answering): Answering;
  /** Once for each; undefined where none of this number waits. */
  take(id: number): Handshake | undefined;
  clear(): void;
};

/** BOUNDED: handshakes under way. */
const MAX_HANDSHAKES = 1_024;
const HANDSHAKE_MS = 10 * SECOND;

export const createHandshakes = (clock: Clock, entropy: Entropy, isTaken: (id: number) => boolean): Handshakes => {
  const handshakes = new Map<number, Handshake>(); // BOUNDED by MAX_HANDSHAKES; the oldest first
  const counts = createOriginCount();

  const forget = (id: number): void => {
    const handshake = handshakes.get(id);
    if (handshake !== undefined) counts.add(handshake.origin, -1);
    handshakes.delete(id);
  };
  const newId = (): number => {
    for (;;) {
      const id = Buffer.from(entropy.bytes(4)).readUInt32BE(0);
      if (!isTaken(id) && !handshakes.has(id)) return id;
    }
  };
  return {
    begin(address, own, answer) {
      const now = clock.mono();
      for (const [id, { at }] of handshakes) {
        if (now - at <= HANDSHAKE_MS && handshakes.size <= MAX_HANDSHAKES) break;
        forget(id);
      }
      const origin = originOf(address);
      if (counts.of(origin) >= MAX_HANDSHAKES_PER_ORIGIN) forget(oldestOf(handshakes, origin) ?? -1);
      if (handshakes.size >= MAX_HANDSHAKES) throw new PeerRefusal(503, 'too many handshakes under way');
      const id = newId();
      const answering = answer(id);
      handshakes.set(id, { answering, at: now, own, origin });
      counts.add(origin, 1);
      return answering;
    },
    take(id) {
      const handshake = handshakes.get(id);
      forget(id);
      return handshake;
    },
    clear() {
      for (const id of [...handshakes.keys()]) forget(id);
    },
  };
};
