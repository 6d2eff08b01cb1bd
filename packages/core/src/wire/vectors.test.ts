import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { hex, WireError } from '../bytes/index.ts';
import { vectorFile } from '../bytes/vector-file.testing.ts';
import { cutInto, orRefused, plain, unhex } from '../bytes/wire.testing.ts';
import { mono } from '../time/index.ts';
import { encodeFrame, type Frame, FrameDecoder } from './frame.ts';
import { createListeningConnection } from './listening-connection.ts';
import { decodeToApplication, decodeToLm, encodeToApplication, encodeToLm } from './local.ts';
import { makeFrameVectors, makeLocalVectors } from './vectors.testing.ts';

const frames = vectorFile('frames', makeFrameVectors);
const local = vectorFile('local', makeLocalVectors);

describe('vectors/frames.json', () => {
  it('is what the code makes today', () => expect(frames.recorded).toEqual(frames.made));

  it.each(frames.recorded.streams)(
    '$name: the same frames whole, byte by byte and at every cut, and the same bytes again',
    ({ bytes, frames: wanted, pending }) => {
      const whole = unhex(bytes);
      const cuts = [[whole], cutInto(whole, [1]), cutInto(whole, [3, 1])];
      for (let at = 1; at < whole.length; at += 1) cuts.push([whole.subarray(0, at), whole.subarray(at)]);
      for (const pieces of cuts) {
        const decoder = new FrameDecoder();
        const found = pieces.flatMap((piece) => decoder.push(piece));
        expect(plain(found)).toEqual(wanted);
        expect(decoder.pending).toBe(pending);
        const again = Buffer.concat(found.map(({ type, body }) => encodeFrame(type, (out) => out.bytes(body))));
        expect(hex(again)).toBe(bytes.slice(0, bytes.length - 2 * pending));
      }
    },
  );

  it.each(frames.recorded.refused)('$name: refused with its last byte, whole and byte by byte', ({ bytes }) => {
    expect(() => new FrameDecoder().push(unhex(bytes))).toThrow(WireError);
    const decoder = new FrameDecoder();
    const pieces = cutInto(unhex(bytes), [1]);
    for (const piece of pieces.slice(0, -1)) decoder.push(piece);
    expect(() => decoder.push(pieces.at(-1) ?? Buffer.alloc(0))).toThrow(WireError);
  });
});

const frameIn = (bytes: string): Frame => {
  const [frame, another] = new FrameDecoder().push(unhex(bytes));
  if (frame === undefined || another !== undefined) throw new Error('not one frame');
  return frame;
};
/** Frames of the same type whose bodies are cut, or have a byte more. */
const wrong = ({ type, body }: Frame): Frame[] => [
  ...Array.from({ length: body.length }, (_, length) => ({ type, body: body.subarray(0, length) })),
  { type, body: Buffer.concat([body, Buffer.of(0)]) },
];

describe('vectors/local.json', () => {
  it('is what the code makes today', () => expect(local.recorded).toEqual(local.made));

  it.each(local.recorded.toLm)('$name, to the LM: read as written, written as read; cut or longer refused', ({ bytes, message }) => {
    const decoded = decodeToLm(frameIn(bytes));
    expect(plain(decoded)).toEqual(message);
    expect(hex(encodeToLm(decoded))).toBe(bytes);
    for (const each of decoded.kind === 'record' ? [] : wrong(frameIn(bytes))) expect(orRefused(() => decodeToLm(each))).toBeUndefined();
  });

  it.each(local.recorded.toApplication)(
    '$name, to the application: read as written, written as read; cut or longer refused',
    ({ bytes, message }) => {
      const decoded = decodeToApplication(frameIn(bytes));
      expect(plain(decoded)).toEqual(message);
      expect(hex(encodeToApplication(decoded))).toBe(bytes);
      for (const each of decoded.kind === 'record' ? [] : wrong(frameIn(bytes)))
        expect(orRefused(() => decodeToApplication(each))).toBeUndefined();
    },
  );

  it.each(local.recorded.refused)('$name, to the $to: refused', ({ to, bytes }) => {
    expect(() => (to === 'lm' ? decodeToLm(frameIn(bytes)) : decodeToApplication(frameIn(bytes)))).toThrow(WireError);
  });

  it.each(local.recorded.conversations)('a conversation of version $version, $name: replayed whole and byte by byte (T6)', ({ steps }) => {
    for (const sizes of [[1_000_000], [1]]) {
      const machine = createListeningConnection(mono(0), { guid: '', hostname: '', idleMs: 600_000 });
      for (const { from, bytes, message } of steps) {
        // What the application sends is understood as recorded, and what the LM sends is what was recorded.
        const fromLm = from === 'lm' ? decodeToApplication(frameIn(bytes)) : undefined;
        const sent = fromLm === undefined ? unhex(bytes) : machine.send(mono(0), fromLm);
        expect(hex(sent ?? Buffer.alloc(0))).toBe(bytes);
        const understood =
          fromLm === undefined ? cutInto(unhex(bytes), sizes).flatMap((piece) => machine.receive(mono(0), piece)) : [fromLm];
        expect(plain(understood)).toEqual([expect.objectContaining(message)]);
      }
    }
  });
});
