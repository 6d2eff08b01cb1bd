import type { HistogramSample } from './exposition.ts';

export type Histogram = {
  add(value: number): void;
  sample(): HistogramSample;
};

/** Counts values by upper bounds, which ascend. */
export const createHistogram = (bounds: readonly number[]): Histogram => {
  const counts = bounds.map(() => 0);
  let count = 0;
  let sum = 0;
  return {
    add(value) {
      count += 1;
      sum += value;
      const index = bounds.findIndex((le) => value <= le);
      if (index >= 0) counts[index] = (counts[index] ?? 0) + 1;
    },
    sample() {
      let below = 0;
      const buckets = bounds.map((le, index) => {
        below += counts[index] ?? 0;
        return { le, count: below };
      });
      return { buckets, count, sum };
    },
  };
};
