import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex, WireError } from '../bytes/index.ts';
import { bytesOf, fill, someBytes, u8, unhex } from '../bytes/wire.testing.ts';
import {
  aeadOpen,
  aeadSeal,
  agree,
  exchangePairFrom,
  hkdf,
  hmac,
  privateKeyFrom,
  publicBytes,
  publicKeyFrom,
  secretKey,
  sha256,
  signBytes,
  verifyBytes,
} from './index.ts';

/** Encodings of all points of small order on Curve25519 and its twist (RFC 7748 section 7), and p, p + 1, which are 0 and 1 again. */
const smallOrder = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
];

describe('the primitives give what their documents say', () => {
  it('Ed25519: RFC 8032 section 7.1, tests 1 and 2', () => {
    const one = privateKeyFrom('ed25519', unhex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'));
    expect(hex(publicBytes(one))).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    expect(hex(signBytes(one, Buffer.alloc(0)))).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    );
    const two = privateKeyFrom('ed25519', unhex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'));
    expect(hex(publicBytes(two))).toBe('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
  });

  it('X25519: RFC 7748 section 5.2', () => {
    const scalar = privateKeyFrom('x25519', unhex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4'));
    const shared = agree(scalar, unhex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c'));
    expect(hex(shared)).toBe('c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552');
  });

  it('HKDF-SHA256: RFC 5869 appendix A.3', () => {
    expect(hex(hkdf(fill(22, 0x0b), Buffer.alloc(0), '', 42))).toBe(
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    );
  });

  it('HMAC-SHA256: RFC 4231 test 2, and SHA-256 of "abc"', () => {
    const mac = hmac(secretKey(Buffer.from('Jefe')), Buffer.from('what do ya want for nothing?'));
    expect(hex(mac)).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
    expect(hex(sha256(Buffer.from('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('AES-256-GCM: test cases 13 and 14 of its specification', () => {
    const key = secretKey(fill(32, 0));
    expect(hex(aeadSeal(key, fill(12, 0), Buffer.alloc(0), Buffer.alloc(0)))).toBe('530f8afbc74536b9a963b4f1c4cb738b');
    expect(hex(aeadSeal(key, fill(12, 0), fill(16, 0), Buffer.alloc(0)))).toBe(
      'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
    );
  });
});

describe('agreement', () => {
  it('is the same from both sides', () => {
    fc.assert(
      fc.property(bytesOf(32), bytesOf(32), (a, b) => {
        const [one, other] = [exchangePairFrom(a), exchangePairFrom(b)];
        expect(agree(one.privateKey, other.publicKey)).toEqual(agree(other.privateKey, one.publicKey));
      }),
      { numRuns: 20 },
    );
  });

  it.each(smallOrder)('refuses the public key of small order %s', (point) => {
    expect(() => agree(exchangePairFrom(fill(32, 7)).privateKey, unhex(point))).toThrow(WireError);
  });

  it('refuses public keys of another length', () => {
    for (const length of [0, 31, 33]) {
      expect(() => agree(exchangePairFrom(fill(32, 7)).privateKey, fill(length, 9))).toThrow(WireError);
      expect(() => publicKeyFrom('ed25519', fill(length, 9))).toThrow(WireError);
    }
  });
});

describe('signatures', () => {
  it('hold for their bytes and key, and for nothing else', () => {
    const key = privateKeyFrom('ed25519', fill(32, 1));
    const signature = signBytes(key, Buffer.from('said'));
    const signer = publicKeyFrom('ed25519', publicBytes(key));
    expect(verifyBytes(signer, Buffer.from('said'), signature)).toBe(true);
    expect(verifyBytes(signer, Buffer.from('sold'), signature)).toBe(false);
    expect(verifyBytes(publicKeyFrom('ed25519', fill(32, 3)), Buffer.from('said'), signature)).toBe(false);
    for (let length = 0; length < 64; length += 1)
      expect(verifyBytes(signer, Buffer.from('said'), signature.subarray(0, length))).toBe(false);
  });
});

describe('AES-256-GCM', () => {
  it('opens what it sealed, and nothing with a bit changed anywhere', () => {
    fc.assert(
      fc.property(bytesOf(32), bytesOf(12), someBytes, someBytes, fc.nat(), u8, (secret, nonce, text, associated, at, bit) => {
        const key = secretKey(secret);
        const sealed = aeadSeal(key, nonce, text, associated);
        expect(aeadOpen(key, nonce, sealed, associated)).toEqual(Buffer.from(text));
        const flip = (bytes: Uint8Array): Uint8Array => {
          const flipped = Uint8Array.from(bytes);
          const place = at % flipped.length;
          flipped[place] = (flipped[place] ?? 0) ^ (1 << (bit & 7));
          return flipped;
        };
        expect(aeadOpen(key, nonce, flip(sealed), associated)).toBeUndefined();
        expect(aeadOpen(key, flip(nonce), sealed, associated)).toBeUndefined();
        expect(aeadOpen(key, nonce, sealed, Buffer.concat([associated, Buffer.of(0)]))).toBeUndefined();
        expect(aeadOpen(secretKey(flip(secret)), nonce, sealed, associated)).toBeUndefined();
      }),
    );
  });

  it('refuses every truncation', () => {
    const key = secretKey(fill(32, 1));
    const sealed = aeadSeal(key, fill(12, 2), fill(20, 3), fill(4, 4));
    for (let length = 0; length < sealed.length; length += 1)
      expect(aeadOpen(key, fill(12, 2), sealed.subarray(0, length), fill(4, 4))).toBeUndefined();
  });
});
