import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeDatagram, guidText } from '../discovery/index.ts';
import { kindOfConnection, kindOfDatagram, kindOfRequest, kindOfSystemPacket, kinds } from './index.ts';

const sender = { guid: guidText(new Uint8Array(30)), tcpPort: 1947, bootCount: 1 };
const said = (text: string) => kindOfConnection(Buffer.from(text, 'latin1'));

describe('the kind of what is on the wire', () => {
  it('is that of the datagram; what is none of ours has none', () => {
    const ask = encodeDatagram({ kind: 'ask', ...sender, cookie: 7 });
    expect(kindOfDatagram(ask)).toBe('search');
    expect(kindOfDatagram(encodeDatagram({ kind: 'search', ...sender, cookie: 7 }))).toBe('search');
    expect(kindOfDatagram(encodeDatagram({ kind: 'answer', ...sender, cookie: 7 }))).toBe('answer');
    for (const kind of ['started', 'stopping'] as const)
      expect(kindOfDatagram(encodeDatagram({ kind, ...sender, sequence: 1 }))).toBe(kind);
    expect(kindOfDatagram(encodeDatagram({ kind: 'changed', ...sender, sequence: 1, entries: [] }))).toBe('changed');
    for (let length = 0; length < ask.length; length += 1) expect(kindOfDatagram(ask.subarray(0, length))).toBeUndefined();
  });

  it('is told by the first bytes of a connection (L6)', () => {
    expect(said('\0\0\0\x20\x01KH')).toBe('local');
    expect(said('\x16\x03\x01')).toBe('tls');
    for (const name of ['hello', 'confirm', 'exchange', 'listen']) expect(said(`POST /lm/v1/${name} HTTP/1.1\r\nhost: x\r\n`)).toBe('link');
    expect(said('POST http://192.0.2.7:1947/lm/v1/hello HTTP/1.1\r\n')).toBe('link');
    expect(said('CONNECT [2001:db8::7]:1947 HTTP/1.1\r\n')).toBe('link');
    expect(said('GET /healthz HTTP/1.1\r\n')).toBe('health');
    expect(said('GET /api/v1/keys?x=1 HTTP/1.1\r\n')).toBe('administration');
    expect(said('GET /lm/v1/hello HTTP/1.1\r\n')).toBe('administration');
    for (const nothing of ['', 'SSH-2.0-x\r\n', '\x01', 'GET', 'get / HTTP/1.1\r\n']) expect(said(nothing)).toBe('refused');
  });

  it('of a request is its own within a link', () => {
    expect(['hello', 'confirm', 'exchange', 'listen', 'toString', 'other'].map((name) => kindOfRequest('POST', `/lm/v1/${name}`))).toEqual([
      'hello',
      'confirm',
      'exchange',
      'listen',
      'administration',
      'administration',
    ]);
  });

  it('of what the system sends goes by protocol and type', () => {
    expect(kindOfSystemPacket(0x0806, undefined, 0)).toBe('arp');
    expect([130, 131, 132, 143].map((type) => kindOfSystemPacket(0x86dd, 58, type))).toEqual(Array(4).fill('membership'));
    expect([133, 134, 135, 136, 137].map((type) => kindOfSystemPacket(0x86dd, 58, type))).toEqual(Array(5).fill('neighbours'));
    expect([kindOfSystemPacket(0x0800, 1, 3), kindOfSystemPacket(0x86dd, 58, 1)]).toEqual(['unreachable', 'unreachable']);
    // An echo request, and a protocol that is none of ours.
    expect([kindOfSystemPacket(0x0800, 1, 8), kindOfSystemPacket(0x86dd, 58, 128), kindOfSystemPacket(0x0800, 47, 1)]).toEqual(
      Array(3).fill(undefined),
    );
  });

  it('is some kind of the table for any bytes', () => {
    const within = fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      expect(kinds).toContain(kindOfConnection(bytes));
    });
    fc.assert(within);
  });
});
