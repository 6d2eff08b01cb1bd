import { Buffer } from 'node:buffer';
import { hex, sameBytes, WireError, Writer } from '@keyhaven/core/bytes';
import type { Channel } from '@keyhaven/core/channel';
import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { WHOLE } from '@keyhaven/core/memory';
import {
  type Applicant,
  isOver,
  type Login,
  type PoolRow,
  poolRowKey,
  type ReleaseCause,
  type SeatTerms,
  storedUse,
} from '@keyhaven/core/seats';
import {
  type ApplicationIdentity,
  type Call,
  encodeGrant,
  FULL_RECORD,
  type Grant,
  type LoginCall,
  readCalls,
  writeReply,
} from '@keyhaven/core/session';
import { SECOND, type Wall } from '@keyhaven/core/time';
import { type Key, poolName } from '../keystore/index.ts';
import { createChannelWaits } from './channel-waits.ts';
import { consume } from './consuming.ts';
import { endOf } from './ends.ts';
import { createKeyMemory } from './key-memory.ts';
import type { LiveSession } from './live-sessions.ts';
import { LicenseChanged } from './sharing.ts';
import { resumeTokenFor, sessionIdFor } from './tokens.ts';
import type { AuthorityCore } from './types.ts';

// The key's end of one channel: opens records, runs the calls in them against the authority, seals the replies. Replies that are ready
// in one turn of the event loop go out in one record. Calls of one record may finish in any order; each names its request.

/** Who is at the other end. `holder` is `local` or the GUID of the LM that relays and answers for the application. */
export type Party = {
  readonly holder: string;
  readonly address: string;
  /** What the local LM knows of the application's process; a remote application's process is its own LM's business. */
  readonly process: { readonly pid: number; readonly start: number } | undefined;
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
/** BOUNDED: sessions of one channel (field-facts: 512 per API instance; here per channel and with room). */
const MAX_SESSIONS = 65_536;
const NOTHING = Buffer.alloc(0);
const STOPPED = 'The process of its license manager was stopped for longer than three minutes, and others may have its seats since (T4).';

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
  const certificate = authority.keystore.get(keyId)?.license?.digest;
  const sessions = new Map<number, LiveSession>(); // BOUNDED by MAX_SESSIONS
  let nextHandle = 1;
  let busy = 0;
  let closed = false;
  /** Records wait, in their order, until it is known whether the sessions here are still believed. */
  let held: Promise<void> | undefined;
  let out: Writer | undefined;

  const flush = (): void => {
    const ready = out;
    out = undefined;
    if (ready === undefined || closed) return;
    send(channel.seal(ready.done()));
    // Behind the write that `send` queued: nobody waits for it.
    queueMicrotask(channel.prepare);
  };
  const reply = (id: number, status: StatusCode, body: Uint8Array): void => {
    if (closed) return;
    if (out === undefined) {
      out = new Writer(1_024);
      queueMicrotask(flush);
    }
    writeReply(out, { id, status, body });
    if (out.length >= FULL_RECORD) flush();
  };
  const refuse = (id: number, error: unknown): void => {
    if (error instanceof LicenseChanged) return giveUp(error);
    const known = error instanceof LicensingError ? error : new LicensingError(Status.INT_ERR, { cause: error });
    reply(id, known.status, Buffer.from(known.detail ?? '', 'utf8'));
  };
  const giveUp = (error: LicensingError): void => {
    if (closed) return;
    self.close();
    fail(error);
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

  const keyNow = (): Key => {
    const key = authority.keystore.get(keyId);
    if (key === undefined) authority.keystore.transfers.refuseGone(keyId);
    if (key === undefined) throw new LicensingError(Status.KEY_NOT_FOUND, { detail: `Key ${keyId} is not here any more.` });
    if (key.damage !== undefined) throw new LicensingError(Status.STORAGE_CORRUPT, { detail: key.damage });
    return key;
  };
  const licensed = () => {
    const { license } = keyNow();
    if (license === undefined) throw new LicensingError(Status.KEY_NOT_FOUND);
    return license;
  };
  const sessionOf = (handle: number): LiveSession => {
    const session = sessions.get(handle);
    if (session === undefined) throw new LicensingError(Status.INV_HND);
    if (session.ending !== undefined) throw ended(session.ending);
    endWithLoan(session);
    session.lastUse = authority.clock.mono();
    return session;
  };
  const ended = (cause: ReleaseCause): LicensingError =>
    cause === 'killed' || cause === 'expired'
      ? new LicensingError(cause === 'killed' ? Status.KILLED_SESSION : Status.FEATURE_EXPIRED)
      : new LicensingError(Status.BROKEN_SESSION, { detail: cause === 'stopped' ? STOPPED : `Why it ended: ${cause}.` });
  const applicant = (identity: ApplicationIdentity): Applicant => ({
    ...identity,
    // The local LM knows the process of its connection, so that liveness and counting mean the same process.
    ...party.process,
    holder: party.holder,
    address: party.address,
  });

  const grant = (key: Key, session: LiveSession, more: Pick<Grant, 'end'> = {}): Buffer => {
    if (sessions.size >= MAX_SESSIONS) throw new LicensingError(Status.TMOF);
    const handle = nextHandle++;
    sessions.set(handle, session);
    const id = Buffer.from(session.id, 'hex');
    const { product, feature, seats } = session.row;
    return encodeGrant({ handle, session: id, token: resumeTokenFor(key, id), product, feature, seats, ...more });
  };

  const readyFor = (call: LoginCall): Promise<void> | undefined =>
    authority.guard?.ready(keyNow(), call.product, licensed().pools.get(poolName(call.product, call.feature)));
  const commandFor = (call: LoginCall): Login => {
    const { guard } = authority;
    const key = keyNow();
    const sold = licensed().pools.get(poolName(call.product, call.feature));
    return {
      kind: 'login',
      pool: { key: keyId, product: call.product, feature: call.feature },
      terms: sold?.terms,
      barred: guard?.against(key, call.product, sold),
      time: guard?.time(),
      session: sessionIdFor(key, call.nonce),
      applicant: applicant(call.application),
      seats: call.seats,
      executions: call.executions,
      dieAtExpiration: call.dieAtExpiration,
      remoteDesktop: call.remoteDesktop === true,
      virtualMachine: guard?.virtualMachine() === true,
      firstUse: authority.trials?.firstUse(licensed()),
    };
  };
  const granted = async (call: LoginCall, session: LiveSession): Promise<Buffer> => {
    const { trialUse } = authority.facts.of(session.pool);
    if (trialUse !== undefined) await authority.trials?.used(licensed(), trialUse);
    const body = grant(
      keyNow(),
      session,
      call.tellEnd === true ? endOf(termsOf(session), authority.facts.of(session.pool), licenseTime()) : {},
    );
    // The application may be gone while its login became durable; it then has to be looked after like any that is away.
    if (closed) authority.detached(self, [session]);
    return body;
  };
  const login = async (call: LoginCall): Promise<Buffer> => {
    const ready = readyFor(call);
    if (ready !== undefined) await ready;
    // From here on to the authority without a pause, or a change of the license could begin in between.
    for (let change = authority.changing(keyId); change !== undefined; change = authority.changing(keyId)) await change;
    return granted(call, await authority.login(commandFor(call), self, party));
  };
  const isCurrent = (): boolean => authority.keystore.get(keyId)?.license?.digest === certificate;
  const waits = createChannelWaits({
    authority,
    self: () => self,
    key: keyNow,
    time: () => licenseTime(),
    readyFor,
    commandFor,
    granted,
    current: isCurrent,
    open: () => !closed,
  });
  const wait = (id: number, call: Extract<Call, { kind: 'wait' }>): void => {
    busy += 1;
    waits.ask(call).then(
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

  const resume = (call: Extract<Call, { kind: 'resume' }>): Buffer => {
    const key = keyNow();
    if (!sameBytes(call.token, resumeTokenFor(key, call.session)))
      throw new LicensingError(Status.ACCESS_DENIED, { detail: 'The session is not proven.' });
    const session = authority.live(hex(call.session));
    if (session === undefined || session.ending !== undefined)
      throw new LicensingError(Status.BROKEN_SESSION, { detail: 'The session has ended meanwhile.' });
    if (session.row.holder !== party.holder)
      throw new LicensingError(Status.ACCESS_DENIED, { detail: 'The session belongs to another computer.' });
    authority.attach(session, self, party);
    return grant(key, session);
  };

  const licenseTime = (): Wall => authority.guard?.time() ?? authority.clock.wall();
  /** What is lent ends for running sessions, too (K5). */
  const endWithLoan = (session: LiveSession): void => {
    const lent = licensed().delegation;
    if (lent === undefined || licenseTime() <= Date.parse(lent.until)) return;
    authority.release(session, 'license changed').catch(() => undefined);
    throw new LicensingError(Status.FEATURE_EXPIRED, { detail: `The detached license ended at ${lent.until}.` });
  };
  const termsOf = ({ row }: LiveSession) => licensed().pools.get(poolName(row.product, row.feature))?.terms;
  /** Where the application wants it, a session ends with its license and the grace of it (K2). */
  const checkAlive = (session: LiveSession): void => {
    if (!session.row.dieAtExpiration) return;
    const terms = termsOf(session);
    if (terms === undefined || !isOver(terms, authority.facts.of(session.pool), licenseTime())) return;
    authority.release(session, 'expired').catch(() => undefined);
    throw new LicensingError(Status.FEATURE_EXPIRED);
  };
  const consumeNow = async (call: Extract<Call, { kind: 'consume' }>): Promise<Buffer> => {
    for (let change = authority.changing(keyId); change !== undefined; change = authority.changing(keyId)) await change;
    const session = sessionOf(call.handle);
    return new Writer(4).u32(await consume(authority, session, termsOf(session), call)).done();
  };

  const memory = createKeyMemory(authority, keyNow);

  /** Executions taken from the pool of a session. */
  const executionsOf = ({ pool }: LiveSession): Promise<number> =>
    authority.ledger.update(
      [poolRowKey(pool)],
      (rows) => ({ changes: [], audit: [], reply: rows.get<PoolRow>(poolRowKey(pool))?.executions ?? 0 }),
      { durability: 'later' },
    );

  const told = (session: LiveSession, terms: SeatTerms | undefined) => {
    const row = authority.facts.of(session.pool);
    const { end } = endOf(terms, row, licenseTime());
    const firstUse = terms === undefined ? undefined : storedUse(terms, row);
    return {
      ...(firstUse === undefined ? {} : { firstUse }),
      ...(end === undefined ? {} : { ends: end.ends, graceEnds: end.last, time: end.now, inGrace: end.now > end.ends }),
    };
  };
  const info = (session: LiveSession): Buffer | Promise<Buffer> => {
    const refreshed = authority.refresh();
    return refreshed === undefined ? infoNow(session) : refreshed.then(() => infoNow(session));
  };
  const infoNow = (session: LiveSession): Buffer | Promise<Buffer> => {
    if (session.ending !== undefined) throw ended(session.ending);
    const pool = licensed().pools.get(poolName(session.row.product, session.row.feature));
    const now = authority.clock.mono();
    const about = {
      session: session.id,
      key: keyId,
      product: session.row.product,
      feature: session.row.feature,
      seats: session.row.seats,
      since: session.row.since,
      license: pool?.feature.license ?? null,
      ...told(session, pool?.terms),
      limit: pool?.terms.seats ?? null,
      used: authority.used(session.pool),
      idleTimeout: Math.floor(authority.idleTimeoutMs / SECOND),
      idleRemaining: Math.floor((authority.idleTimeoutMs - (now - session.lastUse)) / SECOND),
    };
    const written = (more: object): Buffer => Buffer.from(JSON.stringify({ ...about, ...more }), 'utf8');
    return pool?.terms.executions === undefined ? written({}) : executionsOf(session).then((executions) => written({ executions }));
  };

  const cipherOf = (session: LiveSession) => {
    checkAlive(session);
    const cipher = licensed().cipher(session.row.feature);
    if (cipher === undefined) throw new LicensingError(Status.ENC_NOT_SUPP);
    return cipher;
  };

  /** A result now, or a promise of one where it must first be durable. */
  const run = (call: Exclude<Call, { kind: 'wait' }>): Uint8Array | Promise<Uint8Array> => {
    switch (call.kind) {
      case 'login':
        return login(call);
      case 'resume':
        return resume(call);
      case 'logout': {
        const session = sessionOf(call.handle);
        sessions.delete(call.handle);
        return authority.release(session, 'logout').then(() => NOTHING);
      }
      case 'read':
        sessionOf(call.handle);
        return memory.read(call.file, call.offset, call.length);
      case 'write':
        return memory.write(sessionOf(call.handle).id, call, WHOLE);
      case 'piece':
        return memory.write(sessionOf(call.handle).id, call, call.piece);
      case 'encrypt':
        return cipherOf(sessionOf(call.handle)).encrypt(call.data);
      case 'decrypt':
        return cipherOf(sessionOf(call.handle)).decrypt(call.data);
      case 'size':
        sessionOf(call.handle);
        return memory.size(call.file);
      case 'clock':
        sessionOf(call.handle);
        return new Writer(8).u53(licenseTime()).done();
      case 'info': {
        const session = sessions.get(call.handle);
        if (session === undefined) throw new LicensingError(Status.INV_HND);
        if (session.ending !== undefined) throw ended(session.ending);
        return info(session); // Does not count as use (field-facts 1.6).
      }
      case 'consume':
        return consumeNow(call);
      case 'withdraw':
        return waits.withdraw(call.nonce).then(() => NOTHING);
    }
  };

  const self: KeyChannel = {
    keyId,
    party,
    answer: answer.message,
    get busy() {
      return busy + (out === undefined ? 0 : 1);
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
      waits.close();
      authority.detached(self, [...sessions.values()]);
      sessions.clear();
    },
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
    for (const { id, call } of calls) {
      if (call === undefined) {
        reply(id, Status.REQ_NOT_SUPP, NOTHING);
        continue;
      }
      if (busy >= MAX_BUSY) {
        reply(id, Status.TMOF, NOTHING);
        continue;
      }
      if ((call.kind === 'login' || call.kind === 'wait') && !isCurrent()) {
        // The application checks grants against the certificate of its channel (I4): for what was licensed since, it needs a new one.
        return giveUp(new LicenseChanged());
      }
      if (call.kind === 'wait') {
        wait(id, call);
        continue;
      }
      try {
        const result = run(call);
        if (result instanceof Promise) later(id, result);
        else reply(id, Status.OK, result);
      } catch (error) {
        refuse(id, error);
      }
    }
  };
  return self;
};
