import type { Mono } from '../time/index.ts';
import { mono, SECOND } from '../time/index.ts';
import { createBoundedTable } from './bounded.ts';

// Token buckets. A bucket is one number: the time at which it would be full again, so that a full bucket and no bucket are the same.

export type Rate = { readonly perSecond: number; readonly burst: number };

const after = (rate: Rate, full: Mono | undefined, now: Mono): { full: Mono; ready: Mono } => {
  const step = SECOND / rate.perSecond;
  const from = Math.max(full ?? now, now);
  return { full: mono(from + step), ready: mono(from - step * (rate.burst - 1)) };
};

export type Bucket = { take(now: Mono): boolean; readyAt(now: Mono): Mono };

export const createBucket = (rate: Rate): Bucket => {
  let full: Mono | undefined;
  return {
    take(now) {
      const next = after(rate, full, now);
      if (next.ready > now) return false;
      full = next.full;
      return true;
    },
    readyAt: (now) => mono(Math.max(now, after(rate, full, now).ready)),
  };
};

export type Limiter = { allow(now: Mono, source: string): boolean; readonly size: number };

/**
 * One rate per source and one for all of them together. BOUNDED by `sources`: under a flood of invented sources those heard
 * longest ago are forgotten, and the total still holds.
 */
export const createLimiter = (limits: { readonly total: Rate; readonly perSource: Rate; readonly sources: number }): Limiter => {
  const total = createBucket(limits.total);
  const full = createBoundedTable<string, Mono>(limits.sources);
  return {
    allow(now, source) {
      const next = after(limits.perSource, full.get(source), now);
      // The source first: one that is over its own rate takes nothing from the others.
      if (next.ready > now || !total.take(now)) return false;
      full.set(source, next.full);
      return true;
    },
    get size() {
      return full.size;
    },
  };
};
