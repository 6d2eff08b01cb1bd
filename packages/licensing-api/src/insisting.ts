import { SECOND } from '@keyhaven/core/time';
import type { OwnTime } from './own-time.ts';

/** What has to be given back is given back when the key can be reached again; after an hour its license manager knows better. */
const INSIST_MS = 10 * SECOND;
const INSIST_TIMES = 360;

/** Does it until it succeeds, for about an hour, on however many paths. Keeps no process alive, and ends with the API's `close`. */
export const insist = (time: OwnTime, work: () => Promise<unknown>, tries = 0): void => {
  work().catch(() => {
    if (tries < INSIST_TIMES) time.later(Math.min(INSIST_MS, 200 * 2 ** Math.min(tries, 10)), () => insist(time, work, tries + 1));
  });
};
