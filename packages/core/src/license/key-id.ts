import { Reader } from '../bytes/index.ts';
import { sha256 } from '../crypto/index.ts';

/** A key certifies its own id: the first 63 bits of the SHA-256 of its public key, in decimal. */
export const keyIdOf = (signingPublic: Uint8Array): string => (new Reader(sha256(signingPublic)).u64() >> 1n || 1n).toString();
