import { describe, expect, it } from 'vitest';
import { canBeSource, directedBroadcast, isLoopback, withoutZone, zoneOf } from './address.ts';

describe('the directed broadcast address', () => {
  it.each([
    ['10.199.0.7', '255.255.255.0', '10.199.0.255'],
    ['192.168.5.130', '255.255.255.128', '192.168.5.255'],
    ['192.168.5.3', '255.255.255.128', '192.168.5.127'],
    ['172.16.9.1', '255.240.0.0', '172.31.255.255'],
    ['10.1.2.3', '255.0.0.0', '10.255.255.255'],
    ['10.1.2.1', '255.255.255.252', '10.1.2.3'],
  ])('of %s with %s is %s', (address, netmask, broadcast) => {
    expect(directedBroadcast(address, netmask)).toBe(broadcast);
  });

  it.each([
    ['127.0.0.1', '255.0.0.0'],
    ['10.1.2.3', '255.255.255.255'],
    ['10.1.2.2', '255.255.255.254'],
    ['10.1.2.3', '0.0.0.0'],
    ['10.1.2.3', '255.0.255.0'],
    ['10.1.2.300', '255.255.255.0'],
    ['host', '255.255.255.0'],
    ['10.1.2.3', ''],
  ])('of %s with %s does not exist', (address, netmask) => {
    expect(directedBroadcast(address, netmask)).toBeUndefined();
  });
});

describe('addresses', () => {
  it('keep their zone apart', () => {
    expect(zoneOf('fe80::1%eth0')).toBe('eth0');
    expect(zoneOf('fe80::1')).toBeUndefined();
    expect(withoutZone('fe80::1%eth0')).toBe('fe80::1');
  });

  it('tell loopback from the rest', () => {
    expect([isLoopback('127.0.0.1'), isLoopback('127.9.9.9'), isLoopback('::1')]).toEqual([true, true, true]);
    expect([isLoopback('10.0.0.127'), isLoopback('fe80::1')]).toEqual([false, false]);
  });

  it('that can only be forged are no source of an ask (D11)', () => {
    for (const address of ['0.0.0.0', '0.1.2.3', '224.0.0.1', '255.255.255.255', 'ff02::1%eth0', '::', 'name']) {
      expect(canBeSource(address, 1947)).toBe(false);
    }
    expect(canBeSource('10.0.0.1', 0)).toBe(false);
    expect(canBeSource('10.0.0.1', 1947)).toBe(true);
    expect(canBeSource('fe80::1%eth0', 50_000)).toBe(true);
  });
});
