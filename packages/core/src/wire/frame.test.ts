import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex, WireError } from '../bytes/index.ts';
import { cutInto, u8 } from '../bytes/wire.testing.ts';
import { encodeFrame, type Frame, FrameDecoder, MAX_FRAME } from './frame.ts';

const spelled = (frames: readonly Frame[]): string[] => frames.map(({ type, body }) => `${type}:${hex(body)}`);
const frame = fc.tuple(u8, fc.uint8Array({ maxLength: 40 }));
const encoded = (frames: readonly (readonly [number, Uint8Array])[]): Buffer =>
  Buffer.concat(frames.map(([type, body]) => encodeFrame(type, (out) => out.bytes(body))));
const lengthOf = (length: number): Buffer => Buffer.from(length.toString(16).padStart(8, '0'), 'hex');

describe('FrameDecoder', () => {
  it('gives the same frames however the bytes are cut (L5)', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 50 })), (frames, sizes) => {
        const bytes = encoded(frames);
        const wanted = frames.map(([type, body]) => `${type}:${hex(body)}`);
        expect(spelled(new FrameDecoder().push(bytes))).toEqual(wanted);
        for (const pieces of [cutInto(bytes, sizes), cutInto(bytes, [1])]) {
          const decoder = new FrameDecoder();
          expect(spelled(pieces.flatMap((piece) => decoder.push(piece)))).toEqual(wanted);
          expect(decoder.pending).toBe(0);
        }
        for (let at = 0; at <= bytes.length; at += 1) {
          const decoder = new FrameDecoder();
          expect(spelled([...decoder.push(bytes.subarray(0, at)), ...decoder.push(bytes.subarray(at))])).toEqual(wanted);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('gives no frame that is not whole, and says what is pending', () => {
    const bytes = encodeFrame(7, (out) => out.u32(1));
    for (let length = 0; length < bytes.length; length += 1) {
      const decoder = new FrameDecoder();
      expect(decoder.push(bytes.subarray(0, length))).toEqual([]);
      expect(decoder.pending).toBe(length);
    }
  });

  it('keeps its own copy of what waits: the caller may use its chunk again', () => {
    const bytes = encodeFrame(7, (out) => out.text('whole'));
    const decoder = new FrameDecoder();
    for (const piece of cutInto(bytes.subarray(0, -1), [3])) {
      const chunk = Uint8Array.from(piece);
      expect(decoder.push(chunk)).toEqual([]);
      chunk.fill(0xee);
    }
    expect(spelled(decoder.push(bytes.subarray(-1)))).toEqual([`7:${hex(bytes.subarray(5))}`]);
  });

  it.each([0, MAX_FRAME + 1, 0xffff_ffff])(
    'refuses a frame of %d bytes before its body is waited for, in one piece and byte by byte (I5)',
    (length) => {
      expect(() => new FrameDecoder().push(lengthOf(length))).toThrow(WireError);
      const decoder = new FrameDecoder();
      const bytes = lengthOf(length);
      for (const at of [0, 1, 2]) expect(decoder.push(bytes.subarray(at, at + 1))).toEqual([]);
      expect(() => decoder.push(bytes.subarray(3))).toThrow(WireError);
    },
  );

  it('has a limit of its own for the next frame, and only for that', () => {
    const small = encodeFrame(1, (out) => out.bytes(Buffer.alloc(9)));
    const large = encodeFrame(2, (out) => out.bytes(Buffer.alloc(10)));
    expect(spelled(new FrameDecoder().push(Buffer.concat([small, large]), 10)).length).toBe(2);
    expect(() => new FrameDecoder().push(Buffer.concat([large, small]), 10)).toThrow(WireError);
    const decoder = new FrameDecoder();
    decoder.push(large.subarray(0, 2), 10);
    expect(() => decoder.push(large.subarray(2), 10)).toThrow(WireError);
  });

  it('takes the longest frame that is allowed', () => {
    const decoder = new FrameDecoder();
    const bytes = encodeFrame(3, (out) => out.bytes(Buffer.alloc(MAX_FRAME - 1, 5)));
    const [first] = cutInto(bytes, [100_000]).flatMap((piece) => decoder.push(piece));
    expect(first?.body.equals(bytes.subarray(5))).toBe(true);
  });

  it('holds at most twice what came of a frame, whatever length it says and in however small pieces it comes (I5)', () => {
    const bytes = Buffer.concat([lengthOf(MAX_FRAME), Buffer.alloc(20_000, 1)]);
    const decoder = new FrameDecoder();
    for (let at = 0; at < bytes.length; at += 1) {
      decoder.push(bytes.subarray(at, at + 1));
      expect(decoder.held).toBeLessThanOrEqual(Math.max(8, 2 * (at + 1)));
    }
  });

  it('does not hold on to a large chunk for the sake of a rest', () => {
    const decoder = new FrameDecoder();
    decoder.push(Buffer.concat([encodeFrame(1, (out) => out.bytes(Buffer.alloc(500_000))), Buffer.of(0, 0)]));
    expect(decoder.held).toBeLessThanOrEqual(8);
  });

  it('throws WireError and nothing else, for random bytes in random pieces; what came before a fault was whole (S6)', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(frame, fc.uint8Array({ maxLength: 5 })).map(([good, rest]) => Buffer.concat([encoded([good]), rest])),
    );
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 8 }), (chunks) => {
        const decoder = new FrameDecoder(64);
        try {
          for (const chunk of chunks) for (const { body } of decoder.push(chunk)) expect(body.length).toBeLessThan(64);
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
        }
        expect(decoder.held).toBeLessThanOrEqual(2 * 68);
      }),
      { numRuns: 500 },
    );
  });

  it('sees a fault wherever the bytes are cut', () => {
    const bytes = Buffer.concat([encoded([[1, Buffer.from('ab')]]), lengthOf(0)]);
    for (let at = 0; at <= bytes.length; at += 1) {
      const decoder = new FrameDecoder();
      expect(() => [decoder.push(bytes.subarray(0, at)), decoder.push(bytes.subarray(at))], `cut at ${at}`).toThrow(WireError);
    }
  });
});
