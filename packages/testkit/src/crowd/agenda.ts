import type { Mono } from '@keyhaven/core/time';
import { createHeap } from '../world/index.ts';

// What happens when, for very many machines. A machine has one wake-up at a time; earlier entries of it are skipped.

type Entry =
  | { readonly kind: 'task'; readonly at: Mono; readonly order: number; readonly task: () => void }
  | { readonly kind: 'wake'; readonly at: Mono; readonly order: number; readonly index: number };

export type Agenda = {
  at(time: Mono, task: () => void): void;
  wake(index: number, at: Mono | undefined): void;
  next(): Entry | undefined;
  take(): void;
};

export const createAgenda = (machines: number): Agenda => {
  const heap = createHeap<Entry>();
  const wakes = new Float64Array(machines).fill(Number.POSITIVE_INFINITY);
  let order = 0;
  return {
    at: (time, task) => heap.push({ kind: 'task', at: time, order: order++, task }),
    wake(index, at) {
      const wanted = at ?? Number.POSITIVE_INFINITY;
      if (wakes[index] === wanted) return;
      wakes[index] = wanted;
      if (at !== undefined) heap.push({ kind: 'wake', at, order: order++, index });
    },
    next() {
      for (let top = heap.peek(); top !== undefined; top = heap.peek()) {
        if (top.kind === 'task' || wakes[top.index] === top.at) return top;
        heap.pop();
      }
      return undefined;
    },
    take() {
      const top = heap.pop();
      if (top?.kind === 'wake') wakes[top.index] = Number.POSITIVE_INFINITY;
    },
  };
};
