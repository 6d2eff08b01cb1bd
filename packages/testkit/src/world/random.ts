import { Buffer } from 'node:buffer';
import { type Entropy, exchangePairFrom, sha256 } from '@keyhaven/core/crypto';

// All chance of a simulated world, from one seed (I7): sfc32 by Chris Doty-Humphrey, which passes PractRand.

export type Random = {
  /** From 0 up to and without 1. */
  next(): number;
  below(limit: number): number;
  between(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** A stream of its own, so that one part of the world draws what it draws whatever another part does. */
  fork(name: string): Random;
  readonly entropy: Entropy;
};

export const createRandom = (seed: string): Random => {
  const state = sha256(Buffer.from(seed, 'utf8'));
  let [a, b, c, d] = [state.readUInt32BE(0), state.readUInt32BE(4), state.readUInt32BE(8), state.readUInt32BE(12) | 1];
  const word = (): number => {
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  const next = (): number => word() / 2 ** 32;
  const below = (limit: number): number => Math.floor(next() * limit);
  const bytes = (length: number): Buffer => {
    const out = Buffer.alloc(length + 3);
    for (let at = 0; at < length; at += 4) out.writeUInt32BE(word(), Math.min(at, length - 1));
    return out.subarray(0, length);
  };
  return {
    next,
    below,
    between: (from, to) => from + next() * (to - from),
    chance: (probability) => next() < probability,
    pick<T>(list: readonly T[]): T {
      const found = list[below(list.length)];
      if (found === undefined) throw new RangeError('nothing to pick from');
      return found;
    },
    fork: (name) => createRandom(`${seed}/${name}`),
    entropy: { bytes, exchangePair: () => exchangePairFrom(bytes(32)) },
  };
};
