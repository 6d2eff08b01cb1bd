import { Buffer } from 'node:buffer';
import { hex } from '@keyhaven/core/bytes';
import { type Entropy, exchangePairFrom } from '@keyhaven/core/crypto';

// The chance of a recorded conversation. What one side drew is in the recording, by kind, so that a later release draws the same where it
// needs the same although it may draw more beside it (T6): the pairs of handshakes one after another, what is drawn right behind a pair
// with that pair (the nonce of its handshake), and everything else by its length.

/** Hex; `pair` is the seed of an X25519 pair. */
export type Draw = { readonly pair: string } | { readonly bytes: string };

/** Draws from `source` and writes it down. */
export const recordEntropy = (source: Entropy): { readonly entropy: Entropy; readonly draws: Draw[] } => {
  const draws: Draw[] = []; // BOUNDED by one conversation
  return {
    draws,
    entropy: {
      bytes(length) {
        const bytes = source.bytes(length);
        draws.push({ bytes: hex(bytes) });
        return bytes;
      },
      exchangePair() {
        const seed = source.bytes(32);
        draws.push({ pair: hex(seed) });
        return exchangePairFrom(seed);
      },
    },
  };
};

/** Gives what was drawn; `spare` gives what nobody drew then. */
export const replayEntropy = (draws: readonly Draw[], spare: Entropy): Entropy => {
  const pairs: { readonly seed: string; readonly nonce: string | undefined }[] = []; // BOUNDED by one conversation
  const others = new Map<number, string[]>(); // BOUNDED likewise
  draws.forEach((draw, index) => {
    const before = draws[index - 1];
    const after = draws[index + 1];
    if ('pair' in draw) pairs.push({ seed: draw.pair, nonce: after !== undefined && 'bytes' in after ? after.bytes : undefined });
    else if (before === undefined || !('pair' in before)) {
      const length = draw.bytes.length / 2;
      others.set(length, [...(others.get(length) ?? []), draw.bytes]);
    }
  });
  let nonce: string | undefined;
  return {
    bytes(length) {
      const behind = nonce;
      nonce = undefined;
      const drawn = behind?.length === length * 2 ? behind : others.get(length)?.shift();
      return drawn === undefined ? spare.bytes(length) : Buffer.from(drawn, 'hex');
    },
    exchangePair() {
      const pair = pairs.shift();
      nonce = pair?.nonce;
      return pair === undefined ? spare.exchangePair() : exchangePairFrom(Buffer.from(pair.seed, 'hex'));
    },
  };
};
