import { Buffer } from 'node:buffer';
import { wall } from '@keyhaven/core/time';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, type Packet } from './frame.ts';
import { ethernet, ipv4, tcp } from './frames.fixture.ts';
import { streams } from './streams.ts';

const SYN = 2;
const segment = (sequence: number, text: string | Buffer, flags = 0, ports: readonly [number, number] = [1, 2]): Packet =>
  decodeFrame(
    'ethernet',
    wall(0),
    ethernet('020000000002', 0x0800, ipv4(6, [10, 0, 0, 1], [10, 0, 0, 2], tcp(...ports, sequence, flags, Buffer.from(text)))),
  );
const texts = (packets: readonly Packet[]): readonly string[] => streams(packets).map(({ bytes }) => bytes.toString());

describe('streams', () => {
  it('gives the bytes that were sent, whatever the order, repetition and overlap of segments, also across the wrap of numbers', () => {
    const cut = fc.record({ from: fc.nat(), length: fc.integer({ min: 1, max: 30 }) });
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 100 }),
        fc.array(cut),
        fc.nat(0xffff_ffff),
        fc.integer(),
        (sent, extra, origin, seed) => {
          const pieces = Array.from({ length: Math.ceil(sent.length / 7) }, (_, index) => ({ from: index * 7, length: 7 }));
          const repeated = extra.map(({ from, length }) => ({ from: from % sent.length, length }));
          const shuffled = [...pieces, ...repeated].sort(
            (a, b) => Math.sin(a.from * 31 + a.length + seed) - Math.sin(b.from * 31 + b.length + seed),
          );
          const packets = [
            segment(origin, '', SYN),
            ...shuffled.map(({ from, length }) => segment(origin + 1 + from, Buffer.from(sent.subarray(from, from + length)))),
          ];
          expect(streams(packets)).toMatchObject([{ bytes: Buffer.from(sent), complete: true }]);
        },
      ),
    );
  });

  it('keeps directions and connections apart, and a port used again', () => {
    expect(
      texts([
        segment(10, '', SYN),
        segment(11, 'ask'),
        segment(90, 'answer', 0, [2, 1]),
        segment(50, '', SYN, [3, 2]),
        segment(51, 'other', 0, [3, 2]),
        segment(10, '', SYN),
        segment(500, '', SYN),
        segment(501, 'again'),
      ]),
    ).toEqual(['ask', 'answer', 'other', 'again']);
  });

  it('ends before missing bytes and says so', () => {
    expect(streams([segment(10, '', SYN), segment(11, 'abc'), segment(20, 'lost before')])).toMatchObject([
      { bytes: Buffer.from('abc'), complete: false },
    ]);
    expect(streams([segment(10, '', SYN), segment(12, 'no start')])).toMatchObject([{ bytes: Buffer.alloc(0), complete: false }]);
  });

  it('begins a stream whose start was not captured with the first bytes seen', () => {
    expect(texts([segment(17, 'late'), segment(14, 'not')])).toEqual(['notlate']);
  });
});
