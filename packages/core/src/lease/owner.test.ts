import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { mono, SECOND } from '../time/index.ts';
import { createOwnerLeases, LEASE_MS } from './index.ts';
import { SessionSet } from './session-set.ts';

const id = (number: number): string => number.toString(16).padStart(32, '0');
const bytes = (...numbers: number[]): Buffer[] => numbers.map((each) => Buffer.from(id(each), 'hex'));
const at = (seconds: number) => mono(seconds * SECOND);
const says = (...numbers: number[]): [number, Buffer] => {
  const set = new SessionSet();
  for (const each of numbers) set.add(id(each));
  return [set.size, set.digest];
};
const ownerOf = (...numbers: number[]) => {
  const owner = createOwnerLeases(LEASE_MS);
  for (const each of numbers) owner.keep(at(0), 'h', id(each));
  return owner;
};

describe('the lease at the LM with the key (R8)', () => {
  it('lapses after three minutes of silence, and not a millisecond before', () => {
    const owner = ownerOf(1, 2);
    expect(owner.nextTimeout()).toBe(at(180));
    expect(owner.timeout(mono(at(180) - 1))).toEqual([]);
    expect(owner.timeout(at(180))).toEqual([
      { holder: 'h', session: id(1) },
      { holder: 'h', session: id(2) },
    ]);
    expect(owner.timeout(at(999))).toEqual([]);
    expect(owner.nextTimeout()).toBeUndefined();
  });

  it('is renewed whole by count and digest, in whatever order the sessions came', () => {
    const owner = ownerOf(1, 2, 3);
    expect(owner.renew(at(100), 'h', ...says(3, 1, 2))).toBe(true);
    expect(owner.nextTimeout()).toBe(at(280));
    expect(owner.timeout(at(279))).toEqual([]);
  });

  it('is one holder’s own: another one renews nothing of it', () => {
    const owner = ownerOf(1);
    owner.keep(at(0), 'other', id(2));
    expect(owner.renew(at(100), 'other', ...says(2))).toBe(true);
    expect(owner.renewExactly(at(100), 'other', bytes(1, 2))).toEqual(bytes(1));
    expect(owner.timeout(at(180))).toEqual([{ holder: 'h', session: id(1) }]);
  });

  it.each([
    ['misses one', [1]],
    ['names one more', [1, 2, 3]],
    ['names another', [1, 9]],
    ['names none', []],
  ])('a renewal that %s renews nothing, and asks for the list', (_what, named) => {
    const owner = ownerOf(1, 2);
    expect(owner.renew(at(100), 'h', ...says(...named))).toBe(false);
    expect(owner.nextTimeout()).toBe(at(180));
  });

  it('heals a disagreement: the unknown are named, the unnamed get one term and no more, the rest goes on', () => {
    const owner = ownerOf(1, 2);
    expect(owner.renewExactly(at(100), 'h', bytes(1, 9))).toEqual(bytes(9));
    expect(owner.renew(at(160), 'h', ...says(1))).toBe(true);
    expect(owner.renewExactly(at(200), 'h', bytes(1)), 'a second list gives the unnamed no second term').toEqual([]);
    expect(owner.timeout(mono(at(280) - 1))).toEqual([]);
    expect(owner.timeout(at(280))).toEqual([{ holder: 'h', session: id(2) }]);
    expect(owner.nextTimeout()).toBe(at(380));
  });

  it('I2: a session granted while the list was on its way gets a full term by it', () => {
    const owner = ownerOf(1);
    owner.keep(at(170), 'h', id(2));
    owner.renewExactly(at(175), 'h', bytes(1));
    expect(owner.timeout(at(354))).toEqual([]);
  });

  it('gives a full term to a session granted at the end of a term', () => {
    const owner = ownerOf(1);
    owner.keep(at(179), 'h', id(2));
    expect(owner.timeout(at(358))).toEqual([]);
    expect(owner.timeout(at(359))).toHaveLength(2);
  });

  it('takes a doubtful session back when it is named, or resumed', () => {
    const owner = ownerOf(1, 2, 3);
    owner.renewExactly(at(10), 'h', bytes(1));
    expect(owner.renewExactly(at(20), 'h', bytes(1, 2))).toEqual([]);
    owner.keep(at(30), 'h', id(3));
    expect(owner.renew(at(40), 'h', ...says(1, 2, 3))).toBe(true);
    expect(owner.timeout(at(219))).toEqual([]);
  });

  it('forgets what has ended', () => {
    const owner = ownerOf(1, 2);
    owner.renewExactly(at(10), 'h', bytes(1));
    for (const each of [1, 2]) owner.ended('h', id(each));
    owner.ended('nobody', id(1));
    expect(owner.timeout(at(1_000))).toEqual([]);
    expect(owner.nextTimeout()).toBeUndefined();
  });

  it('gives a full term to whoever is found after a restart', () => {
    const before = ownerOf(1);
    expect(before.timeout(at(179))).toEqual([]);
    const after = createOwnerLeases(LEASE_MS);
    after.keep(at(179), 'h', id(1));
    expect(after.timeout(at(358))).toEqual([]);
    expect(after.timeout(at(359))).toHaveLength(1);
  });
});
