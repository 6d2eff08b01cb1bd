import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex, WireError } from '../bytes/index.ts';
import { fill, orRefused, someBytes, u32, u53 } from '../bytes/wire.testing.ts';
import { secretKey } from '../crypto/index.ts';
import { decodeBody, encodeBody, linkOf, MAX_BODY } from './body.ts';

const key = secretKey(fill(32, 1));
const other = secretKey(fill(32, 2));

describe('a body between two linked license managers (R7)', () => {
  it('is base64 and comes back as it went', () => {
    fc.assert(
      fc.property(u32, u53, someBytes, (link, sequence, blocks) => {
        const text = encodeBody(link, sequence, blocks, key);
        expect(text).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
        expect(decodeBody(text, key)).toEqual({ link, sequence, blocks: Buffer.from(blocks) });
        expect(linkOf(text)).toBe(link);
      }),
    );
  });

  it('authenticates every bit of it: link, sequence, blocks and the code itself (S14)', () => {
    const bytes = Buffer.from(encodeBody(7, 9, fill(20, 3), key), 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(
        orRefused(() => decodeBody(flipped.toString('base64'), key)),
        `bit ${bit}`,
      ).toBeUndefined();
    }
  });

  it('is refused cut, longer, and with the key of another link', () => {
    const text = encodeBody(7, 9, fill(20, 3), key);
    const bytes = Buffer.from(text, 'base64');
    for (let length = 0; length < bytes.length; length += 1)
      expect(orRefused(() => decodeBody(bytes.subarray(0, length).toString('base64'), key))).toBeUndefined();
    for (let length = 0; length < text.replace(/=+$/, '').length; length += 1)
      expect(orRefused(() => decodeBody(text.slice(0, length), key))).toBeUndefined();
    expect(orRefused(() => decodeBody(Buffer.concat([bytes, Buffer.of(0)]).toString('base64'), key))).toBeUndefined();
    expect(orRefused(() => decodeBody(text, other))).toBeUndefined();
  });

  it('shows its sequence, so that a receiver refuses what was here before (K8)', () => {
    const sequences = [1, 2, 3].map((sequence) => decodeBody(encodeBody(7, sequence, fill(1, 0), key), key).sequence);
    expect(sequences).toEqual([1, 2, 3]);
    const again = encodeBody(7, 1, fill(1, 0), key);
    const renumbered = Buffer.from(again, 'base64');
    renumbered[11] = 2;
    expect(orRefused(() => decodeBody(renumbered.toString('base64'), key))).toBeUndefined();
  });

  it('that is too long is refused before it is decoded (I5)', () => {
    expect(() => decodeBody('A'.repeat(Math.ceil(MAX_BODY * 1.4) + 1), key)).toThrow('a body that is too long');
    expect(hex(decodeBody(encodeBody(1, 1, fill(MAX_BODY, 1), key), key).blocks.subarray(0, 2))).toBe('0101');
  });

  it.each(['', 'A', 'AAA', 'AAAA', 'AAAA*', '{"json":1}', 'ä', ' '])('of %j names no link and is refused', (text) => {
    expect(linkOf(text)).toBeUndefined();
    expect(() => decodeBody(text, key)).toThrow(WireError);
  });

  it('of random text gives WireError and nothing else (S6)', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
        expect(() => decodeBody(text, key)).toThrow(WireError);
        linkOf(text);
      }),
    );
  });
});
