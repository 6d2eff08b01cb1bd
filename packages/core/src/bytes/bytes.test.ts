import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64, hex, Reader, sameBytes, toBase64, WireError, Writer } from './index.ts';
import { someBytes, textOf, u16, u32, u53 } from './wire.testing.ts';

const read = (text: string): Reader => new Reader(Buffer.from(text, 'hex'));

describe('Reader and Writer', () => {
  it('give back every value in its order, and the writer grows as needed', () => {
    fc.assert(
      fc.property(u16, u32, u53, fc.bigInt(0n, 2n ** 64n - 1n), someBytes, textOf(400), (a, b, c, d, bytes, text) => {
        const written = new Writer(1)
          .u8(a & 0xff)
          .u16(a)
          .u32(b)
          .u53(c)
          .u64(d)
          .block(bytes)
          .text(text)
          .block(Buffer.from(text))
          .bytes(bytes)
          .done();
        const reader = new Reader(written);
        expect([reader.u8(), reader.u16(), reader.u32(), reader.u53(), reader.u64()]).toEqual([a & 0xff, a, b, c, d]);
        expect(hex(reader.block(200))).toBe(hex(bytes));
        expect([reader.text(), reader.longText(1_000)]).toEqual([text, text]);
        expect(hex(reader.rest())).toBe(hex(bytes));
        reader.end();
      }),
    );
  });

  it('fill a gap with the number of bytes behind it', () => {
    const out = new Writer(2).u8(9);
    const gap = out.gap();
    expect(hex(out.u16(1).fill(gap).done())).toBe('09000000020001');
  });

  it('check every length before it is used (S6)', () => {
    expect(() => read('00').u16()).toThrow(new WireError('needs 2 bytes, 1 remain'));
    expect(() => read('ffffffff00').block(2 ** 32)).toThrow(WireError);
    expect(() => read('0000000300000000').block(2)).toThrow(new WireError('a block of 3 bytes where 2 are allowed'));
    expect(() => read('0003616263').text(2)).toThrow(new WireError('a text of 3 bytes where 2 are allowed'));
    expect(() => read('00').end()).toThrow(new WireError('1 bytes too many'));
  });

  it('refuse numbers that a double does not hold', () => {
    expect(read('001fffffffffffff').u53()).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => read('0020000000000000').u53()).toThrow(WireError);
    expect(() => new Writer().u53(2 ** 53)).toThrow(RangeError);
    expect(() => new Writer().u53(-1)).toThrow(RangeError);
    expect(() => new Writer().u53(0.5)).toThrow(RangeError);
  });

  it.each(['c0af', 'ff', 'e28c', 'eda080', 'f4908080'])('refuse the ill-formed UTF-8 %s', (bytes) => {
    expect(() => read(`0${bytes.length / 2}`.padStart(4, '0') + bytes).text()).toThrow(WireError);
    expect(() => read(`${bytes.length / 2}`.padStart(8, '0') + bytes).longText(9)).toThrow(WireError);
  });

  it('take the replacement character where it is meant, a byte order mark, and NUL', () => {
    for (const text of ['\ufffd', '\ufeffx', 'a\0b']) expect(new Reader(new Writer().text(text).done()).text()).toBe(text);
  });

  it('read a view at its offset, not the buffer behind it', () => {
    const behind = Uint8Array.of(1, 2, 3, 4, 5);
    expect(new Reader(behind.subarray(1, 3)).u16()).toBe(0x0203);
    expect(() => new Reader(behind.subarray(1, 3)).u32()).toThrow(WireError);
    expect(new Reader(behind, 3).remaining).toBe(2);
  });
});

describe('base64', () => {
  it('comes back as it went, in both alphabets, with and without padding', () => {
    fc.assert(
      fc.property(someBytes, (bytes) => {
        expect(fromBase64(toBase64(bytes))).toEqual(Buffer.from(bytes));
        expect(fromBase64(Buffer.from(bytes).toString('base64'))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it.each(['A', 'AB', 'AAAA*', 'AA AA', 'AAAA===', 'AAB', 'ä'])('refuses %j: nothing is skipped or guessed', (text) => {
    expect(fromBase64(text)).toBeUndefined();
  });
});

describe('sameBytes', () => {
  it('compares contents, and lengths that differ are not the same', () => {
    expect(sameBytes(Buffer.from('ab'), Uint8Array.of(0x61, 0x62))).toBe(true);
    expect(sameBytes(Buffer.from('ab'), Buffer.from('ac'))).toBe(false);
    expect(sameBytes(Buffer.from('ab'), Buffer.from('abc'))).toBe(false);
  });
});
