import { describe, expect, it } from 'vitest';
import { createAdmission } from './admission.ts';
import { createProvenAddresses } from './proven-addresses.ts';

// Room for connections (S14): for this computer always, for those that have proven something before those that have not.

const start = (limits = { connections: 64, connectionsPerAddress: 8 }) => {
  const known = new Set<string>();
  let now = 0;
  const admission = createAdmission(
    limits,
    (address) => known.has(address),
    () => now,
  );
  const open = (address: string, times = 1): number =>
    Array.from({ length: times }, () => 'refused' in admission.take(address)).filter((refused) => !refused).length;
  return { admission, known, open, pass: (ms: number) => (now += ms) };
};
const sixtyFour = (network: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `2001:db8:0:${network.toString(16)}::${(index + 1).toString(16)}`);

describe('connections of other computers', () => {
  it('of one /64 are as many as those of one computer, whatever addresses it takes; local applications are served', () => {
    const { open } = start();
    expect(sixtyFour(1, 500).reduce((sum, address) => sum + open(address), 0)).toBe(8);
    expect(open('127.0.0.1', 56)).toBe(56);
    expect(open('127.0.0.1')).toBe(0);
  });

  it('of any number of networks leave a quarter to this computer', () => {
    const { open } = start();
    const taken = Array.from({ length: 200 }, (_, network) => sixtyFour(network, 20).reduce((sum, address) => sum + open(address), 0));
    expect(taken.reduce((sum, each) => sum + each, 0)).toBe(48);
    expect(open('192.0.2.1')).toBe(0);
    expect(open('::1', 16)).toBe(16);
  });

  it('of one link are at most half of what unknown ones may have, for there any address can be taken', () => {
    const { open } = start();
    const taken = Array.from({ length: 500 }, (_, index) => open(`fe80::${(index + 1).toString(16)}%eth0`));
    expect(taken.reduce((sum, each) => sum + each, 0)).toBe(24);
    expect(open('fe80::1%eth1')).toBe(1);
    expect(open('192.0.2.1')).toBe(1);
  });

  it('that have proven something have room where unknown ones have none, and not all of it', () => {
    const { open, known } = start();
    for (let network = 0; network < 20; network += 1) for (const address of sixtyFour(network, 8)) open(address);
    expect(open('192.0.2.1')).toBe(0);
    known.add('192.0.2.1');
    expect(open('192.0.2.1', 9)).toBe(8);
    known.add('192.0.2.2');
    expect(open('192.0.2.2', 9)).toBe(0);
    expect(open('127.0.0.1', 9)).toBe(8);
  });

  it('of one /64 that have proven something count by themselves, also those that came before that', () => {
    const { open, known } = start({ connections: 1_000, connectionsPerAddress: 8 });
    const site = sixtyFour(7, 100);
    for (const address of site) {
      expect(open(address), address).toBe(1);
      known.add(address);
    }
    expect(open('2001:db8:0:7::ffff', 9)).toBe(8);
    // A license manager is made quickly: all of one network have their limit still.
    const many = sixtyFour(7, 2_000);
    for (const address of many) known.add(address);
    expect(100 + 8 + many.reduce((sum, address) => sum + open(address), 0)).toBe(375);
  });

  it('give their room back when they end, once', () => {
    const { admission, known } = start();
    for (let round = 0; round < 100; round += 1) {
      const places = [...sixtyFour(1, 8), '192.0.2.1', '::1'].map((address) => admission.take(address));
      known.add('2001:db8:0:1::3');
      for (const place of places) if ('leave' in place) place.leave();
      known.clear();
      expect(admission.count).toBe(0);
    }
  });

  it('are looked through for known ones at most once a second, however often somebody knocks', () => {
    let asked = 0;
    const admission = createAdmission(
      { connections: 1_000, connectionsPerAddress: 8 },
      () => {
        asked += 1;
        return false;
      },
      () => 0,
    );
    for (let index = 0; index < 10_000; index += 1) admission.take(`10.0.${index >> 8}.${index & 255}`);
    expect(asked).toBeLessThan(10_000 + 1_000);
  });
});

it('the administrator is known for twelve hours from where he was, the latest of 64', () => {
  let now = 0;
  const proven = createProvenAddresses(() => now);
  proven.note('192.0.2.1');
  expect([proven.has('192.0.2.1'), proven.has('192.0.2.2')]).toEqual([true, false]);
  now = 12 * 3_600_000;
  expect(proven.has('192.0.2.1')).toBe(false);
  for (let index = 0; index < 65; index += 1) proven.note(`192.0.2.${index}`);
  expect([proven.has('192.0.2.0'), proven.has('192.0.2.1'), proven.has('192.0.2.64')]).toEqual([false, true, true]);
});
