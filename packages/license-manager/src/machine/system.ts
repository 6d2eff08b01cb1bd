import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Entropy } from '@keyhaven/core/crypto';
import { type Clock, mono, wall } from '@keyhaven/core/time';

/** The computer's own randomness. */
export const systemEntropy: Entropy = {
  bytes: (length) => randomBytes(length),
  exchangePair() {
    const pair = generateKeyPairSync('x25519');
    return { privateKey: pair.privateKey, publicKey: pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32) };
  },
};

/** The computer's own clocks. A waiting task does not keep the process alive. */
export const systemClock: Clock = {
  mono: () => mono(performance.now()),
  wall: () => wall(Date.now()),
  after(milliseconds, task) {
    const timer = setTimeout(task, Math.min(milliseconds, 0x7fff_ffff));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
