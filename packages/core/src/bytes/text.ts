import { Buffer } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');

/** Base64url without padding. */
export const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');

/** Bytes of a base64 or base64url text; undefined where it is neither: nothing is skipped or guessed. */
export const fromBase64 = (text: string): Buffer | undefined => {
  const plain = text
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9_-]*$/.test(plain)) return undefined;
  const bytes = Buffer.from(plain, 'base64url');
  return bytes.toString('base64url') === plain ? bytes : undefined;
};

/** Equality in time that does not depend on the contents. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);
