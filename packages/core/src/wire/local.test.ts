import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireError, Writer } from '../bytes/index.ts';
import { expectOneSpelling, expectStrict, fill, orRefused } from '../bytes/wire.testing.ts';
import { type Frame, FrameDecoder } from './frame.ts';
import {
  decodeToApplication,
  decodeToLm,
  encodeToApplication,
  encodeToLm,
  MAX_CANDIDATES,
  MAX_UPDATE,
  type ToApplication,
  type ToLm,
  types,
} from './local.ts';
import { toApplication, toLm } from './messages.testing.ts';

/** Type and body of a frame as one byte string, so that a message is what is written and read. */
const asFrame = (bytes: Uint8Array): Frame => {
  if (bytes.length === 0) throw new WireError('no type');
  return { type: bytes[0] ?? 0, body: Buffer.from(bytes.subarray(1)) };
};
const writeToLm = (message: ToLm): Uint8Array => encodeToLm(message).subarray(4);
const readToLm = (bytes: Uint8Array): ToLm => decodeToLm(asFrame(bytes));
const writeToApplication = (message: ToApplication): Uint8Array => encodeToApplication(message).subarray(4);
const readToApplication = (bytes: Uint8Array): ToApplication => decodeToApplication(asFrame(bytes));

describe.each(Object.entries(toLm))('the message "%s" to the LM', (kind, values) => {
  it('comes back as it went; every truncation and every byte too many is refused (L5)', () => {
    fc.assert(
      fc.property(values, (message) => expectStrict(message, writeToLm, readToLm, kind === 'record')),
      { numRuns: 30 },
    );
  });

  it('has one spelling (S6)', () => expectOneSpelling(values, writeToLm, readToLm));
});

describe.each(Object.entries(toApplication))('the message "%s" to the application', (kind, values) => {
  it('comes back as it went; every truncation and every byte too many is refused (L5)', () => {
    fc.assert(
      fc.property(values, (message) => expectStrict(message, writeToApplication, readToApplication, kind === 'record')),
      { numRuns: 30 },
    );
  });

  it('has one spelling (S6)', () => expectOneSpelling(values, writeToApplication, readToApplication));
});

describe('the local protocol', () => {
  it('gives each direction its own messages: a message of the other direction is refused', () => {
    const sent = new Map<string, number>(Object.entries(types));
    for (const kind of ['hello', 'find', 'attempt', 'open', 'close', 'update', 'ask'] as const)
      expect(() => readToApplication(Uint8Array.of(sent.get(kind) ?? 0))).toThrow(`a frame of type ${types[kind]}`);
    for (const kind of ['welcome', 'found', 'opened', 'lost', 'updated', 'refused', 'told'] as const)
      expect(() => readToLm(Uint8Array.of(sent.get(kind) ?? 0))).toThrow(`a frame of type ${types[kind]}`);
  });

  it('refuses frames of every type that it does not know', () => {
    const known = new Set<number>(Object.values(types));
    for (let type = 0; type < 256; type += 1) {
      if (known.has(type)) continue;
      expect(() => readToLm(Uint8Array.of(type, 0, 0, 0, 0))).toThrow(WireError);
      expect(() => readToApplication(Uint8Array.of(type, 0, 0, 0, 0))).toThrow(WireError);
    }
  });

  it('refuses a hello without the mark', () => {
    const hello = Buffer.from(writeToLm({ kind: 'hello', from: 1, to: 1, pid: 1, start: 2, user: '', host: '', application: '' }));
    hello[1] = 0x4a;
    expect(() => readToLm(hello)).toThrow('without the mark');
  });

  it('has bounds for everything that is told by a length (I5)', () => {
    const body = (type: number, write: (out: Writer) => Writer): Frame => ({ type, body: write(new Writer()).done() });
    const hello = (user: number) =>
      body(types.hello, (out) => out.u16(0x4b48).u8(1).u8(1).u32(1).u53(1).text('x'.repeat(user)).text('').text(''));
    expect(orRefused(() => decodeToLm(hello(255)))).toBeDefined();
    expect(orRefused(() => decodeToLm(hello(256)))).toBeUndefined();
    const find = (scope: number) => body(types.find, (out) => out.u32(1).u32(1).bytes(fill(32, 1)).u32(1).text('x'.repeat(scope)));
    expect(orRefused(() => decodeToLm(find(32 * 1024)))).toBeDefined();
    expect(orRefused(() => decodeToLm(find(32 * 1024 + 1)))).toBeUndefined();
    const open = (opening: number) => body(types.open, (out) => out.u32(1).u64(1n).text('').block(fill(opening, 1)));
    expect(orRefused(() => decodeToLm(open(512)))).toBeDefined();
    expect(orRefused(() => decodeToLm(open(513)))).toBeUndefined();
    const found = (count: number) =>
      body(types.found, (out) => {
        out.u32(1).u16(0).text('').u16(count);
        for (let index = 0; index < count; index += 1) out.u64(1n).u32(1).text('').text('').text('').text('');
        return out;
      });
    expect(orRefused(() => decodeToApplication(found(MAX_CANDIDATES)))).toBeDefined();
    expect(orRefused(() => decodeToApplication(found(MAX_CANDIDATES + 1)))).toBeUndefined();
    expect(orRefused(() => decodeToApplication({ type: types.found, body: found(3).body.subarray(0, 10) }))).toBeUndefined();
  });

  it('carries an update up to the last byte of a frame', () => {
    const update = (length: number) => encodeToLm({ kind: 'update', request: 1, document: fill(length, 1) });
    expect(new FrameDecoder().push(update(MAX_UPDATE)).map(decodeToLm)).toHaveLength(1);
    expect(() => new FrameDecoder().push(update(MAX_UPDATE + 1))).toThrow(WireError);
  });

  it('tells no success where only bad news can be told: nobody in between turns a refusal into status 0 (L7)', () => {
    expect(() => readToApplication(writeToApplication({ kind: 'lost', channel: 1, status: 0, detail: '' }))).toThrow('status 0');
    expect(() => readToApplication(writeToApplication({ kind: 'refused', status: 0, detail: '' }))).toThrow('status 0');
  });

  it('cuts a long detail so that it still is text', () => {
    const long = { kind: 'lost', channel: 1, status: 7, detail: '\u{1f511}'.repeat(400) } as const;
    expect(readToApplication(writeToApplication(long))).toMatchObject({ kind: 'lost', status: 7 });
    expect(readToApplication(writeToApplication({ ...long, detail: `x${long.detail}` }))).toMatchObject({
      detail: expect.stringMatching(/^x/),
    });
  });

  it('begins with the byte 0x00, whatever the frame (L6)', () => {
    fc.assert(
      fc.property(fc.oneof(...Object.values(toLm)), (message) => {
        expect(encodeToLm(message)[0]).toBe(0);
      }),
    );
  });
});
