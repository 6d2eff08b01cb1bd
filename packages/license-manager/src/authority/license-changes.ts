import type { LiveSession } from './live-sessions.ts';

// A license that sells fewer seats than the one before must find no more out than it sells (I1, K4). So while it is applied, logins of its
// key wait, and it waits for those that are under way.

export type LicenseChanges = {
  /** Set while the license of the key changes. */
  changing(keyId: string): Promise<void> | undefined;
  /** A login by the license in force. To be called only while nothing changes. */
  track<T>(keyId: string, login: Promise<T>): Promise<T>;
  /** Resolves when no login of the key is under way and none begins. @returns what ends that. */
  begin(keyId: string): Promise<() => void>;
};

/** @param onChanged the license of the key has changed, or has not after all */
export const createLicenseChanges = (onChanged: (keyId: string) => void = () => undefined): LicenseChanges => {
  const changes = new Map<string, Promise<void>>(); // BOUNDED by the keys here
  const underWay = new Map<string, Set<Promise<unknown>>>(); // BOUNDED by the logins that are not durable yet
  return {
    changing: (keyId) => changes.get(keyId),
    track(keyId, login) {
      const of = underWay.get(keyId) ?? new Set<Promise<unknown>>();
      underWay.set(keyId, of.add(login));
      return login.finally(() => {
        of.delete(login);
        if (of.size === 0) underWay.delete(keyId);
      });
    },
    async begin(keyId) {
      for (let other = changes.get(keyId); other !== undefined; other = changes.get(keyId)) await other;
      const change = Promise.withResolvers<void>();
      changes.set(keyId, change.promise);
      await Promise.allSettled([...(underWay.get(keyId) ?? new Set<Promise<unknown>>())]);
      return () => {
        changes.delete(keyId);
        change.resolve();
        onChanged(keyId);
      };
    },
  };
};

/** The newest sessions that free at least so many seats together; those of a process or station free theirs with the last of them. */
export const newestWith = (seats: number, of: readonly LiveSession[]): LiveSession[] => {
  const together = new Map<string, { left: number; seats: number }>();
  for (const { id, row } of of) {
    const name = row.consumer ?? id;
    const consumer = together.get(name) ?? { left: 0, seats: 0 };
    together.set(name, { left: consumer.left + 1, seats: Math.max(consumer.seats, row.seats) });
  }
  const ended: LiveSession[] = [];
  let freed = 0;
  for (const session of [...of].sort((a, b) => b.row.since - a.row.since)) {
    if (freed >= seats) break;
    ended.push(session);
    const consumer = together.get(session.row.consumer ?? session.id);
    if (consumer === undefined) continue;
    consumer.left -= 1;
    if (consumer.left === 0) freed += consumer.seats;
  }
  return ended;
};
