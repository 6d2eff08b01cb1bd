import { Buffer } from 'node:buffer';
import { hex } from '@keyhaven/core/bytes';
import { hmac } from '@keyhaven/core/crypto';
import type { Key } from '../keystore/index.ts';

const RESUME = Buffer.from('resume\0', 'latin1');
const SESSION = Buffer.from('session\0', 'latin1');

/** The id of the session that a login with this nonce gets: the same for a repeated request (S20), unguessable for everybody else. */
export const sessionIdFor = (key: Key, nonce: Uint8Array): string =>
  hex(hmac(key.tokenKey, Buffer.concat([SESSION, nonce])).subarray(0, 16));

/** Proves a session in another channel. Made again when it is asked for, so nothing of it is stored. */
export const resumeTokenFor = (key: Key, session: Uint8Array): Buffer => hmac(key.tokenKey, Buffer.concat([RESUME, session]));
