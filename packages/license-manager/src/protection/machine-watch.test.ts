import { expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createMachineWatch } from './machine-watch.ts';

const begin = (laterMs: number | undefined) => {
  const clock = createSimulatedClock();
  const looks: number[] = [];
  const watch = createMachineWatch({
    clock,
    laterMs,
    onChange: () => undefined,
    async observe() {
      looks.push(clock.mono());
      return { host: 'physical', values: {} };
    },
  });
  return { clock, looks, watch };
};

it('looks at once where no time is given', () => {
  expect(begin(undefined).looks).toEqual([1_000]);
});

it('looks later, or as soon as somebody asks, and once only for both (P6, K6)', async () => {
  const later = begin(100);
  expect(later.looks).toEqual([]);
  later.clock.advance(100);
  expect(later.looks).toEqual([1_100]);

  const asked = begin(100);
  expect(await asked.watch.first()).toEqual({ host: 'physical', values: {} });
  expect(asked.looks).toEqual([1_000]);
  asked.clock.advance(200);
  await asked.watch.first();
  expect(asked.looks).toEqual([1_000]);
  asked.clock.advance(120_000);
  expect(asked.looks.length).toBeGreaterThan(1);
});

it('looks no more when it was closed before it began', () => {
  const { clock, looks, watch } = begin(100);
  watch.close();
  clock.advance(10_000);
  expect(looks).toEqual([]);
});
