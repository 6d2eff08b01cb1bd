import { Buffer } from 'node:buffer';

// Builds frames and capture files for the tests of the readers.

export const ethernet = (destination: string, etherType: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(destination, 'hex'), Buffer.from('020000000001', 'hex'), uint16(etherType), body]);

export const cooked = (packetType: number, interfaceIndex: number, etherType: number, body: Buffer): Buffer => {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(etherType, 0);
  header.writeUInt32BE(interfaceIndex, 4);
  header.writeUInt8(packetType, 10);
  return Buffer.concat([header, body]);
};

export const ipv4 = (protocol: number, source: readonly number[], destination: readonly number[], body: Buffer, options = 0): Buffer => {
  const header = Buffer.alloc(20 + options * 4);
  header.writeUInt8(0x45 + options, 0);
  header.writeUInt16BE(header.length + body.length, 2);
  header.writeUInt8(protocol, 9);
  header.set([...source, ...destination], 12);
  return Buffer.concat([header, body]);
};

export const ipv6 = (nextHeader: number, source: Uint8Array, destination: Uint8Array, body: Buffer): Buffer => {
  const header = Buffer.alloc(40);
  header.writeUInt8(0x60, 0);
  header.writeUInt16BE(body.length, 4);
  header.writeUInt8(nextHeader, 6);
  header.set(source, 8);
  header.set(destination, 24);
  return Buffer.concat([header, body]);
};

export const udp = (sourcePort: number, destinationPort: number, payload: Buffer): Buffer =>
  Buffer.concat([uint16(sourcePort), uint16(destinationPort), uint16(8 + payload.length), uint16(0), payload]);

export const tcp = (sourcePort: number, destinationPort: number, sequence: number, flags: number, payload: Buffer, options = 0): Buffer => {
  const header = Buffer.alloc(20 + options * 4);
  header.writeUInt16BE(sourcePort, 0);
  header.writeUInt16BE(destinationPort, 2);
  header.writeUInt32BE(sequence >>> 0, 4);
  header.writeUInt8((5 + options) << 4, 12);
  header.writeUInt8(flags, 13);
  return Buffer.concat([header, payload]);
};

export type PcapForm = { readonly little: boolean; readonly nano: boolean; readonly linkType: number };

export const pcap = (
  form: PcapForm,
  records: readonly { readonly seconds: number; readonly fraction: number; readonly frame: Buffer }[],
): Buffer => {
  const words = (...numbers: number[]): Buffer => {
    const bytes = Buffer.alloc(numbers.length * 4);
    for (const [index, number] of numbers.entries()) {
      if (form.little) bytes.writeUInt32LE(number, index * 4);
      else bytes.writeUInt32BE(number, index * 4);
    }
    return bytes;
  };
  const header = words(form.nano ? 0xa1b23c4d : 0xa1b2c3d4, 0, 0, 0, 262_144, form.linkType);
  return Buffer.concat([
    header,
    ...records.flatMap(({ seconds, fraction, frame }) => [words(seconds, fraction, frame.length, frame.length), frame]),
  ]);
};

const uint16 = (number: number): Buffer => Buffer.from([number >> 8, number & 0xff]);
