import { Buffer } from 'node:buffer';
import { type Argon2Parameters, argon2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

// The administrator's password as it is kept: argon2id (RFC 9106) with a salt of its own. The figures stand in the row, so that better ones can
// come later without a new password.

export type PasswordRow = {
  readonly algorithm: 'argon2id';
  /** base64. */
  readonly salt: string;
  readonly hash: string;
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
};

const MEMORY = 19 * 1024;
const PASSES = 2;
const HASH_BYTES = 32;
export const SALT_BYTES = 16;
export const MIN_PASSWORD = 8;
/** BOUNDED: characters that are hashed. */
export const MAX_PASSWORD = 256;

const derive = promisify((parameters: Argon2Parameters, done: (error: Error | null, hash: Buffer) => void) =>
  argon2('argon2id', parameters, done),
);
const hashOf = (password: string, salt: Uint8Array, memory: number, passes: number): Promise<Buffer> =>
  derive({ message: Buffer.from(password.normalize('NFC')), nonce: salt, parallelism: 1, tagLength: HASH_BYTES, memory, passes });

/** @param salt SALT_BYTES, never used before */
export const keepPassword = async (password: string, salt: Uint8Array): Promise<PasswordRow> => ({
  algorithm: 'argon2id',
  salt: Buffer.from(salt).toString('base64'),
  hash: (await hashOf(password, salt, MEMORY, PASSES)).toString('base64'),
  memory: MEMORY,
  passes: PASSES,
});

/** Takes as long for a password that is wrong as for the right one, and as long where none is set: `row` undefined is never right. */
export const isPassword = async (password: string, row: PasswordRow | undefined): Promise<boolean> => {
  const { salt, hash, memory, passes } = row ?? { salt: '', hash: '', memory: MEMORY, passes: PASSES };
  const nonce = row === undefined ? Buffer.alloc(SALT_BYTES) : Buffer.from(salt, 'base64');
  const found = await hashOf(password, nonce, memory, passes);
  const kept = Buffer.from(hash, 'base64');
  return row !== undefined && kept.length === found.length && timingSafeEqual(kept, found);
};
