import { describe, expect, it } from 'vitest';
import { lmAddressFrom, ownIdentity } from './environment.ts';

describe('KEYHAVEN_LOCAL_LM', () => {
  it.each([
    [undefined, '127.0.0.1', 1947],
    ['', '127.0.0.1', 1947],
    ['127.0.0.1:4711', '127.0.0.1', 4711],
    ['127.3.2.1:65535', '127.3.2.1', 65_535],
    ['localhost:80', '127.0.0.1', 80],
  ])('%j means %s:%d', (setting, host, port) => {
    expect(lmAddressFrom(setting)).toEqual({ host, port });
  });

  it.each([
    '192.0.2.1:1947',
    'example.com:1947',
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '[::1]:1947',
    '127.0.0.1:1947x',
    ' 127.0.0.1:1947',
    '127.0.0.999:1947',
  ])('%j is refused with 501: an application talks to its own computer only (L1)', (setting) => {
    expect(() => lmAddressFrom(setting)).toThrow(expect.objectContaining({ status: 501 }));
  });
});

describe('what a process says of itself', () => {
  it('names this process and is short enough for the wire', () => {
    const identity = ownIdentity();
    expect(identity.pid).toBe(process.pid);
    expect(identity.start).toBeGreaterThanOrEqual(0);
    for (const text of [identity.user, identity.host, identity.application]) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(255);
  });
});
