import type { Interface } from '@keyhaven/core/discovery';
import { Status } from '@keyhaven/core/errors';
import { describe, expect, it } from 'vitest';
import { parseHost } from './doctor.ts';
import { placeOf } from './place.ts';

describe('a host as people write it', () => {
  it.each([
    ['keys', 'keys', 1947],
    ['keys.example.org:2000', 'keys.example.org', 2000],
    ['192.0.2.7', '192.0.2.7', 1947],
    ['192.0.2.7:1', '192.0.2.7', 1],
    ['2001:db8::7', '2001:db8::7', 1947],
    ['[2001:db8::7]', '2001:db8::7', 1947],
    ['[2001:db8::7]:65535', '2001:db8::7', 65_535],
    ['fe80::7%eth0', 'fe80::7%eth0', 1947],
    ['[fe80::7%eth0]:2000', 'fe80::7%eth0', 2000],
  ])('%s', (text, host, port) => expect(parseHost(text, 1947)).toEqual({ host, port }));

  it.each(['', 'a b', 'http://keys', 'keys:0', 'keys:65536', 'keys:', '[keys]:1', 'x'.repeat(256), '[2001:db8::7'])(
    'and no host: %j',
    (text) => {
      expect(() => parseHost(text, 1947)).toThrow(expect.objectContaining({ status: Status.INVALID_PARAMETER }) as Error);
    },
  );
});

describe('the place of an address', () => {
  const interfaces: Interface[] = [
    { name: 'lo', address: '127.0.0.1', family: 4 },
    { name: 'eth0', address: '192.0.2.10', family: 4, broadcast: '192.0.2.63' },
    { name: 'eth0', address: 'fe80::10', family: 6, broadcast: 'ff02::1%eth0' },
    { name: 'eth0', address: '2001:db8::10', family: 6, broadcast: 'ff02::1%eth0' },
    { name: 'eth1', address: 'fe80::11', family: 6, broadcast: 'ff02::1%eth1' },
    { name: 'tun0', address: '198.51.100.2', family: 4 },
  ];
  const networks = [
    { name: 'lo', cidr: '127.0.0.1/8' },
    { name: 'eth0', cidr: '192.0.2.10/26' },
    { name: 'eth0', cidr: 'fe80::10/64' },
    { name: 'eth0', cidr: '2001:db8::10/64' },
    { name: 'eth1', cidr: 'fe80::11/64' },
    { name: 'tun0', cidr: '198.51.100.2/32' },
  ];
  const own = { kind: 'own' };
  const subnet = (group: string) => ({ kind: 'subnet', group });
  const elsewhere = { kind: 'elsewhere' };
  it.each([
    ['127.0.0.5', own],
    ['::1', own],
    ['192.0.2.10', own],
    ['fe80::10%eth0', own],
    ['192.0.2.62', subnet('192.0.2.63')],
    ['192.0.2.64', elsewhere],
    ['198.51.100.3', elsewhere],
    ['2001:db8::99', subnet('ff02::1%eth0')],
    ['2001:db8:1::99', elsewhere],
    ['fe80::99%eth1', subnet('ff02::1%eth1')],
    ['fe80::99%eth9', elsewhere],
  ])('%s', (address, place) => expect(placeOf(address, interfaces, networks)).toEqual(place));
});
