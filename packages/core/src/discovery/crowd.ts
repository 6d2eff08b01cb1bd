import { Buffer } from 'node:buffer';
import type { Mono } from '../time/index.ts';
import { parseGuid } from './guid.ts';
import { SEARCH_FLOOR } from './settings.ts';

// How many license managers are about, told from the GUIDs that are heard; so that what all of them send together grows with their number and
// not with its square (P7, D18). GUIDs are hashes, so the 64 smallest ones say how dense they lie (k minimum values); up to 64 the number
// is exact. Heard lately = in this or the last period of a search.

const KEPT = 64;
const PERIOD = SEARCH_FLOOR * 1.25;
/** A network of so many is small: all of them answer. */
const SMALL = 32;
const SPACE = 2 ** 48;

export type Crowd = {
  note(now: Mono, guid: string): void;
  size(now: Mono): number;
  /** The share of those without keys that answer, or are asked: 1 in a small network. */
  share(now: Mono): number;
};

const estimate = (smallest: readonly number[]): number => {
  const last = smallest[KEPT - 1];
  return last === undefined ? smallest.length : Math.round(((KEPT - 1) * SPACE) / Math.max(1, last));
};

export const createCrowd = (): Crowd => {
  // BOUNDED by KEPT each.
  let young: number[] = [];
  let old: number[] = [];
  let since: Mono | undefined;

  const turn = (now: Mono): void => {
    if (since !== undefined && now - since < PERIOD) return;
    // After a long silence what was heard before is over, too.
    old = since !== undefined && now - since < 2 * PERIOD ? young : [];
    young = [];
    since = now;
  };
  const size = (now: Mono): number => {
    turn(now);
    return Math.max(estimate(young), estimate(old));
  };

  return {
    note(now, guid) {
      turn(now);
      const bytes = parseGuid(guid);
      if (bytes === undefined) return;
      const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUIntBE(0, 6);
      const greatest = young[KEPT - 1];
      if (greatest !== undefined && value >= greatest) return;
      let low = 0;
      for (let high = young.length; low < high; ) {
        const middle = (low + high) >> 1;
        if ((young[middle] ?? 0) < value) low = middle + 1;
        else high = middle;
      }
      if (young[low] === value) return;
      young.splice(low, 0, value);
      if (young.length > KEPT) young.pop();
    },
    size,
    share: (now) => Math.min(1, (SMALL / Math.max(1, size(now))) ** 2),
  };
};
