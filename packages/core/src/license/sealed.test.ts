import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exchangePairFrom } from '../crypto/index.ts';
import { openSealed, sealTo } from './sealed.ts';

const pair = (seed: number) => exchangePairFrom(Buffer.alloc(32, seed));
const key = pair(1);
const context = Buffer.from('5 1');
const sealed = sealTo(key.publicKey, pair(2), Buffer.from('secret'), context);

describe('secrets sealed to a key', () => {
  it('open at that key in that context only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 20 }), (plain, of) => {
        const box = sealTo(key.publicKey, pair(3), plain, of);
        expect(openSealed(key, box, of)?.equals(plain)).toBe(true);
        expect(openSealed(pair(4), box, of)).toBeUndefined();
        expect(openSealed(key, box, Buffer.concat([of, Buffer.of(1)]))).toBeUndefined();
      }),
      { numRuns: 30 },
    );
  });

  it('stay shut when any bit is flipped or any byte cut', () => {
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const flipped = Buffer.from(sealed);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      // X25519 ignores the top bit of a public key (RFC 7748 section 5), but the derivation takes all 32 bytes.
      expect(openSealed(key, flipped, context), `bit ${bit}`).toBeUndefined();
    }
    for (let length = 0; length < sealed.length; length += 1) expect(openSealed(key, sealed.subarray(0, length), context)).toBeUndefined();
  });

  it('stay shut, without another failure, where the ephemeral key agrees on nothing', () => {
    expect(openSealed(key, Buffer.alloc(64), context)).toBeUndefined();
  });
});
