import { fromBase64, toBase64 } from '../bytes/index.ts';
import { type KeyObject, privateKeyFrom, publicBytes, sha256 } from '../crypto/index.ts';

/** An LM certifies itself: its GUID is the first 30 bytes of the SHA-256 of its public key, 40 characters in base64 (DESIGN). */
export type LmIdentity = {
  readonly guid: string;
  readonly guidBytes: Uint8Array;
  readonly signingKey: KeyObject;
  readonly publicKey: Uint8Array;
};

export const guidOf = (publicKey: Uint8Array): string => toBase64(sha256(publicKey).subarray(0, 30));

export const lmIdentityFrom = (seed: Uint8Array): LmIdentity => {
  const signingKey = privateKeyFrom('ed25519', seed);
  const publicKey = publicBytes(signingKey);
  const guid = guidOf(publicKey);
  return { guid, guidBytes: fromBase64(guid) ?? new Uint8Array(), signingKey, publicKey };
};
