import { SECOND } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { type Connect, createBackTests } from './back-tests.ts';

describe('a connection back for the doctor of another license manager (K36)', () => {
  const site = () => {
    const clock = createSimulatedClock();
    const opened: { readonly address: string; readonly done: Parameters<Connect>[1] }[] = [];
    const tests = createBackTests(clock, (address, done) => void opened.push({ address, done }));
    return { clock, opened, tests };
  };

  it('is one for a number, to the address that asks, and told when it is known', () => {
    const { opened, tests } = site();
    expect([tests.test('192.0.2.7', 1), tests.test('192.0.2.7', 1)]).toEqual(['pending', 'pending']);
    expect(opened.map(({ address }) => address)).toEqual(['192.0.2.7']);
    opened[0]?.done('connected');
    expect(tests.test('192.0.2.7', 1)).toBe('connected');
    expect(tests.test('192.0.2.8', 1), 'of another address').toBe('pending');
  });

  it('is not opened again and again: each address has its rate, and all together', () => {
    const { clock, opened, tests } = site();
    const states = Array.from({ length: 100 }, (_, number) => tests.test('192.0.2.7', number));
    expect(states.filter((state) => state === 'pending')).toHaveLength(8);
    expect(states.at(-1)).toBe('not tried');
    for (let host = 0; host < 250; host += 1) tests.test(`198.51.100.${host}`, 1);
    expect(opened.length).toBeLessThanOrEqual(20);
    clock.advance(10 * SECOND);
    expect(tests.test('192.0.2.7', 1_000)).toBe('pending');
  });
});
