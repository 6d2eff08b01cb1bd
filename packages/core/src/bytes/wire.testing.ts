import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect } from 'vitest';
import { hex, WireError } from './index.ts';

// What tests of formats share: values of the wire's types, and the ways in which bytes are refused.

export const u8 = fc.integer({ min: 0, max: 0xff });
export const u16 = fc.integer({ min: 0, max: 0xffff });
export const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
export const u53 = fc.maxSafeNat();
/** A 64-bit number as its decimal text. */
export const u64Text = fc.bigInt(0n, 2n ** 64n - 1n).map(String);
export const bytesOf = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
export const someBytes = fc.uint8Array({ maxLength: 200 });
/** Any characters there are, of at most four bytes each. */
export const textOf = (maxBytes: number): fc.Arbitrary<string> => fc.string({ unit: 'binary', maxLength: Math.floor(maxBytes / 4) });

export const unhex = (text: string): Buffer => Buffer.from(text, 'hex');
export const fill = (length: number, value: number): Buffer => Buffer.alloc(length, value);

/** A value as vectors write it: byte strings in hex. */
export const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
};

/** Cut into pieces of the given sizes, in turn; nothing is left out. */
export const cutInto = (bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] => {
  const pieces: Uint8Array[] = [];
  let turn = 0;
  for (let at = 0; at < bytes.length; turn += 1) {
    const size = Math.max(1, sizes[turn % Math.max(1, sizes.length)] ?? 1);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
};

/** The result, or undefined for a WireError; everything else that is thrown fails the test. */
export const orRefused = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
};

/**
 * What holds for the bytes of each format: they read back as they were written; a cut or a byte too many is refused with WireError, or,
 * where the last field goes up to the end, read as the other value that those bytes spell.
 */
export const expectStrict = <T>(value: T, write: (value: T) => Uint8Array, read: (bytes: Uint8Array) => T, openEnded = false): void => {
  const bytes = Buffer.from(write(value));
  expect(plain(read(bytes))).toEqual(plain(value));
  const spelled = (other: Uint8Array): void => {
    const found = orRefused(() => read(other));
    if (!openEnded) expect(found, `${other.length} of ${bytes.length} bytes`).toBeUndefined();
    else if (found !== undefined) expect(hex(write(found))).toBe(hex(other));
  };
  for (let length = 0; length < bytes.length; length += 1) spelled(bytes.subarray(0, length));
  spelled(Buffer.concat([bytes, Buffer.of(0)]));
};

/** Random bytes, and good ones with one byte changed: a reader refuses with WireError, or writes the same bytes again (S6). */
export const expectOneSpelling = <T>(values: fc.Arbitrary<T>, write: (value: T) => Uint8Array, read: (bytes: Uint8Array) => T): void => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(values, fc.nat(), u8).map(([value, at, byte]) => {
      const bytes = Uint8Array.from(write(value));
      if (bytes.length > 0) bytes[at % bytes.length] = byte;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(hostile, (bytes) => {
      const found = orRefused(() => read(bytes));
      if (found !== undefined) expect(hex(write(found))).toBe(hex(bytes));
    }),
    { numRuns: 500 },
  );
};
