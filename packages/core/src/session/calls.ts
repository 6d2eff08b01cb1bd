import type { Buffer } from 'node:buffer';
import { Reader, WireError, Writer } from '../bytes/index.ts';
import { Status, type StatusCode, statusOf } from '../errors/index.ts';
import type { Piece } from '../memory/index.ts';

// What passes inside a channel: calls from the application, replies from the key. A record holds any number of them, each behind its
// length, so that calls made in one turn of the event loop share one record. docs/protocol/session.md.

/** Longest buffer of one call; longer ones are refused before they are sent. */
export const MAX_CALL_BYTES = 512 * 1024;
/** Whoever writes calls or replies seals the record when it has come to this: with one more of them it still fits into a frame. */
export const FULL_RECORD = 256 * 1024;
/** A ticket says when its bearer first asked for a seat; made by the key, which alone can read it. All zero = none. */
export const TICKET_BYTES = 32;
/** BOUNDED: text fields that an application says about itself. */
const MAX_NAME = 255;

/** What an application says about itself; shown to administrators, and counted with where processes count. */
export type ApplicationIdentity = {
  readonly pid: number;
  readonly start: number;
  readonly user: string;
  readonly host: string;
  readonly application: string;
};

export type Call =
  | {
      readonly kind: 'login';
      readonly nonce: Uint8Array;
      readonly product: number;
      readonly feature: number;
      readonly seats: number;
      readonly executions: number;
      readonly dieAtExpiration: boolean;
      /** The application runs in a remote desktop session; absent = no. */
      readonly remoteDesktop?: true;
      /** The grant is to say when the license ends; absent = no. */
      readonly tellEnd?: true;
      readonly application: ApplicationIdentity;
    }
  | { readonly kind: 'resume'; readonly session: Uint8Array; readonly token: Uint8Array; readonly application: ApplicationIdentity }
  | { readonly kind: 'logout'; readonly handle: number }
  | { readonly kind: 'read'; readonly handle: number; readonly file: number; readonly offset: number; readonly length: number }
  | { readonly kind: 'write'; readonly handle: number; readonly file: number; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'encrypt'; readonly handle: number; readonly data: Uint8Array }
  | { readonly kind: 'decrypt'; readonly handle: number; readonly data: Uint8Array }
  | { readonly kind: 'size'; readonly handle: number; readonly file: number }
  | { readonly kind: 'clock'; readonly handle: number }
  | { readonly kind: 'info'; readonly handle: number }
  | { readonly kind: 'consume'; readonly handle: number; readonly nonce: Uint8Array; readonly executions: number }
  /** The same login, and a place in line where no seat is free; again to hear of it. `place` is the one known, 0 = none. */
  | { readonly kind: 'wait'; readonly login: LoginCall; readonly place: number; readonly ticket: Uint8Array }
  /** A write of a piece: see `Piece` of core/memory. */
  | {
      readonly kind: 'piece';
      readonly handle: number;
      readonly file: number;
      readonly offset: number;
      readonly piece: Piece;
      readonly data: Uint8Array;
    }
  /** Gives back what a `wait` of this nonce has: its place, or its seat. */
  | { readonly kind: 'withdraw'; readonly nonce: Uint8Array }
  /** A login, or a wait for one, of an application that asks several keys: one login that is refused is one denial (G60). */
  | { readonly kind: 'attempt'; readonly denial: AttemptDenial; readonly of: LoginCall | WaitCall };
/** When a refused attempt is a denial: never, for another key is asked too; or only where no seat is free (38). A login that is no attempt is always one. */
export type AttemptDenial = 'never' | 'when full';
export type LoginCall = Extract<Call, { kind: 'login' }>;
export type WaitCall = Extract<Call, { kind: 'wait' }>;
export type CallKind = Call['kind'];

const codes = {
  login: 1,
  resume: 2,
  logout: 3,
  read: 4,
  write: 5,
  encrypt: 6,
  decrypt: 7,
  size: 8,
  clock: 9,
  info: 10,
  consume: 11,
  wait: 12,
  withdraw: 13,
  piece: 14,
  attempt: 15,
} as const satisfies Record<CallKind, number>;

const writeIdentity = (out: Writer, identity: ApplicationIdentity): Writer =>
  out.u32(identity.pid).u53(identity.start).text(identity.user).text(identity.host).text(identity.application);
const readIdentity = (reader: Reader): ApplicationIdentity => ({
  pid: reader.u32(),
  start: reader.u53(),
  user: reader.text(MAX_NAME),
  host: reader.text(MAX_NAME),
  application: reader.text(MAX_NAME),
});

const FLAGS = { dieAtExpiration: 1, remoteDesktop: 2, tellEnd: 4 } as const;
const ALL_FLAGS = 7;
const flagsOf = ({ dieAtExpiration, remoteDesktop, tellEnd }: Pick<Extract<Call, { kind: 'login' }>, keyof typeof FLAGS>): number =>
  (dieAtExpiration ? FLAGS.dieAtExpiration : 0) + (remoteDesktop ? FLAGS.remoteDesktop : 0) + (tellEnd ? FLAGS.tellEnd : 0);

const writeLogin = (out: Writer, call: LoginCall): Writer =>
  writeIdentity(
    out.bytes(call.nonce).u32(call.product).u32(call.feature).u16(call.seats).u32(call.executions).u8(flagsOf(call)),
    call.application,
  );
const readLogin = (body: Reader): LoginCall => {
  const nonce = body.bytes(16);
  const [product, feature, seats, executions, flags] = [body.u32(), body.u32(), body.u16(), body.u32(), body.u8()];
  if (flags > ALL_FLAGS) throw new WireError('unknown login flags');
  return {
    kind: 'login',
    nonce,
    product,
    feature,
    seats,
    executions,
    dieAtExpiration: (flags & FLAGS.dieAtExpiration) !== 0,
    ...((flags & FLAGS.remoteDesktop) === 0 ? {} : { remoteDesktop: true as const }),
    ...((flags & FLAGS.tellEnd) === 0 ? {} : { tellEnd: true as const }),
    application: readIdentity(body),
  };
};

const denials = ['never', 'when full'] as const satisfies readonly AttemptDenial[];
const writeAsked = (out: Writer, call: LoginCall | WaitCall): Writer =>
  call.kind === 'login' ? writeLogin(out, call) : writeLogin(out.u32(call.place).bytes(call.ticket), call.login);
const readWait = (body: Reader): WaitCall => {
  const [place, ticket] = [body.u32(), body.bytes(TICKET_BYTES)];
  return { kind: 'wait', place, ticket, login: readLogin(body) };
};
const readAttempt = (body: Reader): Extract<Call, { kind: 'attempt' }> => {
  const denial = denials[body.u8() - 1];
  const code = body.u8();
  if (denial === undefined || (code !== codes.login && code !== codes.wait)) throw new WireError('an attempt at something unknown');
  return { kind: 'attempt', denial, of: code === codes.login ? readLogin(body) : readWait(body) };
};

const pieceFlags = ({ repeated, continues, more }: Piece): number => (repeated ? 1 : 0) + (continues ? 2 : 0) + (more ? 4 : 0);
const pieceOf = (flags: number): Piece => {
  if (flags > 7) throw new WireError('unknown flags of a piece');
  return { repeated: (flags & 1) !== 0, continues: (flags & 2) !== 0, more: (flags & 4) !== 0 };
};

/** Appends one call; `id` comes back in the reply. */
export const writeCall = (out: Writer, id: number, call: Call): void => {
  const gap = out.gap();
  out.u8(codes[call.kind]).u32(id);
  switch (call.kind) {
    case 'login':
    case 'wait':
      writeAsked(out, call);
      break;
    case 'attempt':
      writeAsked(out.u8(denials.indexOf(call.denial) + 1).u8(codes[call.of.kind]), call.of);
      break;
    case 'withdraw':
      out.bytes(call.nonce);
      break;
    case 'piece':
      out.u32(call.handle).u32(call.file).u32(call.offset).u8(pieceFlags(call.piece)).bytes(call.data);
      break;
    case 'resume':
      writeIdentity(out.bytes(call.session).bytes(call.token), call.application);
      break;
    case 'read':
      out.u32(call.handle).u32(call.file).u32(call.offset).u32(call.length);
      break;
    case 'write':
      out.u32(call.handle).u32(call.file).u32(call.offset).bytes(call.data);
      break;
    case 'encrypt':
    case 'decrypt':
      out.u32(call.handle).bytes(call.data);
      break;
    case 'size':
      out.u32(call.handle).u32(call.file);
      break;
    case 'logout':
    case 'clock':
    case 'info':
      out.u32(call.handle);
      break;
    case 'consume':
      out.u32(call.handle).bytes(call.nonce).u32(call.executions);
      break;
  }
  out.fill(gap);
};

export type NumberedCall = { readonly id: number; readonly call: Call | undefined };

/** One by one, in order; `call: undefined` is a kind that a later version knows: it is answered REQ_NOT_SUPP (16), not refused whole. */
export const readCalls = (plain: Uint8Array): NumberedCall[] => {
  const reader = new Reader(plain);
  const calls: NumberedCall[] = [];
  while (reader.remaining > 0) {
    const body = new Reader(reader.block(MAX_CALL_BYTES + 64));
    const code = body.u8();
    const id = body.u32();
    calls.push({ id, call: readCall(code, body) });
  }
  return calls;
};

const readCall = (code: number, body: Reader): Call | undefined => {
  const ended = <C extends Call>(call: C): C => {
    body.end();
    return call;
  };
  switch (code) {
    case codes.read:
      return ended({ kind: 'read', handle: body.u32(), file: body.u32(), offset: body.u32(), length: body.u32() });
    case codes.encrypt:
      return { kind: 'encrypt', handle: body.u32(), data: body.rest() };
    case codes.decrypt:
      return { kind: 'decrypt', handle: body.u32(), data: body.rest() };
    case codes.write:
      return { kind: 'write', handle: body.u32(), file: body.u32(), offset: body.u32(), data: body.rest() };
    case codes.login:
      return ended(readLogin(body));
    case codes.wait:
      return ended(readWait(body));
    case codes.attempt:
      return ended(readAttempt(body));
    case codes.piece:
      return {
        kind: 'piece',
        handle: body.u32(),
        file: body.u32(),
        offset: body.u32(),
        piece: pieceOf(body.u8()),
        data: body.rest(),
      };
    case codes.withdraw:
      return ended({ kind: 'withdraw', nonce: body.bytes(16) });
    case codes.resume:
      return ended({ kind: 'resume', session: body.bytes(16), token: body.bytes(32), application: readIdentity(body) });
    case codes.logout:
      return ended({ kind: 'logout', handle: body.u32() });
    case codes.size:
      return ended({ kind: 'size', handle: body.u32(), file: body.u32() });
    case codes.clock:
      return ended({ kind: 'clock', handle: body.u32() });
    case codes.info:
      return ended({ kind: 'info', handle: body.u32() });
    case codes.consume:
      return ended({ kind: 'consume', handle: body.u32(), nonce: body.bytes(16), executions: body.u32() });
    default:
      return undefined;
  }
};

/** A seat, as the key grants it. */
export type Grant = {
  /** Number of the session inside this channel. */
  readonly handle: number;
  readonly session: Uint8Array;
  /** Proves the session in another channel after this one is lost. */
  readonly token: Uint8Array;
  readonly product: number;
  readonly feature: number;
  readonly seats: number;
  /** When the license ends, where time ends it and the application asked. */
  readonly end?: GrantEnd;
};
/** Milliseconds since 1970 in UTC, by the license time of the key's license manager. */
export type GrantEnd = {
  readonly now: number;
  readonly ends: number;
  /** The last moment of its grace; `ends` where it has none. */
  readonly last: number;
};

export const encodeGrant = (grant: Grant): Buffer => {
  const out = new Writer(88)
    .u32(grant.handle)
    .bytes(grant.session)
    .bytes(grant.token)
    .u32(grant.product)
    .u32(grant.feature)
    .u16(grant.seats);
  if (grant.end !== undefined) out.u53(grant.end.now).u53(grant.end.ends).u53(grant.end.last);
  return out.done();
};

export const decodeGrant = (bytes: Uint8Array): Grant => {
  const reader = new Reader(bytes);
  const grant = {
    handle: reader.u32(),
    session: reader.bytes(16),
    token: reader.bytes(32),
    product: reader.u32(),
    feature: reader.u32(),
    seats: reader.u16(),
    ...(reader.remaining === 0 ? {} : { end: { now: reader.u53(), ends: reader.u53(), last: reader.u53() } }),
  };
  reader.end();
  return grant;
};

/** `body` is the result where status is OK, and UTF-8 text on the cause where it is not. */
export type Reply = { readonly id: number; readonly status: StatusCode; readonly body: Uint8Array };

export const writeReply = (out: Writer, reply: Reply): void => {
  out
    .u32(6 + reply.body.length)
    .u32(reply.id)
    .u16(reply.status)
    .bytes(reply.body);
};

export const readReplies = (plain: Uint8Array): Reply[] => {
  const reader = new Reader(plain);
  const replies: Reply[] = [];
  while (reader.remaining > 0) {
    const body = new Reader(reader.block(MAX_CALL_BYTES + 64));
    const id = body.u32();
    replies.push({ id, status: statusOf(body.u16()) ?? Status.INT_ERR, body: body.rest() });
  }
  return replies;
};
