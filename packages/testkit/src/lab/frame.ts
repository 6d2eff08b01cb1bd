import type { Buffer } from 'node:buffer';
import type { Wall } from '@keyhaven/core/time';

// Reads one captured frame: Ethernet or Linux cooked v2 (what `-i any` gives), then IPv4 or IPv6, then UDP or TCP. Pure.
//
// Total: every byte string gives a packet. What is cut short, fragmented or not IP is told as `other` with the bytes that are
// left. It does not verify checksums (senders on virtual links leave them to hardware that is not there) and joins no fragments.

/** `address` is empty and `port` 0 where the frame has none. */
export type Endpoint = { readonly address: string; readonly port: number };

type Common = {
  readonly at: Wall;
  /** Index of the interface that the frame came in by; 0 where the capture does not say. */
  readonly interfaceIndex: number;
  readonly cast: 'unicast' | 'multicast' | 'broadcast';
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly payload: Buffer;
};
export type UdpPacket = Common & { readonly protocol: 'udp' };
export type TcpPacket = Common & {
  readonly protocol: 'tcp';
  readonly sequence: number;
  readonly syn: boolean;
  readonly fin: boolean;
  readonly reset: boolean;
};
/** ARP, ICMP, IPv6 neighbour discovery and whatever else: `etherType`, and the IP protocol number where it is IP. */
export type OtherPacket = Common & { readonly protocol: 'other'; readonly etherType: number; readonly ipProtocol: number | undefined };
export type Packet = UdpPacket | TcpPacket | OtherPacket;

export type LinkType = 'ethernet' | 'cooked2';

type Frame = Pick<Common, 'at' | 'interfaceIndex' | 'cast'> & { readonly etherType: number; readonly body: Buffer };
type Datagram = { readonly ipProtocol: number; readonly source: string; readonly destination: string; readonly body: Buffer };

const ETHER_IPV4 = 0x0800;
const ETHER_IPV6 = 0x86dd;
const IP_TCP = 6;
const IP_UDP = 17;
const IPV6_FRAGMENT = 44;
/** Hop-by-hop, routing and destination options: all say their length in the second byte, in units of eight. */
const IPV6_SKIPPED: readonly number[] = [0, 43, 60];
const NOWHERE: Endpoint = { address: '', port: 0 };

export const decodeFrame = (linkType: LinkType, at: Wall, bytes: Buffer): Packet => {
  const frame = linkType === 'ethernet' ? ethernet(at, bytes) : cooked2(at, bytes);
  const datagram = frame.etherType === ETHER_IPV4 ? ipv4(frame.body) : frame.etherType === ETHER_IPV6 ? ipv6(frame.body) : undefined;
  if (datagram === undefined) return other(frame, undefined, NOWHERE, NOWHERE, frame.body);
  return transport(frame, datagram);
};

const ethernet = (at: Wall, bytes: Buffer): Frame => {
  if (bytes.length < 14) return { at, interfaceIndex: 0, cast: 'unicast', etherType: 0, body: bytes };
  const everyone = bytes.subarray(0, 6).every((byte) => byte === 0xff);
  const cast = everyone ? 'broadcast' : (bytes.readUInt8(0) & 1) === 1 ? 'multicast' : 'unicast';
  return { at, interfaceIndex: 0, cast, etherType: bytes.readUInt16BE(12), body: bytes.subarray(14) };
};

const cooked2 = (at: Wall, bytes: Buffer): Frame => {
  if (bytes.length < 20) return { at, interfaceIndex: 0, cast: 'unicast', etherType: 0, body: bytes };
  const type = bytes.readUInt8(10);
  const cast = type === 1 ? 'broadcast' : type === 2 ? 'multicast' : 'unicast';
  return { at, interfaceIndex: bytes.readUInt32BE(4), cast, etherType: bytes.readUInt16BE(0), body: bytes.subarray(20) };
};

const ipv4 = (bytes: Buffer): Datagram | undefined => {
  if (bytes.length < 20) return undefined;
  const headerLength = (bytes.readUInt8(0) & 0x0f) * 4;
  const totalLength = bytes.readUInt16BE(2);
  if (bytes.readUInt8(0) >> 4 !== 4 || headerLength < 20 || headerLength > bytes.length) return undefined;
  // More-fragments flag or an offset: the ports would be missing or the payload would not be whole.
  if ((bytes.readUInt16BE(6) & 0x3fff) !== 0) return undefined;
  // A total length of 0 is a segment that the sender left to the card to cut; then the frame's own length counts.
  const end = totalLength === 0 ? bytes.length : Math.max(headerLength, totalLength);
  return {
    ipProtocol: bytes.readUInt8(9),
    source: bytes.subarray(12, 16).join('.'),
    destination: bytes.subarray(16, 20).join('.'),
    body: bytes.subarray(headerLength, end),
  };
};

const ipv6 = (bytes: Buffer): Datagram | undefined => {
  if (bytes.length < 40 || bytes.readUInt8(0) >> 4 !== 6) return undefined;
  const payloadLength = bytes.readUInt16BE(4);
  let rest = bytes.subarray(40, payloadLength === 0 ? bytes.length : 40 + payloadLength);
  let ipProtocol = bytes.readUInt8(6);
  while (IPV6_SKIPPED.includes(ipProtocol)) {
    if (rest.length < 8) return undefined;
    ipProtocol = rest.readUInt8(0);
    rest = rest.subarray((rest.readUInt8(1) + 1) * 8);
  }
  if (ipProtocol === IPV6_FRAGMENT) return undefined;
  return { ipProtocol, source: formatIpv6(bytes.subarray(8, 24)), destination: formatIpv6(bytes.subarray(24, 40)), body: rest };
};

const transport = (frame: Frame, { ipProtocol, source, destination, body }: Datagram): Packet => {
  const { at, interfaceIndex, cast } = frame;
  const ends = () => ({
    source: { address: source, port: body.readUInt16BE(0) },
    destination: { address: destination, port: body.readUInt16BE(2) },
  });
  if (ipProtocol === IP_UDP && body.length >= 8) {
    // A datagram whose length field claims more than was captured is cut short, and so not told as a datagram.
    const length = body.readUInt16BE(4);
    if (length >= 8 && length <= body.length) {
      return { at, interfaceIndex, cast, ...ends(), protocol: 'udp', payload: body.subarray(8, length) };
    }
  }
  if (ipProtocol === IP_TCP && body.length >= 20) {
    const headerLength = (body.readUInt8(12) >> 4) * 4;
    const flags = body.readUInt8(13);
    if (headerLength >= 20 && headerLength <= body.length) {
      return {
        at,
        interfaceIndex,
        cast,
        ...ends(),
        protocol: 'tcp',
        sequence: body.readUInt32BE(4),
        syn: (flags & 0x02) !== 0,
        fin: (flags & 0x01) !== 0,
        reset: (flags & 0x04) !== 0,
        payload: body.subarray(headerLength),
      };
    }
  }
  return other(frame, ipProtocol, { address: source, port: 0 }, { address: destination, port: 0 }, body);
};

const other = (frame: Frame, ipProtocol: number | undefined, source: Endpoint, destination: Endpoint, payload: Buffer): OtherPacket => {
  const { at, interfaceIndex, cast, etherType } = frame;
  return { at, interfaceIndex, cast, source, destination, protocol: 'other', etherType, ipProtocol, payload };
};

/** The text form that Node.js gives too: lower case, the longest run of two or more zero groups left out. */
const formatIpv6 = (bytes: Buffer): string => {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (best.length < 2) return text(groups);
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
};
