import { Buffer } from 'node:buffer';
import type { Verdict } from '@keyhaven/core/discovery';
import { MINUTE } from '@keyhaven/core/time';
import { expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createStrays, type StrayEvent } from './strays.ts';

it('datagrams without sense, and floods of them, are in the log once an hour for each kind (S14)', () => {
  const clock = createSimulatedClock();
  const events: StrayEvent[] = [];
  const stray = createStrays(clock, (event) => events.push(event));
  const come = (why: Verdict): void => stray({ direction: 'in', address: '10.0.0.9', port: 5, bytes: Buffer.alloc(1_300), why });
  const kinds: Verdict[] = ['unreadable', 'limited', 'answered', 'impossible source', 'repeated', 'own', 'heard'];
  for (let count = 0; count < 10_000; count += 1) come(kinds[count % kinds.length] ?? 'own');
  expect(events.map(({ event }) => event.split(',')[0])).toEqual([
    'datagrams come that are no discovery',
    'more datagrams come than are heard; the rest is dropped',
    'datagrams come with a source that can only be forged',
  ]);
  expect(events[0]).toMatchObject({ level: 'warn', address: '10.0.0.9', port: 5, bytes: 1_300 });
  clock.advance(59 * MINUTE);
  come('limited');
  expect(events).toHaveLength(3);
  clock.advance(MINUTE);
  come('limited');
  expect(events).toHaveLength(4);
});
