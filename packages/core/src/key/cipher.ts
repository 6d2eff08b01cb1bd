import { Buffer } from 'node:buffer';
import { Writer } from '../bytes/index.ts';
import { aeadOpen, aeadSeal, hkdf, type KeyObject, secretKey } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';

// `encrypt` and `decrypt` with a feature's own secret (DESIGN): version ‖ salt ‖ counter ‖ AES-256-GCM. A cipher draws one random
// 16-byte salt for its life and derives a key from secret and salt; the nonce is a counter under that key. So no (key, nonce) pair
// comes twice however many keys, processes and years there are, and no random nonce has to be lucky (the derive-key mode of Gueron
// and Lindell, 2017). docs/protocol/files.md F60 to F66.

/** Shorter buffers are refused with TOO_SHORT (8), as the field does. */
export const MIN_CIPHER_BYTES = 16;
const SALT_BYTES = 16;
const VERSION = 1;
export const CIPHER_OVERHEAD = 1 + SALT_BYTES + 8 + 16;
const INFO = 'keyhaven feature cipher 1';
/** BOUNDED: derived keys of other salts kept for decryption. */
const KEPT_SALTS = 64;
const NOTHING = Buffer.alloc(0);

export type FeatureCipher = { encrypt(plain: Uint8Array): Buffer; decrypt(sealed: Uint8Array): Buffer };

export const createFeatureCipher = (secret: Uint8Array, salt: Uint8Array): FeatureCipher => {
  if (salt.length !== SALT_BYTES) throw new RangeError(`a salt of ${salt.length} bytes`);
  const root = secretKey(secret);
  const derive = (of: Uint8Array) => secretKey(hkdf(root, of, INFO, 32));
  const ownKey = derive(salt);
  const kept = new Map<string, KeyObject>();
  let count = 0;

  const keyFor = (of: Buffer): KeyObject => {
    const name = of.toString('latin1');
    const key = kept.get(name) ?? derive(of);
    kept.delete(name);
    kept.set(name, key);
    const [oldest] = kept.keys();
    if (kept.size > KEPT_SALTS && oldest !== undefined) kept.delete(oldest);
    return key;
  };
  const nonceOf = (counter: Uint8Array): Buffer => Buffer.concat([Buffer.alloc(4), counter]);

  return {
    encrypt(plain) {
      if (plain.length < MIN_CIPHER_BYTES) throw new LicensingError(Status.TOO_SHORT);
      const counter = new Writer(8).u53(count).done();
      count += 1;
      const body = aeadSeal(ownKey, nonceOf(counter), plain, NOTHING);
      return Buffer.concat([Buffer.of(VERSION), salt, counter, body]);
    },
    decrypt(sealed) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      if (bytes.length < CIPHER_OVERHEAD + MIN_CIPHER_BYTES) throw new LicensingError(Status.TOO_SHORT);
      const of = bytes.subarray(1, 17);
      const key = of.equals(salt) ? ownKey : keyFor(of);
      const plain = bytes[0] === VERSION ? aeadOpen(key, nonceOf(bytes.subarray(17, 25)), bytes.subarray(25), NOTHING) : undefined;
      if (plain === undefined) {
        throw new LicensingError(Status.INCOMPAT_FEATURE, {
          detail: 'The data was not encrypted with this feature, or it was changed since.',
          remedy: 'Decrypt with the feature that encrypted it, and give the data back whole.',
        });
      }
      return plain;
    },
  };
};
