import { Buffer } from 'node:buffer';
import type { Block } from '@keyhaven/core/link';

// Sessions whose applications have ended, as long as their license manager has not heard of it: told in each exchange until one is answered.

export type Releases = {
  add(session: string): void;
  readonly any: boolean;
  /** For the exchange that is about to leave. */
  blocks(): Block[];
  /** What was sent has been heard. */
  answered(): void;
  /** What was sent may be lost. */
  broken(): void;
  /** Resolves when all have been heard of, or the link broke. */
  settled(): Promise<void>;
};

export const createReleases = (): Releases => {
  const releases = new Map<string, 'waiting' | 'sent'>(); // BOUNDED by sessions held
  let waiting: (() => void)[] = [];
  const settle = (): void => {
    const ready = waiting;
    waiting = [];
    for (const done of ready) done();
  };
  return {
    add: (session) => void releases.set(session, 'waiting'),
    get any() {
      return releases.size > 0;
    },
    blocks() {
      for (const session of releases.keys()) releases.set(session, 'sent');
      return [...releases.keys()].map((session) => ({ kind: 'release', session: Buffer.from(session, 'hex') }));
    },
    answered() {
      for (const [session, release] of releases) if (release === 'sent') releases.delete(session);
      if (releases.size === 0) settle();
    },
    broken() {
      for (const session of releases.keys()) releases.set(session, 'waiting');
      settle();
    },
    settled: () => (releases.size === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve))),
  };
};
