import { describe, expect, it } from 'vitest';
import { bySubnet, subnetOf } from './subnets.ts';

describe('the map of the network', () => {
  it.each([
    ['192.168.7.20', '192.168.7.0/24'],
    ['::ffff:10.1.2.3', '10.1.2.0/24'],
    ['fe80::1:2%eth0', 'fe80:0:0:0::/64'],
    ['2001:db8:0:12:34::1', '2001:db8:0:12::/64'],
    ['2001:0DB8:0000:0012:1:2:3:4', '2001:db8:0:12::/64'],
    ['office.example', 'Elsewhere'],
  ])('has %s in %s', (address, subnet) => expect(subnetOf(address)).toBe(subnet));

  it('puts neighbours together, in the order of numbers', () => {
    const peer = (host: string) => ({ guid: host, hostname: host, address: `${host}:1947`, state: 'linked' as const, keys: 0 });
    const map = bySubnet(['10.0.10.1', '10.0.9.1', '10.0.9.2', 'fe80::1', 'fe80::2'].map(peer));
    expect(map.map(([subnet, peers]) => [subnet, peers.length])).toEqual([
      ['10.0.9.0/24', 2],
      ['10.0.10.0/24', 1],
      ['fe80:0:0:0::/64', 2],
    ]);
  });
});
