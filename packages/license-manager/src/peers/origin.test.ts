import { describe, expect, it } from 'vitest';
import { originOf } from './origin.ts';

describe('where a request comes from, for limits per computer (S14)', () => {
  it.each([
    ['10.0.0.9', '10.0.0.9'],
    ['::ffff:10.0.0.9', '10.0.0.9'],
    ['127.0.0.1', undefined],
    ['127.3.2.1', undefined],
    ['::ffff:127.0.0.1', undefined],
    ['::1', undefined],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['2001:0db8:0:0000:1::6', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['fe80::2%eth0', 'fe80::2%eth0'],
  ])('%s is %s', (address, origin) => {
    expect(originOf(address)).toBe(origin);
  });
});
