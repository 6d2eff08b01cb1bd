import { Buffer } from 'node:buffer';
import { type Mono, mono, SECOND } from '../time/index.ts';
import { createBoundedTable } from './bounded.ts';
import { createLimiter } from './rate.ts';

// Which notifications are worth acting on. The same one arrives by IPv4, by IPv6 and at each configured address: it counts once.
// Repeats are told by all their bytes, never by "older than the last number": a forged high number would silence the true sender.

const REPEAT = 10 * SECOND;
const LIMITS = { total: { perSecond: 1_000, burst: 2_000 }, perSource: { perSecond: 20, burst: 40 }, sources: 4_096 };
/** BOUNDED: so many datagrams are remembered. */
const REMEMBERED = 1_024;

export type Hearing = { judge(now: Mono, address: string, bytes: Uint8Array): 'heard' | 'limited' | 'repeated' };

export const createHearing = (): Hearing => {
  const limiter = createLimiter(LIMITS);
  const recent = createBoundedTable<string, Mono>(REMEMBERED);
  return {
    judge(now, address, bytes) {
      if (!limiter.allow(now, address)) return 'limited';
      const text = Buffer.from(bytes).toString('latin1');
      if ((recent.get(text) ?? now) > now) return 'repeated';
      recent.set(text, mono(now + REPEAT));
      return 'heard';
    },
  };
};
