import type { Buffer } from 'node:buffer';
import { wall } from '@keyhaven/core/time';
import { decodeFrame, type LinkType, type Packet } from './frame.ts';

// Reads a capture file in the classic pcap form, as tcpdump writes it: either byte order, micro- or nanoseconds. Pure.
// A last record that is cut short (the writer was stopped in the middle) is left out; a file that is no pcap is an error.

const LINK_TYPES: ReadonlyMap<number, LinkType> = new Map([
  [1, 'ethernet'],
  [276, 'cooked2'],
]);
const FILE_HEADER = 24;
const RECORD_HEADER = 16;

type Form = { readonly little: boolean; readonly fractionsPerMillisecond: number };

const FORMS: ReadonlyMap<number, Form> = new Map([
  [0xd4c3b2a1, { little: true, fractionsPerMillisecond: 1e3 }],
  [0x4d3cb2a1, { little: true, fractionsPerMillisecond: 1e6 }],
  [0xa1b2c3d4, { little: false, fractionsPerMillisecond: 1e3 }],
  [0xa1b23c4d, { little: false, fractionsPerMillisecond: 1e6 }],
]);

export const readPcap = (bytes: Buffer): readonly Packet[] => {
  const form = bytes.length < FILE_HEADER ? undefined : FORMS.get(bytes.readUInt32BE(0));
  if (form === undefined) throw new Error('not a pcap file: unknown or missing file header');
  const number = (offset: number): number => (form.little ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset));
  const linkType = LINK_TYPES.get(number(20) & 0xffff);
  if (linkType === undefined) throw new Error(`pcap link type ${number(20) & 0xffff} is neither Ethernet (1) nor Linux cooked v2 (276)`);

  const packets: Packet[] = [];
  let offset = FILE_HEADER;
  while (offset + RECORD_HEADER <= bytes.length) {
    const start = offset + RECORD_HEADER;
    const end = start + number(offset + 8);
    if (end > bytes.length) break;
    const at = wall(number(offset) * 1_000 + number(offset + 4) / form.fractionsPerMillisecond);
    packets.push(decodeFrame(linkType, at, bytes.subarray(start, end)));
    offset = end;
  }
  return packets;
};
