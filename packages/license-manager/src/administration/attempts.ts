import { isLoopback } from '@keyhaven/core/discovery';
import { HOUR, MINUTE, type Mono, SECOND } from '@keyhaven/core/time';

// How often passwords may be tried (S9): by address, and by all other computers together. Whoever guesses must not keep those out who know it:
// this computer is outside of the common limit, and so is an address that was right of late.

/** Wrong ones in a row that cost nothing; each one more doubles the pause. */
const FREE = 5;
const LONGEST_MS = 15 * MINUTE;
const FORGET_MS = HOUR;
/** Of all other computers together, in a minute. */
const TOGETHER = 30;
/** BOUNDED: addresses that are remembered; the one heard of longest ago is forgotten first. */
const MAX_ADDRESSES = 1_024;

type Entry = { failed: number; last: Mono; rightAt: Mono | undefined };

export type Attempts = {
  /** Milliseconds to wait; 0 = it may be tried, and counts as wrong until `succeeded`. */
  begin(address: string, now: Mono): number;
  succeeded(address: string, now: Mono): void;
};

/** Of IPv6 a whole subnet is one: whoever has one address of it has all. */
const nameOf = (address: string): string => {
  if (isLoopback(address)) return 'loopback';
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return plain.includes(':') ? plain.split(':').slice(0, 4).join(':') : plain;
};

export const createAttempts = (): Attempts => {
  const entries = new Map<string, Entry>(); // BOUNDED by MAX_ADDRESSES
  let minute = { began: 0, wrong: 0 };
  return {
    begin(address, now) {
      const name = nameOf(address);
      const known = entries.get(name);
      const entry: Entry = known !== undefined && now - known.last < FORGET_MS ? known : { failed: 0, last: now, rightAt: undefined };
      const pause = entry.failed < FREE ? 0 : Math.min(LONGEST_MS, SECOND * 2 ** Math.min(20, entry.failed - FREE));
      const wait = entry.last + pause - now;
      if (entry.failed >= FREE && wait > 0) return wait;
      if (now - minute.began >= MINUTE) minute = { began: now, wrong: 0 };
      const proven = entry.rightAt !== undefined && now - entry.rightAt < FORGET_MS;
      const counts = name !== 'loopback' && !proven;
      if (counts && minute.wrong >= TOGETHER) return minute.began + MINUTE - now;
      if (counts) minute.wrong += 1;
      entry.failed += 1;
      entry.last = now;
      entries.delete(name);
      entries.set(name, entry);
      const [oldest] = entries.keys();
      if (entries.size > MAX_ADDRESSES && oldest !== undefined) entries.delete(oldest);
      return 0;
    },
    succeeded(address, now) {
      const name = nameOf(address);
      const entry = entries.get(name);
      if (entry === undefined) return;
      if (name !== 'loopback' && entry.rightAt === undefined) minute.wrong = Math.max(0, minute.wrong - 1);
      entry.failed = 0;
      entry.rightAt = now;
    },
  };
};
