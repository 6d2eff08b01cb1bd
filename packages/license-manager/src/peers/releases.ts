import { Buffer } from 'node:buffer';
import { type Block, sinceVersion } from '@keyhaven/core/link';

// Sessions that have ended here, as long as the license manager of their key has not heard of it: told in each exchange until one is answered.

/** Its application has ended, or an administrator of this computer ended it. */
export type ReleaseReason = 'application ended' | 'killed';

export type Releases = {
  add(session: string, reason: ReleaseReason): void;
  has(session: string): boolean;
  readonly any: boolean;
  /** For the exchange that is about to leave, on a link of this version. */
  blocks(version: number): Block[];
  /** What was sent has been heard. */
  answered(): void;
  /** What was sent may be lost. */
  broken(): void;
  /** Resolves when all have been heard of, or the link broke. */
  settled(): Promise<void>;
};

export const createReleases = (): Releases => {
  const releases = new Map<string, { readonly reason: ReleaseReason; sent: boolean }>(); // BOUNDED by sessions held
  let waiting: (() => void)[] = [];
  const settle = (): void => {
    const ready = waiting;
    waiting = [];
    for (const done of ready) done();
  };
  return {
    add: (session, reason) => void releases.set(session, { reason, sent: false }),
    has: (session) => releases.has(session),
    get any() {
      return releases.size > 0;
    },
    blocks(version) {
      return [...releases].map(([session, release]): Block => {
        release.sent = true;
        // An owner of an earlier version knows no reason: the session ends there as if its application had ended.
        const kind = release.reason === 'killed' && version >= sinceVersion('end') ? 'end' : 'release';
        return { kind, session: Buffer.from(session, 'hex') };
      });
    },
    answered() {
      for (const [session, { sent }] of releases) if (sent) releases.delete(session);
      if (releases.size === 0) settle();
    },
    broken() {
      for (const release of releases.values()) release.sent = false;
      settle();
    },
    settled: () => (releases.size === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve))),
  };
};
