import { Buffer } from 'node:buffer';
import { WireError, Writer } from '@keyhaven/core/bytes';
import type { Channel } from '@keyhaven/core/channel';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { WHOLE } from '@keyhaven/core/memory';
import { type AttemptDenial, type Call, readCalls, type WaitCall } from '@keyhaven/core/session';
import type { Caller } from '../callers/index.ts';
import { createCallReplies } from './call-replies.ts';
import { createChannelLogins } from './channel-logins.ts';
import { createChannelSessions } from './channel-sessions.ts';
import { createChannelWaits } from './channel-waits.ts';
import { consume } from './consuming.ts';
import { createKeyMemory } from './key-memory.ts';
import type { LiveSession } from './live-sessions.ts';
import { createServedKey } from './served-key.ts';
import { sessionInfo } from './session-info.ts';
import { LicenseChanged } from './sharing.ts';
import type { AuthorityCore } from './types.ts';

// The key's end of one channel: opens records, runs the calls in them and replies. Calls of one record may finish in any order; each names
// its request. What the calls do is in the files beside: channel-logins, channel-waits, channel-sessions, key-memory, consuming, session-info.

/** Who is at the other end. `holder` is `local` or the GUID of the LM that relays and answers for the application. */
export type Party = {
  readonly holder: string;
  readonly address: string;
  /** What the local LM knows of the application's process; a remote application's process is its own LM's business. */
  readonly process: { readonly pid: number; readonly start: number } | undefined;
  /** The computer of the remote LM, as that has proven; absent = the holder is the computer. */
  readonly station?: string;
  /** What seats go by where processes or stations count; absent = what the application says of its process. */
  readonly caller?: Caller;
};

export type KeyChannel = {
  readonly keyId: string;
  readonly party: Party;
  /** The key's answer to the opening. */
  readonly answer: Uint8Array;
  /** A record from the application. Failures go to `fail`, after which the channel is of no more use. */
  receive(record: Uint8Array): void;
  /** Calls that are not answered yet, or whose answers are not sent yet. */
  readonly busy: number;
  /** Questions of those who wait for a seat: answered when there is something to say. */
  readonly held: number;
  /** The path to the application is gone. */
  close(): void;
};

/** BOUNDED: calls of one channel under way at a time; more than that is a fault of the application. */
const MAX_BUSY = 4_096;
const NOTHING = Buffer.alloc(0);

export const createKeyChannel = (
  authority: AuthorityCore,
  keyId: string,
  answer: { readonly message: Uint8Array; readonly channel: Channel },
  party: Party,
  send: (record: Uint8Array) => void,
  fail: (error: LicensingError) => void,
  /** A question is held from now on; it is no call under way any more. */
  onHeld: () => void = () => undefined,
): KeyChannel => {
  const { channel } = answer;
  const replies = createCallReplies(channel, send);
  const { reply } = replies;
  let busy = 0;
  let closed = false;
  /** Records wait, in their order, until it is known whether the sessions here are still believed. */
  let held: Promise<void> | undefined;

  const self: KeyChannel = {
    keyId,
    party,
    answer: answer.message,
    get busy() {
      return busy + (replies.pending ? 1 : 0);
    },
    get held() {
      return waits.held;
    },
    receive(record) {
      const verified = authority.verified();
      if (verified === undefined && held === undefined) return take(record);
      const copy = Buffer.from(record); // It may be a view on what is read next.
      const own = Promise.all([held, verified]).then(
        () => take(copy),
        (error: unknown) => giveUp(error instanceof LicensingError ? error : new LicensingError(Status.INT_ERR, { cause: error })),
      );
      held = own;
      void own.then(() => {
        if (held === own) held = undefined;
      });
    },
    close() {
      if (closed) return;
      closed = true;
      replies.close();
      waits.close();
      sessions.close();
    },
  };

  const key = createServedKey(authority, keyId);
  const sessions = createChannelSessions(authority, key, self);
  const logins = createChannelLogins(authority, key, sessions, self);
  const waits = createChannelWaits(authority, key, logins, self);
  const memory = createKeyMemory(authority, key);
  const { use } = sessions;

  const giveUp = (error: LicensingError): void => {
    if (closed) return;
    self.close();
    fail(error);
  };
  const refuse = (id: number, error: unknown): void => {
    if (error instanceof LicenseChanged) return giveUp(error);
    const known = error instanceof LicensingError ? error : new LicensingError(Status.INT_ERR, { cause: error });
    reply(id, known.status, Buffer.from(known.detail ?? '', 'utf8'));
  };
  const later = (id: number, work: Promise<Uint8Array>): void => {
    busy += 1;
    work.then(
      (body) => {
        busy -= 1;
        reply(id, Status.OK, body);
      },
      (error: unknown) => {
        busy -= 1;
        refuse(id, error);
      },
    );
  };
  const wait = (id: number, call: WaitCall, denial: AttemptDenial | undefined): void => {
    busy += 1;
    waits.ask(call, denial).then(
      (body) => {
        busy -= 1;
        if (Buffer.isBuffer(body)) return reply(id, Status.OK, body);
        onHeld();
        body.late.then(
          (late) => reply(id, Status.OK, late),
          (error: unknown) => refuse(id, error),
        );
      },
      (error: unknown) => {
        busy -= 1;
        refuse(id, error);
      },
    );
  };

  const consumeNow = async (call: Extract<Call, { kind: 'consume' }>): Promise<Buffer> => {
    for (let change = authority.changing(keyId); change !== undefined; change = authority.changing(keyId)) await change;
    const session = use(call.handle);
    return new Writer(4).u32(await consume(authority, session, key.pool(session.row.product, session.row.feature)?.terms, call)).done();
  };

  const cipherOf = (session: LiveSession) => {
    sessions.refuseExpired(session);
    const cipher = key.license().cipher(session.row.feature);
    if (cipher === undefined) throw new LicensingError(Status.ENC_NOT_SUPP);
    return cipher;
  };

  /** A result now, or a promise of one where it must first be durable. */
  const run = (call: Exclude<Call, { kind: 'wait' | 'attempt' }>, denial: AttemptDenial | undefined): Uint8Array | Promise<Uint8Array> => {
    switch (call.kind) {
      case 'login':
        return logins.login(call, denial);
      case 'resume':
        return logins.resume(call);
      case 'logout': {
        const session = use(call.handle);
        sessions.forget(call.handle);
        return authority.release(session, 'logout').then(() => NOTHING);
      }
      case 'read':
        use(call.handle);
        return memory.read(call.file, call.offset, call.length);
      case 'write':
        return memory.write(use(call.handle).id, call, WHOLE);
      case 'piece':
        return memory.write(use(call.handle).id, call, call.piece);
      case 'encrypt':
        return cipherOf(use(call.handle)).encrypt(call.data);
      case 'decrypt':
        return cipherOf(use(call.handle)).decrypt(call.data);
      case 'size':
        use(call.handle);
        return memory.size(call.file);
      case 'clock':
        use(call.handle);
        return new Writer(8).u53(key.time()).done();
      case 'info':
        return sessionInfo(authority, key, sessions.look(call.handle));
      case 'consume':
        return consumeNow(call);
      case 'withdraw':
        return waits.withdraw(call.nonce).then(() => NOTHING);
    }
  };

  const take = (record: Uint8Array): void => {
    if (closed) return;
    let calls: ReturnType<typeof readCalls>;
    try {
      calls = readCalls(channel.open(record));
    } catch (error) {
      self.close();
      fail(
        error instanceof LicensingError
          ? error
          : new LicensingError(Status.SCHAN_ERR, { detail: error instanceof WireError ? error.message : undefined }),
      );
      return;
    }
    for (const { id, call: asked } of calls) {
      if (asked === undefined) {
        reply(id, Status.REQ_NOT_SUPP, NOTHING);
        continue;
      }
      const call = asked.kind === 'attempt' ? asked.of : asked;
      const denial = asked.kind === 'attempt' ? asked.denial : undefined;
      if (busy >= MAX_BUSY) {
        reply(id, Status.TMOF, NOTHING);
        continue;
      }
      if ((call.kind === 'login' || call.kind === 'wait') && !key.isCurrent()) {
        // The application checks grants against the certificate of its channel (I4): for what was licensed since, it needs a new one.
        return giveUp(new LicenseChanged());
      }
      if (call.kind === 'wait') {
        wait(id, call, denial);
        continue;
      }
      try {
        const result = run(call, denial);
        if (result instanceof Promise) later(id, result);
        else reply(id, Status.OK, result);
      } catch (error) {
        refuse(id, error);
      }
    }
  };
  return self;
};
