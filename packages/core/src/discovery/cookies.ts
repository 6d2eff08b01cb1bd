import { type Mono, mono, SECOND } from '../time/index.ts';
import type { Random } from './settings.ts';

// The running searches by their cookies. An answer is believed only with the cookie of one of them (D9), so that nobody who has not
// seen the question can make this LM connect anywhere.

const OPEN_FOR = 10 * SECOND;
/** BOUNDED: more searches than this at once forget the oldest. */
const SEARCHES = 4_096;
/** BOUNDED: one broadcast search believes as many answers, which is more than the LMs of a network. */
const ANSWERS = 16_384;

export type Cookies = {
  open(now: Mono): number;
  claim(now: Mono, cookie: number): boolean;
  knows(now: Mono, cookie: number): boolean;
  readonly size: number;
};

export const createCookies = (entropy: Random): Cookies => {
  // In the order of opening, which is that of closing.
  const running = new Map<number, { readonly until: Mono; left: number }>();
  const tidy = (now: Mono): void => {
    for (const [cookie, { until }] of running) {
      if (until > now && running.size < SEARCHES) break;
      running.delete(cookie);
    }
  };
  return {
    open(now) {
      tidy(now);
      let cookie = Math.floor(entropy() * 2 ** 32) >>> 0;
      while (running.has(cookie)) cookie = (cookie + 1) >>> 0;
      running.set(cookie, { until: mono(now + OPEN_FOR), left: ANSWERS });
      return cookie;
    },
    claim(now, cookie) {
      const search = running.get(cookie);
      if (search === undefined || search.until <= now || search.left === 0) return false;
      search.left -= 1;
      return true;
    },
    knows: (now, cookie) => (running.get(cookie)?.until ?? now) > now,
    get size() {
      return running.size;
    },
  };
};
