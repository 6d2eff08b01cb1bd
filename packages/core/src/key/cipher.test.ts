import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LicensingError, Status } from '../errors/index.ts';
import { CIPHER_OVERHEAD, createFeatureCipher } from './cipher.ts';

const secret = Buffer.alloc(32, 1);
const salt = (fill: number) => Buffer.alloc(16, fill);
const plain = Buffer.from('sixteen bytes or more');

const statusOf = (act: () => unknown): number => {
  try {
    act();
    return Status.OK;
  } catch (error) {
    if (!(error instanceof LicensingError)) throw error;
    return error.status;
  }
};

describe('encryption with the secret of a feature', () => {
  it('is undone by any cipher of the same secret', () => {
    const writer = createFeatureCipher(secret, salt(2));
    const reader = createFeatureCipher(secret, salt(3));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 300 }), (bytes) => {
        const sealed = writer.encrypt(bytes);
        expect(sealed.length).toBe(bytes.length + CIPHER_OVERHEAD);
        expect(reader.decrypt(sealed).equals(bytes)).toBe(true);
        expect(writer.decrypt(sealed).equals(bytes)).toBe(true);
      }),
    );
  });

  it('never gives the same bytes twice', () => {
    const cipher = createFeatureCipher(secret, salt(2));
    const seen = new Set(Array.from({ length: 300 }, () => cipher.encrypt(plain).toString('hex')));
    seen.add(createFeatureCipher(secret, salt(4)).encrypt(plain).toString('hex'));
    expect(seen.size).toBe(301);
  });

  it('is refused by another feature, and when any bit is flipped', () => {
    const sealed = createFeatureCipher(secret, salt(2)).encrypt(plain);
    expect(statusOf(() => createFeatureCipher(Buffer.alloc(32, 9), salt(2)).decrypt(sealed))).toBe(Status.INCOMPAT_FEATURE);
    const reader = createFeatureCipher(secret, salt(3));
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const flipped = Buffer.from(sealed);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(
        statusOf(() => reader.decrypt(flipped)),
        `bit ${bit}`,
      ).toBe(Status.INCOMPAT_FEATURE);
    }
  });

  it('answers 8 to fewer than 16 bytes, in both directions', () => {
    const cipher = createFeatureCipher(secret, salt(2));
    expect(statusOf(() => cipher.encrypt(Buffer.alloc(15)))).toBe(Status.TOO_SHORT);
    expect(statusOf(() => cipher.decrypt(Buffer.alloc(CIPHER_OVERHEAD + 15)))).toBe(Status.TOO_SHORT);
    expect(statusOf(() => cipher.encrypt(Buffer.alloc(16)))).toBe(Status.OK);
  });

  it('goes on reading what ciphers of more salts than it remembers have written', () => {
    const reader = createFeatureCipher(secret, salt(0));
    const messages = Array.from({ length: 200 }, (_, index) => createFeatureCipher(secret, salt(index + 1)).encrypt(plain));
    for (const message of [...messages, ...messages]) expect(reader.decrypt(message).equals(plain)).toBe(true);
  });

  it('takes a salt of 16 bytes only', () => {
    expect(() => createFeatureCipher(secret, Buffer.alloc(15))).toThrow(RangeError);
  });
});
