import { Buffer } from 'node:buffer';
import { SocketAddress } from 'node:net';
import { wall } from '@keyhaven/core/time';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame } from './frame.ts';
import { cooked, ethernet, ipv4, ipv6, tcp, udp } from './frames.fixture.ts';

const at = wall(5);
const office = [10, 199, 1, 10];
const everyone = [10, 199, 1, 255];
const payload = Buffer.from('forty bytes or so');

describe('decodeFrame', () => {
  it('reads a broadcast UDP datagram over Ethernet and leaves the padding of short frames out', () => {
    const datagram = ipv4(17, office, everyone, udp(5_000, 1947, payload));
    const frame = ethernet('ffffffffffff', 0x0800, Buffer.concat([datagram, Buffer.alloc(9)]));
    expect(decodeFrame('ethernet', at, frame)).toEqual({
      at,
      interfaceIndex: 0,
      cast: 'broadcast',
      protocol: 'udp',
      payload,
      source: { address: '10.199.1.10', port: 5_000 },
      destination: { address: '10.199.1.255', port: 1947 },
    });
  });

  it('reads a TCP segment behind IPv4 and TCP options over cooked capture, with its interface', () => {
    const segment = tcp(40_000, 1947, 0xffff_fffe, 0x13, payload, 3);
    expect(decodeFrame('cooked2', at, cooked(0, 7, 0x0800, ipv4(6, office, office, segment, 2)))).toEqual({
      at,
      interfaceIndex: 7,
      cast: 'unicast',
      protocol: 'tcp',
      payload,
      sequence: 0xffff_fffe,
      syn: true,
      fin: true,
      reset: false,
      source: { address: '10.199.1.10', port: 40_000 },
      destination: { address: '10.199.1.10', port: 1947 },
    });
  });

  it('leaves the padding of a short frame out of a TCP segment too, but takes a segment without a length whole', () => {
    const segment = ipv4(6, office, office, tcp(1, 2, 3, 0x10, payload));
    const padded = ethernet('020000000002', 0x0800, Buffer.concat([segment, Buffer.alloc(6)]));
    expect(decodeFrame('ethernet', at, padded).payload).toEqual(payload);
    segment.writeUInt16BE(0, 2);
    expect(decodeFrame('ethernet', at, ethernet('020000000002', 0x0800, segment)).payload).toEqual(payload);
  });

  it('tells multicast from unicast and broadcast', () => {
    const body = ipv4(17, office, office, udp(1, 2, payload));
    expect(decodeFrame('ethernet', at, ethernet('333300000001', 0x0800, body)).cast).toBe('multicast');
    expect(decodeFrame('ethernet', at, ethernet('020000000002', 0x0800, body)).cast).toBe('unicast');
    expect([0, 1, 2, 3].map((type) => decodeFrame('cooked2', at, cooked(type, 1, 0x0800, body)).cast)).toEqual([
      'unicast',
      'broadcast',
      'multicast',
      'unicast',
    ]);
  });

  it('walks over IPv6 extension headers', () => {
    const hop = Buffer.concat([Buffer.from([17, 1]), Buffer.alloc(14)]);
    const frame = ethernet('333300000001', 0x86dd, ipv6(0, linkLocal, allNodes, Buffer.concat([hop, udp(9, 1947, payload)])));
    expect(decodeFrame('ethernet', at, frame)).toMatchObject({
      protocol: 'udp',
      payload,
      cast: 'multicast',
      source: { address: 'fe80::1', port: 9 },
      destination: { address: 'ff02::1', port: 1947 },
    });
  });

  it('writes IPv6 addresses as Node.js does', () => {
    // Groups of zero are frequent, so that runs at the start, in the middle and at the end occur.
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const bytes = Buffer.alloc(16);
        for (const [index, value] of groups.entries()) bytes.writeUInt16BE(value, index * 2);
        // Node.js writes ::ffff:a.b.c.d and ::a.b.c.d in two notations; such addresses never stand on our wire.
        fc.pre(groups.slice(0, 5).some((value) => value !== 0));
        const address = groups.map((value) => value.toString(16)).join(':');
        const packet = decodeFrame('ethernet', at, ethernet('020000000002', 0x86dd, ipv6(17, bytes, bytes, udp(1, 2, payload))));
        expect(packet.source.address).toBe(new URL(`http://[${address}]/`).hostname.slice(1, -1));
        expect(packet.source.address).toBe(new SocketAddress({ family: 'ipv6', address: packet.source.address }).address);
      }),
    );
  });

  it('tells fragments, ARP and datagrams that are cut short as other', () => {
    const fragment = ipv4(17, office, everyone, udp(1, 2, payload));
    fragment.writeUInt16BE(0x2000, 6);
    expect(decodeFrame('ethernet', at, ethernet('020000000002', 0x0800, fragment))).toMatchObject({ protocol: 'other', etherType: 0x0800 });
    expect(decodeFrame('ethernet', at, ethernet('ffffffffffff', 0x0806, payload))).toMatchObject({
      protocol: 'other',
      etherType: 0x0806,
      payload,
    });
    const whole = ethernet('020000000002', 0x0800, ipv4(17, office, everyone, udp(1, 2, payload)));
    expect(decodeFrame('ethernet', at, whole.subarray(0, -1))).toMatchObject({
      protocol: 'other',
      ipProtocol: 17,
      source: { address: '10.199.1.10' },
    });
  });

  it('makes some packet of every byte string and every truncation', () => {
    const whole = ethernet('333300000001', 0x86dd, ipv6(6, linkLocal, allNodes, tcp(1, 2, 3, 2, payload, 1)));
    for (let length = 0; length <= whole.length; length += 1) decodeFrame('ethernet', at, whole.subarray(0, length));
    const headed = fc.tuple(fc.constantFrom(0x0800, 0x86dd, 0x0806), fc.constantFrom(0x45, 0x4f, 0x60), fc.uint8Array({ maxLength: 100 }));
    fc.assert(
      fc.property(headed, fc.constantFrom('ethernet', 'cooked2'), ([etherType, first, rest], linkType) => {
        const body = Buffer.concat([Buffer.from([first]), rest]);
        const frame = linkType === 'ethernet' ? ethernet('020000000002', etherType, body) : cooked(0, 1, etherType, body);
        const packet = decodeFrame(linkType, at, frame);
        expect(packet.payload.length).toBeLessThanOrEqual(frame.length);
      }),
    );
  });
});

const linkLocal = Buffer.from('fe800000000000000000000000000001', 'hex');
const allNodes = Buffer.from('ff020000000000000000000000000001', 'hex');
