import { Buffer } from 'node:buffer';
import { hex, sameBytes, WireError, Writer } from '@keyhaven/core/bytes';
import type { Channel } from '@keyhaven/core/channel';
import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { type Applicant, type PoolRow, poolRowKey, type ReleaseCause } from '@keyhaven/core/seats';
import { type ApplicationIdentity, type Call, encodeGrant, FULL_RECORD, readCalls, writeReply } from '@keyhaven/core/session';
import { SECOND, type Wall } from '@keyhaven/core/time';
import { type Key, type MemoryRow, memoryRow, poolName, READ_ONLY_FILE, sizeOf } from '../keystore/index.ts';
import type { AuthorityCore } from './authority.ts';
import type { LiveSession } from './live-sessions.ts';
import { resumeTokenFor, sessionIdFor } from './tokens.ts';

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
  /** The path to the application is gone. */
  close(): void;
};

/** BOUNDED: calls of one channel under way at a time; more than that is a fault of the application. */
const MAX_BUSY = 4_096;
/** BOUNDED: sessions of one channel (field-facts: 512 per API instance; here per channel and with room). */
const MAX_SESSIONS = 65_536;
const NOTHING = Buffer.alloc(0);

export const createKeyChannel = (
  authority: AuthorityCore,
  keyId: string,
  answer: { readonly message: Uint8Array; readonly channel: Channel },
  party: Party,
  send: (record: Uint8Array) => void,
  fail: (error: LicensingError) => void,
): KeyChannel => {
  const { channel } = answer;
  const certificate = authority.keystore.get(keyId)?.license?.digest;
  const sessions = new Map<number, LiveSession>(); // BOUNDED by MAX_SESSIONS
  let nextHandle = 1;
  let busy = 0;
  let closed = false;
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

  const keyNow = (): Key => {
    const key = authority.keystore.get(keyId);
    if (key === undefined) authority.keystore.transfers.refuseGone(keyId);
    if (key === undefined || key.damage !== undefined) throw new LicensingError(Status.STORAGE_CORRUPT, { detail: key?.damage });
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
    cause === 'killed'
      ? new LicensingError(Status.KILLED_SESSION)
      : new LicensingError(Status.BROKEN_SESSION, { detail: `Why it ended: ${cause}.` });
  const applicant = (identity: ApplicationIdentity): Applicant => ({
    ...identity,
    // The local LM knows the process of its connection, so that liveness and counting mean the same process.
    ...party.process,
    holder: party.holder,
    address: party.address,
  });

  const grant = (key: Key, session: LiveSession): Buffer => {
    if (sessions.size >= MAX_SESSIONS) throw new LicensingError(Status.TMOF);
    const handle = nextHandle++;
    sessions.set(handle, session);
    const id = Buffer.from(session.id, 'hex');
    const { product, feature, seats } = session.row;
    return encodeGrant({ handle, session: id, token: resumeTokenFor(key, id), product, feature, seats });
  };

  const login = async (call: Extract<Call, { kind: 'login' }>): Promise<Buffer> => {
    const { guard } = authority;
    const ready = guard?.ready(keyNow(), call.product, licensed().pools.get(poolName(call.product, call.feature)));
    if (ready !== undefined) await ready;
    // From here on to the authority without a pause, or a change of the license could begin in between.
    for (let change = authority.changing(keyId); change !== undefined; change = authority.changing(keyId)) await change;
    const key = keyNow();
    const pool = { key: keyId, product: call.product, feature: call.feature };
    const sold = licensed().pools.get(poolName(call.product, call.feature));
    const session = await authority.login(
      {
        kind: 'login',
        pool,
        terms: sold?.terms,
        barred: guard?.against(key, call.product, sold),
        time: guard?.time(),
        session: sessionIdFor(key, call.nonce),
        applicant: applicant(call.application),
        seats: call.seats,
        executions: call.executions,
        dieAtExpiration: call.dieAtExpiration,
      },
      self,
      party,
    );
    const body = grant(key, session);
    // The application may be gone while its login became durable; it then has to be looked after like any that is away.
    if (closed) authority.detached(self, [session]);
    return body;
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
  const checkAlive = (session: LiveSession): void => {
    if (!session.row.dieAtExpiration) return;
    const until = licensed().pools.get(poolName(session.row.product, session.row.feature))?.terms.until;
    if (until === undefined || licenseTime() <= until) return;
    authority.release(session, 'license changed').catch(() => undefined);
    throw new LicensingError(Status.FEATURE_EXPIRED);
  };

  const memory = (file: number, offset: number, length: number): { readonly contents: Buffer; readonly size: number } => {
    const size = sizeOf(licensed(), file);
    if (size === undefined) throw new LicensingError(Status.INV_FILEID);
    if (offset + length > size) throw new LicensingError(Status.MEM_RANGE, { detail: `The file has ${size} bytes.` });
    return { contents: keyNow().memory.get(file) ?? NOTHING, size };
  };
  const read = (file: number, offset: number, length: number): Buffer => {
    const { contents } = memory(file, offset, length);
    if (offset + length <= contents.length) return contents.subarray(offset, offset + length);
    const bytes = Buffer.alloc(length);
    contents.copy(bytes, 0, Math.min(offset, contents.length));
    return bytes;
  };
  const write = async (call: Extract<Call, { kind: 'write' }>): Promise<Buffer> => {
    const { size } = memory(call.file, call.offset, call.data.length);
    if (call.file === READ_ONLY_FILE) throw new LicensingError(Status.ACCESS_DENIED, { detail: 'This memory file can only be read.' });
    const row = memoryRow(keyId, call.file);
    const data = Buffer.from(call.data);
    const contents = await authority.ledger.update([row], (rows) => {
      const bytes = Buffer.alloc(size);
      Buffer.from(rows.get<MemoryRow>(row)?.data ?? '', 'base64url').copy(bytes);
      data.copy(bytes, call.offset);
      return { changes: [{ key: row, row: { data: bytes.toString('base64url') } satisfies MemoryRow }], audit: [], reply: bytes };
    });
    keyNow().memory.set(call.file, contents);
    return NOTHING;
  };

  /** Executions taken from the pool of a session. */
  const executionsOf = ({ pool }: LiveSession): Promise<number> =>
    authority.ledger.update(
      [poolRowKey(pool)],
      (rows) => ({ changes: [], audit: [], reply: rows.get<PoolRow>(poolRowKey(pool))?.executions ?? 0 }),
      { durability: 'later' },
    );

  const info = (session: LiveSession): Buffer | Promise<Buffer> => {
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
  const run = (call: Call): Uint8Array | Promise<Uint8Array> => {
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
        return read(call.file, call.offset, call.length);
      case 'write':
        sessionOf(call.handle);
        return write(call);
      case 'encrypt':
        return cipherOf(sessionOf(call.handle)).encrypt(call.data);
      case 'decrypt':
        return cipherOf(sessionOf(call.handle)).decrypt(call.data);
      case 'size': {
        sessionOf(call.handle);
        const { size } = memory(call.file, 0, 0);
        return new Writer(4).u32(size).done();
      }
      case 'clock':
        sessionOf(call.handle);
        return new Writer(8).u53(licenseTime()).done();
      case 'info': {
        const session = sessions.get(call.handle);
        if (session === undefined) throw new LicensingError(Status.INV_HND);
        if (session.ending !== undefined) throw ended(session.ending);
        return info(session); // Does not count as use (field-facts 1.6).
      }
    }
  };

  const self: KeyChannel = {
    keyId,
    party,
    answer: answer.message,
    get busy() {
      return busy + (out === undefined ? 0 : 1);
    },
    receive(record) {
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
        if (call.kind === 'login' && authority.keystore.get(keyId)?.license?.digest !== certificate) {
          // The application checks grants against the certificate of its channel (I4): for what was licensed since, it needs a new one.
          self.close();
          fail(new LicensingError(Status.REMOTE_COMM_ERR, { detail: 'The license of the key has changed since the channel was opened.' }));
          return;
        }
        try {
          const result = run(call);
          if (result instanceof Promise) later(id, result);
          else reply(id, Status.OK, result);
        } catch (error) {
          refuse(id, error);
        }
      }
    },
    close() {
      if (closed) return;
      closed = true;
      authority.detached(self, [...sessions.values()]);
      sessions.clear();
    },
  };
  return self;
};
