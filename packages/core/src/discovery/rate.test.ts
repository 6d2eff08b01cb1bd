import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mono } from '../time/index.ts';
import { createBoundedTable } from './bounded.ts';
import { createBucket, createLimiter } from './rate.ts';

describe('a bucket', () => {
  it('lets through its burst and then its rate, for any arrivals', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }), (gaps) => {
        const bucket = createBucket({ perSecond: 10, burst: 5 });
        let now = 0;
        const times = gaps.map((gap) => {
          now += gap;
          return { now, taken: bucket.take(mono(now)) };
        });
        const taken = times.filter((time) => time.taken).map((time) => time.now);
        for (const [index, at] of taken.entries()) {
          expect(at - (taken[index - 5] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(100 - 1e-6);
        }
        expect(taken.length).toBeLessThanOrEqual(5 + now / 100 + 1e-6);
      }),
    );
  });

  it('says when the next one may go', () => {
    const bucket = createBucket({ perSecond: 1, burst: 1 });
    expect(bucket.take(mono(0))).toBe(true);
    expect(bucket.readyAt(mono(400))).toBe(1_000);
    expect([bucket.take(mono(999)), bucket.take(mono(1_000))]).toEqual([false, true]);
  });
});

describe('a limiter', () => {
  it('stops one loud source without taking from the others', () => {
    const limiter = createLimiter({ total: { perSecond: 10, burst: 10 }, perSource: { perSecond: 1, burst: 2 }, sources: 8 });
    expect([1, 2, 3, 4].map(() => limiter.allow(mono(0), 'loud'))).toEqual([true, true, false, false]);
    expect(Array.from({ length: 8 }, (_, index) => limiter.allow(mono(0), `calm ${index}`))).toEqual(Array(8).fill(true));
    expect(limiter.allow(mono(0), 'late')).toBe(false);
  });

  it('holds its total and its table under invented sources', () => {
    const limiter = createLimiter({ total: { perSecond: 10, burst: 20 }, perSource: { perSecond: 1, burst: 1 }, sources: 16 });
    const allowed = Array.from({ length: 5_000 }, (_, index) => limiter.allow(mono(0), `invented ${index}`)).filter(Boolean);
    expect(allowed).toHaveLength(20);
    expect(limiter.size).toBe(16);
  });
});

describe('a bounded table', () => {
  it('forgets what was set longest ago', () => {
    const table = createBoundedTable<string, number>(2);
    table.set('a', 1);
    table.set('b', 2);
    table.set('a', 3);
    table.set('c', 4);
    expect([table.get('a'), table.get('b'), table.get('c'), table.size]).toEqual([3, undefined, 4, 2]);
  });
});
