import { describe, expect, it } from 'vitest';
import { MINUTE, mono, SECOND } from '../time/index.ts';
import { BELIEVED_MS, type InstanceRow, instanceEnds, LEASE_MS, overBecause, RENEW_MS } from './index.ts';

const row: InstanceRow = { kind: 'integrated', pid: 1, start: 1, boot: 'b', renewed: 1_000_000 };
const at = (after: number) => mono(row.renewed + after);
const seen = { now: at(0), boot: 'b', sign: undefined, running: true };

describe('instanceEnds', () => {
  it.each([
    ['without a sign counts from the renewal', undefined, LEASE_MS],
    ['with a sign counts from it', 20 * SECOND, LEASE_MS + 20 * SECOND],
    ['with a sign of before the renewal counts from the renewal', -MINUTE, LEASE_MS],
    ['with a sign that no renewal explains counts as far as one could be late', 10 * MINUTE, LEASE_MS + RENEW_MS + 30 * SECOND],
  ])('%s', (_, sign, end) => {
    expect(instanceEnds(row, sign === undefined ? undefined : at(sign)) - row.renewed).toBe(end);
  });
});

describe('overBecause', () => {
  it.each([
    ['lives', {}, undefined],
    ['lives until the last moment', { now: at(LEASE_MS - 1) }, undefined],
    ['is over after its lease', { now: at(LEASE_MS) }, 'lease ended'],
    ['is over so long after its last sign', { now: at(LEASE_MS + 20 * SECOND), sign: at(20 * SECOND) }, 'lease ended'],
    ['is not over before that', { now: at(LEASE_MS + 20 * SECOND - 1), sign: at(20 * SECOND) }, undefined],
    ['of before the computer started is over', { boot: 'c' }, 'process ended'],
    ['that renewed in the future is of before the computer started', { now: at(-LEASE_MS - 1) }, 'lease ended'],
    ['that renewed while somebody looked is not', { now: at(-SECOND) }, undefined],
    ['of an application whose process is gone has its lease', { running: false }, undefined],
  ])('an instance that %s', (_, more, because) => {
    expect(overBecause(row, { ...seen, ...more })).toBe(because);
  });

  it('of an External LM whose process is gone is over at once (T3)', () => {
    expect(overBecause({ ...row, kind: 'external' }, { ...seen, running: false })).toBe('process ended');
    expect(overBecause({ ...row, kind: 'external' }, seen)).toBeUndefined();
  });

  it('stays what it was marked', () => {
    expect(overBecause({ ...row, over: true }, seen)).toBe('lease ended');
  });
});

it('an instance asks the ledger before anybody may end it', () => {
  expect(BELIEVED_MS).toBeLessThan(LEASE_MS - SECOND);
});
