import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireError, Writer } from '../bytes/index.ts';
import { expectOneSpelling, expectStrict, orRefused, plain } from '../bytes/wire.testing.ts';
import { appendFrame, encodeFrame, MAX_FRAME } from '../wire/index.ts';
import { blocks } from './blocks.testing.ts';
import { type Block, decodeBlocks, encodeBlocks } from './blocks.ts';

const write = (block: Block): Uint8Array => encodeBlocks([block]);
const read = (bytes: Uint8Array): Block => {
  const [block, another] = decodeBlocks(bytes);
  if (block === undefined || another !== undefined) throw new WireError('not one block');
  return block;
};
/** The block whose length in front says what is there. */
const readBody = (bytes: Uint8Array): Block => read(new Writer().block(bytes).done());

describe.each(Object.entries(blocks))('the block "%s"', (kind, values) => {
  it('comes back as it went; every truncation and every byte too many is refused', () => {
    // Text and lists that go up to the end are shorter ones when they are cut at the right place; records always are.
    const openEnded = kind === 'record';
    fc.assert(
      fc.property(values, (block) => {
        expectStrict(block, write, read);
        expectStrict(block, (each) => write(each).subarray(4), readBody, openEnded);
      }),
      { numRuns: 20 },
    );
  });

  it('has one spelling (S6)', () => expectOneSpelling(values, write, read));
});

describe('a body of blocks', () => {
  it('keeps their order', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...Object.values(blocks)), { maxLength: 8 }), (several) => {
        expect(plain(decodeBlocks(encodeBlocks(several)))).toEqual(plain(several));
      }),
    );
  });

  it('that ends inside a block is refused', () => {
    const bytes = encodeBlocks([{ kind: 'close', channel: 1 }, { kind: 'more' }]);
    const whole = [0, 9, bytes.length];
    for (let length = 0; length <= bytes.length; length += 1) {
      expect(orRefused(() => decodeBlocks(bytes.subarray(0, length))) !== undefined, `${length} bytes`).toBe(whole.includes(length));
    }
  });

  it('with a block of an unknown type, an empty one or one over a mebibyte is refused (T6, I5)', () => {
    expect(() => decodeBlocks(encodeFrame(99))).toThrow('a block of type 99');
    expect(() => decodeBlocks(Buffer.alloc(4))).toThrow('an empty frame');
    expect(() => decodeBlocks(new Writer().u32(MAX_FRAME + 1).done())).toThrow(WireError);
  });

  it('with a list of sessions of another length than it says is refused before it is read', () => {
    const gone = (count: number, ids: number): Buffer => {
      const out = new Writer();
      appendFrame(out, 26, () => out.u32(count).bytes(Buffer.alloc(ids * 16)));
      return out.done();
    };
    expect(decodeBlocks(gone(2, 2))).toHaveLength(1);
    for (const [count, ids] of [
      [1, 2],
      [3, 2],
      [0xffff_ffff, 2],
      [0x1000_0001, 1],
    ] as const)
      expect(() => decodeBlocks(gone(count, ids))).toThrow(WireError);
  });

  it('tells no success where only bad news can be told', () => {
    expect(() => decodeBlocks(encodeBlocks([{ kind: 'lost', channel: 1, status: 0, detail: '' }]))).toThrow('status 0');
  });

  it('of random bytes is read, or refused with WireError (S6)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        orRefused(() => decodeBlocks(bytes));
      }),
      { numRuns: 500 },
    );
  });
});
