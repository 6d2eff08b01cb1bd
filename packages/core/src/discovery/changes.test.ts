import { describe, expect, it } from 'vitest';
import { mono } from '../time/index.ts';
import { createChanges } from './changes.ts';
import { ENTRIES_LIMIT, type Entry } from './datagram.ts';

const added = (keyId: number, version = 1): Entry => ({ what: 'added', keyId: BigInt(keyId), version });

describe('changes of keys', () => {
  it('made together leave together after 20 ms (D15)', () => {
    const changes = createChanges();
    for (let key = 0; key < 10; key += 1) changes.add(mono(key), [added(key)]);
    expect(changes.dueAt(mono(15))).toBe(20);
    expect(changes.take(mono(19))).toEqual([]);
    const lists = changes.take(mono(20));
    expect(lists).toHaveLength(1);
    expect(lists[0]).toHaveLength(10);
    expect(changes.dueAt(mono(20))).toBeUndefined();
  });

  it('of one key are told once: the last one, and a new key stays new', () => {
    const changes = createChanges();
    changes.add(mono(0), [added(1), { what: 'changed', keyId: 1n, version: 7 }, added(2), { what: 'removed', keyId: 2n, version: 3 }]);
    expect(changes.take(mono(50))).toEqual([
      [
        { what: 'added', keyId: 1n, version: 7 },
        { what: 'removed', keyId: 2n, version: 3 },
      ],
    ]);
  });

  it('fill as many datagrams as they need, and too many become one that lists nothing', () => {
    const keys = Array.from({ length: 4 * ENTRIES_LIMIT }, (_, key) => added(key));
    const changes = createChanges();
    changes.add(mono(0), keys.slice(0, ENTRIES_LIMIT + 1));
    expect(changes.take(mono(50)).map((list) => list.length)).toEqual([ENTRIES_LIMIT, 1]);
    changes.add(mono(60), [...keys, added(-1 >>> 0)]);
    expect(changes.take(mono(110))).toEqual([[]]);
    changes.add(mono(120), [added(1)]);
    expect(changes.take(mono(170))).toEqual([[added(1)]]);
  });

  it('that never end leave once a second after a burst of eight', () => {
    const changes = createChanges();
    const times: number[] = [];
    for (let now = 0; now < 10_000; now += 10) {
      changes.add(mono(now), [{ what: 'changed', keyId: 1n, version: now }]);
      if (changes.take(mono(now)).length > 0) times.push(now);
    }
    expect(times.length).toBeGreaterThanOrEqual(16);
    expect(times.length).toBeLessThanOrEqual(18);
  });
});
