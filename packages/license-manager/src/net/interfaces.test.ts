import type { NetworkInterfaceInfo } from 'node:os';
import { type Clock, mono, wall } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { reachable } from './discovery.ts';
import { discoveryInterfaces, watchInterfaces } from './interfaces.ts';

const v4 = (address: string, netmask: string, internal = false): NetworkInterfaceInfo => ({
  family: 'IPv4',
  address,
  netmask,
  internal,
  mac: '00:00:00:00:00:00',
  cidr: null,
});
const v6 = (address: string, scopeid: number, internal = false): NetworkInterfaceInfo => ({
  family: 'IPv6',
  address,
  netmask: 'ffff:ffff:ffff:ffff::',
  internal,
  mac: '00:00:00:00:00:00',
  cidr: null,
  scopeid,
});
const raw = {
  lo: [v4('127.0.0.1', '255.0.0.0', true), v6('::1', 0, true)],
  eth0: [v6('fe80::1', 2), v4('10.0.0.1', '255.255.255.0')],
  tun0: [v4('10.8.0.2', '255.255.255.255')],
};

/** Time that passes when told to. */
const manual = (): { clock: Clock; pass(milliseconds: number): void } => {
  let now = 0;
  const tasks = new Set<{ at: number; task: () => void }>();
  return {
    clock: {
      mono: () => mono(now),
      wall: () => wall(now),
      after(milliseconds, task) {
        const item = { at: now + milliseconds, task };
        tasks.add(item);
        return () => void tasks.delete(item);
      },
    },
    pass(milliseconds) {
      const until = now + milliseconds;
      for (;;) {
        const [next] = [...tasks].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        tasks.delete(next);
        now = next.at;
        next.task();
      }
      now = until;
    },
  };
};

describe('the interfaces of a computer', () => {
  it('are searched by directed broadcast and by the link-local group with the zone, loopback and /32 are not (R1)', () => {
    expect(discoveryInterfaces(raw, 'linux')).toEqual([
      { name: 'eth0', address: '10.0.0.1', family: 4, broadcast: '10.0.0.255' },
      { name: 'eth0', address: 'fe80::1', family: 6, broadcast: 'ff02::1%eth0', scopeId: 2 },
      { name: 'lo', address: '127.0.0.1', family: 4 },
      { name: 'lo', address: '::1', family: 6 },
      { name: 'tun0', address: '10.8.0.2', family: 4 },
    ]);
  });

  it('have numbers for zones on Windows', () => {
    expect(discoveryInterfaces({ Ethernet: [v6('fe80::1', 7)] }, 'win32')[0]?.broadcast).toBe('ff02::1%7');
  });

  it('count only where sockets are bound, when single addresses are bound', () => {
    const list = discoveryInterfaces(raw, 'linux');
    const names = (bind: string[]): string[] => reachable(list, bind).map(({ address }) => address);
    expect(names([])).toHaveLength(5);
    expect(names(['127.0.0.1'])).toEqual(['127.0.0.1']);
    expect(names(['0.0.0.0', 'fe80::1%eth0'])).toEqual(['10.0.0.1', 'fe80::1', '127.0.0.1', '10.8.0.2']);
  });
});

describe('the watch over interfaces', () => {
  it('tells each change within three seconds, and nothing when nothing changes', () => {
    const { clock, pass } = manual();
    let now: NodeJS.Dict<NetworkInterfaceInfo[]> = raw;
    const told: string[][] = [];
    const watch = watchInterfaces({ clock, read: () => now, onChange: (list) => told.push(list.map(({ address }) => address)) });
    expect(watch.current).toHaveLength(5);
    pass(9_000);
    expect(told).toEqual([]);
    now = { lo: raw.lo };
    pass(3_000);
    now = raw;
    pass(3_000);
    expect(told.map((list) => list.length)).toEqual([2, 5]);
    watch.stop();
    now = {};
    pass(9_000);
    expect(told).toHaveLength(2);
  });

  it('keeps what it knew when the system refuses to tell', () => {
    const { clock, pass } = manual();
    let refuse = false;
    const told: unknown[] = [];
    const watch = watchInterfaces({
      clock,
      read() {
        if (refuse) throw new Error('not here');
        return raw;
      },
      onChange: (list) => told.push(list),
    });
    refuse = true;
    pass(6_000);
    expect([watch.current.length, told.length]).toEqual([5, 0]);
    watch.stop();
  });
});
