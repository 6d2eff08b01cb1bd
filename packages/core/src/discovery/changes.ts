import { type Mono, mono } from '../time/index.ts';
import { ENTRIES_LIMIT, type Entry } from './datagram.ts';
import { createBucket } from './rate.ts';

// Changes of keys on their way into notifications (R6). Ten keys added together are one datagram; a key that changes all the time
// does not fill the network (D15).

const GATHER = 20;
const RATE = { perSecond: 1, burst: 8 };
/** BOUNDED: more keys than this in one notification are told as "too much to list". */
const LISTED = 4 * ENTRIES_LIMIT;

export type Changes = {
  add(now: Mono, entries: readonly Entry[]): void;
  dueAt(now: Mono): Mono | undefined;
  /** The lists of the datagrams to send now. */
  take(now: Mono): (readonly Entry[])[];
};

export const createChanges = (): Changes => {
  const pending = new Map<bigint, Entry>();
  const bucket = createBucket(RATE);
  let overflow = false;
  let since: Mono | undefined;
  const dueAt = (now: Mono): Mono | undefined => (since === undefined ? undefined : mono(Math.max(since + GATHER, bucket.readyAt(now))));

  return {
    add(now, entries) {
      if (entries.length > 0) since ??= now;
      for (const entry of entries) {
        const earlier = pending.get(entry.keyId);
        if (earlier === undefined && pending.size >= LISTED) overflow = true;
        // A key that is new to the receiver stays new, with its latest version.
        else pending.set(entry.keyId, earlier?.what === 'added' && entry.what === 'changed' ? { ...entry, what: 'added' } : entry);
      }
    },
    dueAt,
    take(now) {
      const due = dueAt(now);
      if (due === undefined || due > now || !bucket.take(now)) return [];
      const all = [...pending.values()];
      const lists = overflow
        ? [[]]
        : Array.from({ length: Math.ceil(all.length / ENTRIES_LIMIT) }, (_, page) =>
            all.slice(page * ENTRIES_LIMIT, (page + 1) * ENTRIES_LIMIT),
          );
      pending.clear();
      overflow = false;
      since = undefined;
      return lists;
    },
  };
};
