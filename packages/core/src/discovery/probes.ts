import { type Mono, mono, SECOND } from '../time/index.ts';
import { createBoundedTable } from './bounded.ts';
import { createLimiter } from './rate.ts';
import type { Random } from './settings.ts';

// What a person who looks for what blocks the network needs of discovery (R10, D19): questions out of turn whose answers are told and not
// followed, what was heard of another's questions, and one datagram to whoever asked for it on a link.

const OPEN_FOR = 15 * SECOND;
/** BOUNDED: questions that are open; the oldest is forgotten. */
const QUESTIONS = 1_024;
/** BOUNDED: questions of others that are remembered; the oldest is forgotten. */
const HEARD = 4_096;
/** Datagrams that go out because somebody asked for them on a link: to one address, and in total. */
const CALLS = { total: { perSecond: 20, burst: 40 }, perSource: { perSecond: 1, burst: 8 }, sources: 1_024 };

export type Probes = {
  /** A cookie whose answers are told as `probed`. */
  open(now: Mono): number;
  knows(now: Mono, cookie: number): boolean;
  /** A question came from this address. */
  note(now: Mono, address: string, cookie: number): void;
  /** Whether it came within the last fifteen seconds. */
  heard(now: Mono, address: string, cookie: number): boolean;
  /** Whether a datagram may go there now; takes one of those that may. */
  mayCall(now: Mono, address: string): boolean;
};

export const createProbes = (entropy: Random): Probes => {
  const open = createBoundedTable<number, Mono>(QUESTIONS);
  const heard = createBoundedTable<string, Mono>(HEARD);
  const calls = createLimiter(CALLS);
  const name = (address: string, cookie: number): string => `${cookie} ${address}`;
  return {
    open(now) {
      const cookie = Math.floor(entropy() * 2 ** 32) >>> 0;
      open.set(cookie, mono(now + OPEN_FOR));
      return cookie;
    },
    knows: (now, cookie) => (open.get(cookie) ?? now) > now,
    note: (now, address, cookie) => heard.set(name(address, cookie), mono(now + OPEN_FOR)),
    heard: (now, address, cookie) => (heard.get(name(address, cookie)) ?? now) > now,
    mayCall: (now, address) => calls.allow(now, address),
  };
};
