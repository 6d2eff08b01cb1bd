import { Buffer } from 'node:buffer';
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  hash,
  hkdfSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { WireError } from '../bytes/index.ts';

// The only door of core to cryptography: deterministic primitives of node:crypto (K10), raw keys in and out. Randomness is an argument.

export type { KeyObject } from 'node:crypto';

/** A key pair for X25519; `publicKey` is the raw 32 bytes. */
export type ExchangePair = { readonly privateKey: KeyObject; readonly publicKey: Uint8Array };
/** What a shell hands in where fresh secrets are needed. A seeded one makes a run repeatable (I7). */
export type Entropy = { bytes(length: number): Uint8Array; exchangePair(): ExchangePair };

const pkcs8 = { ed25519: '302e020100300506032b657004220420', x25519: '302e020100300506032b656e04220420' } as const;
const spki = { ed25519: '302a300506032b6570032100', x25519: '302a300506032b656e032100' } as const;
export type Curve = keyof typeof spki;

/** Private key from its 32-byte seed (RFC 8032 section 5.1.5, RFC 7748 section 5). */
export const privateKeyFrom = (curve: Curve, seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([Buffer.from(pkcs8[curve], 'hex'), seed]), format: 'der', type: 'pkcs8' });

export const publicKeyFrom = (curve: Curve, raw: Uint8Array): KeyObject => {
  if (raw.length !== 32) throw new WireError(`a public key of ${raw.length} bytes`);
  return createPublicKey({ key: Buffer.concat([Buffer.from(spki[curve], 'hex'), raw]), format: 'der', type: 'spki' });
};

/** The raw 32 bytes of the public half. */
export const publicBytes = (key: KeyObject): Buffer =>
  (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'der', type: 'spki' }).subarray(-32);

export const exchangePairFrom = (seed: Uint8Array): ExchangePair => {
  const privateKey = privateKeyFrom('x25519', seed);
  return { privateKey, publicKey: publicBytes(privateKey) };
};

/** X25519; a peer key of small order is refused by the primitive (RFC 7748 section 6.1). */
export const agree = (privateKey: KeyObject, publicRaw: Uint8Array): Buffer => {
  try {
    return diffieHellman({ privateKey, publicKey: publicKeyFrom('x25519', publicRaw) });
  } catch {
    throw new WireError('a public key that agrees on nothing');
  }
};

export const signBytes = (privateKey: KeyObject, bytes: Uint8Array): Buffer => sign(null, bytes, privateKey);
export const verifyBytes = (publicKey: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean =>
  signature.length === 64 && verify(null, bytes, publicKey, signature);

export const sha256 = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer');

export const hkdf = (secret: Uint8Array | KeyObject, salt: Uint8Array, info: string, length: number): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, salt, info, length));

export const secretKey = (bytes: Uint8Array): KeyObject => createSecretKey(bytes);

export const hmac = (key: KeyObject, bytes: Uint8Array): Buffer => createHmac('sha256', key).update(bytes).digest();

const TAG = 16;

/** One AES-256-GCM message about to be sealed: made ahead of its plain text, for making it is half of the work. */
export type Sealing = { seal(plain: Uint8Array): Buffer };

/** A (key, nonce) pair must never be used twice: that is the caller's duty. `before` comes in front of the sealed bytes as it is. */
export const prepareSealing = (key: KeyObject, nonce: Uint8Array, associated: Uint8Array, before?: Uint8Array): Sealing => {
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(associated);
  return {
    seal(plain) {
      const body = cipher.update(plain);
      cipher.final();
      const tag = cipher.getAuthTag();
      return Buffer.concat(before === undefined ? [body, tag] : [before, body, tag]);
    },
  };
};

/** AES-256-GCM: ciphertext with the 16-byte tag behind it. */
export const aeadSeal = (key: KeyObject, nonce: Uint8Array, plain: Uint8Array, associated: Uint8Array): Buffer =>
  prepareSealing(key, nonce, associated).seal(plain);

/** One AES-256-GCM message about to be opened. */
export type Unsealing = { open(sealed: Uint8Array): Buffer | undefined };

export const prepareUnsealing = (key: KeyObject, nonce: Uint8Array, associated: Uint8Array): Unsealing => {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG });
  decipher.setAAD(associated);
  return {
    open(sealed) {
      if (sealed.length < TAG) return undefined;
      decipher.setAuthTag(sealed.subarray(-TAG));
      const plain = decipher.update(sealed.subarray(0, -TAG));
      try {
        decipher.final();
        return plain;
      } catch {
        return undefined;
      }
    },
  };
};

/** Undefined where the bytes are not what `aeadSeal` made with the same key, nonce and associated data. */
export const aeadOpen = (key: KeyObject, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Buffer | undefined =>
  prepareUnsealing(key, nonce, associated).open(sealed);
