import { Buffer } from 'node:buffer';
import { Writer } from '@keyhaven/core/bytes';
import { type Channel, openingFor } from '@keyhaven/core/channel';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Certificate, VendorCode } from '@keyhaven/core/license';
import { type Call, FULL_RECORD, type Reply, readReplies, signingKeyIn, trustCertificate, writeCall } from '@keyhaven/core/session';
import type { Limit } from './limits.ts';
import type { LmConnection } from './lm-connection.ts';

// A channel to one key, through any number of LMs: opened once, shared by all sessions of this process at that key. Calls made in one
// turn of the event loop share one record.

/** The way to the key is gone; its sessions may go on over another one. Never leaves the API. */
export class PathLost extends Error {
  override readonly name = 'PathLost';
  readonly reason: LicensingError;
  constructor(reason: LicensingError) {
    super(reason.message);
    this.reason = reason;
  }
}

/** Certificates that held, so that each is sent and checked once. BOUNDED by the keys in use. */
export type CertificateCache = Map<string, { readonly document: Uint8Array; readonly certificate: Certificate }>;

export type KeyPath = {
  readonly alive: boolean;
  readonly certificate: Certificate;
  /** So much was given up unanswered that nothing more is sent before some of it is answered. */
  readonly stuck: boolean;
  /** `fail` gets PathLost, or nothing else: a refusal is a reply. The result is the number of the call; 0 where it was not sent. */
  call(call: Call, done: (reply: Reply) => void, fail: (error: PathLost) => void): number;
  /** Nobody waits for this call any more: it does not keep the process alive. Its reply is still taken. */
  letGo(call: number): void;
};

/** BOUNDED: calls of one path that were given up, and that a license manager which was only stopped answers later. */
const MAX_GIVEN_UP = 64;

type Pending = { readonly done: (reply: Reply) => void; readonly fail: (error: PathLost) => void; awaited: boolean };

/**
 * @throws PathLost; LicensingError SCHAN_ERR (46) where the other end is not the key it should be, or another refusal of the LM
 */
export const openKeyPath = (
  connection: LmConnection,
  target: { readonly key: string; readonly lm: string; readonly vendor: VendorCode },
  known: CertificateCache,
  entropy: Entropy,
  onLost: (idle: boolean) => void,
): Promise<KeyPath> =>
  new Promise((resolve, reject) => {
    const { key, vendor } = target;
    const cached = known.get(key);
    const opening = openingFor({ vendor: vendor.vendor, key }, entropy, cached?.document);
    const pending = new Map<number, Pending>(); // BOUNDED by calls under way, and by what a silent license manager may still answer
    let channel: Channel | undefined;
    let lost: PathLost | undefined;
    let nextId = 1;
    let out: Writer | undefined;
    /** Of `pending`: those that somebody waits for. */
    let awaited = 0;

    const settled = (call: Pending): void => {
      if (!call.awaited) return;
      call.awaited = false;
      awaited -= 1;
      if (awaited === 0) connection.release();
    };
    const lose = (error: LicensingError, idle = false): void => {
      if (lost !== undefined) return;
      lost = new PathLost(error);
      out = undefined;
      const waiting = [...pending.values()];
      pending.clear();
      for (const each of waiting) settled(each);
      for (const each of waiting) each.fail(lost);
      if (channel === undefined) reject(error.status === Status.LOCAL_COMM_ERR || error.status === Status.REMOTE_COMM_ERR ? lost : error);
      else onLost(idle);
    };
    const flush = (): void => {
      const ready = out;
      out = undefined;
      if (ready === undefined || channel === undefined || lost !== undefined) return;
      connection.send(number, channel.seal(ready.done()));
      // Behind the write that `send` queued: while the key works, the next ciphers are made.
      queueMicrotask(channel.prepare);
    };

    const number = connection.openChannel(key, target.lm, opening.message, {
      opened(answer) {
        try {
          let certificate = cached?.certificate;
          const proven = opening.complete(answer, (document) => {
            if (certificate === undefined || cached === undefined || !Buffer.from(document).equals(cached.document))
              certificate = trustCertificate(document, vendor, key);
            return signingKeyIn(certificate);
          });
          if (certificate === undefined) throw new LicensingError(Status.SCHAN_ERR);
          known.set(key, { document: Buffer.from(proven.certificate), certificate });
          channel = proven.channel;
          resolve(pathOf(certificate));
        } catch (error) {
          connection.closeChannel(number);
          lose(error instanceof LicensingError ? error : new LicensingError(Status.SCHAN_ERR, { cause: error }));
        }
      },
      record(record) {
        if (channel === undefined || lost !== undefined) return;
        try {
          for (const reply of readReplies(channel.open(record))) {
            const waiting = pending.get(reply.id);
            if (waiting === undefined) continue;
            pending.delete(reply.id);
            settled(waiting);
            waiting.done(reply);
          }
        } catch (error) {
          // Nothing that this channel says is believed any more. Whoever waits learns that somebody interfered (46).
          connection.closeChannel(number);
          lose(error instanceof LicensingError ? error : new LicensingError(Status.SCHAN_ERR, { cause: error }));
        }
      },
      lost: lose,
    });

    const pathOf = (certificate: Certificate): KeyPath => ({
      certificate,
      get alive() {
        return lost === undefined;
      },
      get stuck() {
        return pending.size - awaited >= MAX_GIVEN_UP;
      },
      call(call, done, fail) {
        if (lost !== undefined) {
          fail(lost);
          return 0;
        }
        const id = nextId;
        nextId = id === 0xffff_ffff ? 1 : id + 1;
        if (out === undefined) {
          out = new Writer(512);
          queueMicrotask(flush);
        }
        writeCall(out, id, call);
        const full = out.length >= FULL_RECORD;
        if (awaited === 0) connection.retain();
        awaited += 1;
        pending.set(id, { done, fail, awaited: true });
        if (full) flush();
        return id;
      },
      letGo(id) {
        const call = pending.get(id);
        if (call !== undefined) settled(call);
      },
    });
  });

export type Within = {
  /** Why nothing came in time. */
  silence(): Promise<LicensingError>;
  /** Gets what comes after the limit: the reply, or nothing where the path is lost. */
  late?(reply: Reply | undefined): void;
  /** It keeps no process alive. */
  readonly quietly?: true;
};

/**
 * A call that is given up when its limit is over.
 * @throws PathLost; LicensingError as `silence` says
 */
export const callWithin = (path: KeyPath, call: Call, limit: Limit, { silence, late, quietly }: Within): Promise<Reply> =>
  new Promise((done, failed) => {
    const giveUp = (): void => void silence().then(failed);
    if (limit.over || path.stuck) {
      late?.(undefined);
      return giveUp();
    }
    const number = path.call(
      call,
      (reply) => (limit.over ? late?.(reply) : done(reply)),
      (lost) => {
        if (limit.over) late?.(undefined);
        failed(lost);
      },
    );
    if (quietly === true) path.letGo(number);
    limit.whenOver(() => {
      path.letGo(number);
      giveUp();
    });
  });
