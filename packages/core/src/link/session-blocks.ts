import type { Buffer } from 'node:buffer';
import { type Reader, WireError, type Writer } from '../bytes/index.ts';

// Blocks about sessions that run over a link of version 4: what the owner of a key tells the LM of the application about them, so that its
// administrators see what their own applications use, and can end it (T1). docs/protocol/link.md K31 to K33.

/** What the owner tells. The rest (user, process, application) the LM of the application has from the application itself. */
export type SessionFacts = {
  readonly key: string;
  readonly product: number;
  readonly feature: number;
  readonly seats: number;
  /** Milliseconds since 1970, by the clock of the owner. */
  readonly since: number;
};
/** Answerer: what this session of the caller uses. */
export type SessionBlock = { readonly kind: 'session'; readonly session: Uint8Array } & SessionFacts;
/** Caller: what do these use? */
export type AskSessions = { readonly kind: 'ask sessions'; readonly sessions: readonly Uint8Array[] };
/** Caller: an administrator of the application's computer ended this session. */
export type EndBlock = { readonly kind: 'end'; readonly session: Uint8Array };

export const codeOfSession = { session: 38, 'ask sessions': 39, end: 40 } as const;

/** BOUNDED: sessions that one block asks for. */
export const MAX_ASKED_SESSIONS = 4_096;
/** The last moment that a date can have. */
const LAST_MOMENT = 8.64e15;

export const writeSession = (out: Writer, { session, key, product, feature, seats, since }: SessionBlock): Writer =>
  out.bytes(session).u64(BigInt(key)).u32(product).u32(feature).u16(seats).u53(since);
export const readSession = (reader: Reader): SessionBlock => {
  const session = reader.bytes(16);
  const facts = {
    key: reader.u64().toString(),
    product: reader.u32(),
    feature: reader.u32(),
    seats: reader.u16(),
    since: reader.u53(),
  };
  if (facts.since > LAST_MOMENT) throw new WireError('a session from a moment that does not exist');
  return { kind: 'session', session, ...facts };
};

export const writeAskSessions = (out: Writer, { sessions }: AskSessions): Writer => {
  out.u32(sessions.length);
  for (const id of sessions) out.bytes(id);
  return out;
};
export const readAskSessions = (reader: Reader): AskSessions => {
  const count = reader.u32();
  if (count > MAX_ASKED_SESSIONS || count * 16 !== reader.remaining) throw new WireError('a list of sessions of another length');
  return { kind: 'ask sessions', sessions: Array.from({ length: count }, (): Buffer => reader.bytes(16)) };
};
