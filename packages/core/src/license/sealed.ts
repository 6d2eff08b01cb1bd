import { Buffer } from 'node:buffer';
import { aeadOpen, aeadSeal, agree, type ExchangePair, hkdf, type KeyObject, secretKey } from '../crypto/index.ts';

// Secrets on their way from the vendor to one key: ephemeral X25519, HKDF-SHA256 over both public keys, AES-256-GCM; one message per
// ephemeral key, hence a constant nonce (the shape of ECIES and of HPKE base mode, RFC 9180). docs/protocol/files.md F50 to F54.

const INFO = 'keyhaven sealed to key 1';
const NONCE = Buffer.alloc(12);

const derive = (shared: Uint8Array, ephemeral: Uint8Array, recipient: Uint8Array): KeyObject =>
  secretKey(hkdf(shared, Buffer.concat([ephemeral, recipient]), INFO, 32));

/**
 * `context` is bound to the ciphertext: it opens only together with the same context.
 * @throws WireError where `recipient` is no usable public key.
 */
export const sealTo = (recipient: Uint8Array, ephemeral: ExchangePair, plain: Uint8Array, context: Uint8Array): Buffer =>
  Buffer.concat([
    ephemeral.publicKey,
    aeadSeal(derive(agree(ephemeral.privateKey, recipient), ephemeral.publicKey, recipient), NONCE, plain, context),
  ]);

/** Undefined where it was not sealed to this key in this context. */
export const openSealed = (own: ExchangePair, sealed: Uint8Array, context: Uint8Array): Buffer | undefined => {
  try {
    return openSealedWith(agree(own.privateKey, sealed.subarray(0, 32)), own.publicKey, sealed, context);
  } catch {
    return undefined;
  }
};

/** Likewise, where the agreement with the first 32 bytes of `sealed` was made elsewhere: in hardware (K7). */
export const openSealedWith = (shared: Uint8Array, ownPublic: Uint8Array, sealed: Uint8Array, context: Uint8Array): Buffer | undefined =>
  sealed.length < 48 ? undefined : aeadOpen(derive(shared, sealed.subarray(0, 32), ownPublic), NONCE, sealed.subarray(32), context);
