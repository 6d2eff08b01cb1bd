import { Buffer } from 'node:buffer';
import { hex, Reader, sameBytes, Writer } from '@keyhaven/core/bytes';
import { hmac } from '@keyhaven/core/crypto';
import { MINUTE, type Wall, wall } from '@keyhaven/core/time';
import type { Key } from '../keystore/index.ts';

const RESUME = Buffer.from('resume\0', 'latin1');
const SESSION = Buffer.from('session\0', 'latin1');

/** The id of the session that a login with this nonce gets: the same for a repeated request (S20), unguessable for everybody else. */
export const sessionIdFor = (key: Key, nonce: Uint8Array): string =>
  hex(hmac(key.tokenKey, Buffer.concat([SESSION, nonce])).subarray(0, 16));

/** Proves a session in another channel. Made again when it is asked for, so nothing of it is stored. */
export const resumeTokenFor = (key: Key, session: Uint8Array): Buffer => hmac(key.tokenKey, Buffer.concat([RESUME, session]));

const TICKET = Buffer.from('ticket\0', 'latin1');
/** A ticket counts for so long after it was given; a restart takes less. */
const TICKET_MS = 15 * MINUTE;
const sealTicket = (key: Key, session: string, times: Buffer): Buffer =>
  hmac(key.tokenKey, Buffer.concat([TICKET, Buffer.from(session, 'hex'), times])).subarray(0, 16);

/** Proves to this key, also after a restart, since when somebody waits for the seat of this session. Made anew for each answer. */
export const ticketFor = (key: Key, session: string, since: Wall, now: Wall): Buffer => {
  const times = new Writer(16).u53(since).u53(now).done();
  return Buffer.concat([times, sealTicket(key, session, times)]);
};

/** undefined where it is none of this key, or too old: then its bearer comes now. */
export const sinceOf = (key: Key, session: string, ticket: Uint8Array, now: Wall): Wall | undefined => {
  const times = Buffer.from(ticket.subarray(0, 16));
  if (!sameBytes(ticket.subarray(16), sealTicket(key, session, times))) return undefined;
  const reader = new Reader(times);
  const [since, given] = [reader.u53(), reader.u53()];
  return since <= now && now - given <= TICKET_MS ? wall(since) : undefined;
};
