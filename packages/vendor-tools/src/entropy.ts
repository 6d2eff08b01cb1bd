import { randomBytes } from 'node:crypto';
import { type Entropy, exchangePairFrom } from '@keyhaven/core/crypto';

/** Randomness of the operating system. */
export const systemEntropy: Entropy = {
  bytes: (length) => randomBytes(length),
  exchangePair: () => exchangePairFrom(randomBytes(32)),
};
