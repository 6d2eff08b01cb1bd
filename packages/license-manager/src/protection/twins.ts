import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { callLink, type LmIdentity } from '@keyhaven/core/link';
import { type Clock, MINUTE } from '@keyhaven/core/time';
import type { PeerAddress, Post } from '../peers/index.ts';

// A whole computer that was copied has this LM's identity, too, and so all of its keys (K9). A datagram of our own GUID from another address
// makes it ask there; only who holds the private key of the identity can answer, and this LM itself is told from its twin by the hello that
// it then receives. The twin learns the same from the same handshake.

export type Twins = {
  /** Somebody at this address uses our GUID, or says so. */
  suspect(address: PeerAddress): void;
  /** A hello that has come in: true where this LM sent it itself. */
  isOwn(hello: string): boolean;
  /** Somebody else has proven our identity to us. */
  proven(hostname: string, address: string): void;
  /** The host names of the twins that are known, newest last. */
  known(): readonly string[];
  close(): void;
};

/** How long a twin counts after it was last proven. */
const REMEMBERED_MS = 15 * MINUTE;
/** How often an address of a twin is asked again. */
const AGAIN_MS = 5 * MINUTE;
/** BOUNDED: hellos under way, addresses asked at a time, twins known. */
const MAX = 16;

export const createTwins = (options: {
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly post: Post;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly onTwin: (hostname: string) => void;
  /** Each time that it is proven again, and from where. */
  readonly onProven?: (hostname: string, address: string) => void;
  readonly onGone: (hostname: string) => void;
}): Twins => {
  const { self, clock } = options;
  const hellos = new Map<string, { mirrored: boolean }>(); // BOUNDED by MAX
  const asking = new Set<string>(); // BOUNDED by MAX
  const twins = new Map<string, () => void>(); // BOUNDED by MAX: host name to what cancels its end
  const cancels = new Set<() => void>(); // BOUNDED by MAX
  let closed = false;

  const proven = (hostname: string, address: string): void => {
    if (closed) return;
    options.onProven?.(hostname, address);
    const known = twins.get(hostname);
    known?.();
    if (known === undefined && twins.size >= MAX) return;
    const end = clock.after(REMEMBERED_MS, () => {
      twins.delete(hostname);
      options.onGone(hostname);
    });
    twins.set(hostname, end);
    if (known === undefined) options.onTwin(hostname);
  };

  const later = (name: string, address: PeerAddress): void => {
    const cancel = clock.after(AGAIN_MS, () => {
      cancels.delete(cancel);
      asking.delete(name);
      api.suspect(address);
    });
    cancels.add(cancel);
  };

  const ask = async (name: string, address: PeerAddress): Promise<void> => {
    const calling = callLink(self, options.hostname, options.entropy);
    const hello = toBase64(calling.hello);
    const state = { mirrored: false };
    hellos.set(hello, state);
    try {
      const answer = fromBase64(await options.post(address, '/lm/v1/hello', hello));
      const { confirmation, keys } = calling.confirm(answer ?? new Uint8Array());
      if (state.mirrored || keys.peer.guid !== self.guid || closed) {
        asking.delete(name);
        return;
      }
      proven(keys.peer.hostname, address.host);
      later(name, address);
      await options.post(address, '/lm/v1/confirm', toBase64(confirmation));
    } finally {
      hellos.delete(hello);
    }
  };

  const api: Twins = {
    suspect(address) {
      const name = `${address.host} ${address.port}`;
      if (closed || asking.has(name) || asking.size >= MAX) return;
      asking.add(name);
      // An address that does not answer is asked again when the next datagram comes from it.
      ask(name, address).catch(() => asking.delete(name));
    },
    isOwn(hello) {
      const state = hellos.get(hello);
      if (state !== undefined) state.mirrored = true;
      return state !== undefined;
    },
    proven,
    known: () => [...twins.keys()],
    close() {
      closed = true;
      for (const cancel of [...cancels, ...twins.values()]) cancel();
    },
  };
  return api;
};
