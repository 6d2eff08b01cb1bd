import { Buffer } from 'node:buffer';
import { Writer } from '@keyhaven/core/bytes';
import { type Channel, openingFor } from '@keyhaven/core/channel';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Certificate, VendorCode } from '@keyhaven/core/license';
import { type Call, FULL_RECORD, type Reply, readReplies, signingKeyIn, trustCertificate, writeCall } from '@keyhaven/core/session';
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
  /** `fail` gets PathLost, or nothing else: a refusal is a reply. */
  call(call: Call, done: (reply: Reply) => void, fail: (error: PathLost) => void): void;
};

type Pending = { readonly done: (reply: Reply) => void; readonly fail: (error: PathLost) => void };

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
    const pending = new Map<number, Pending>(); // BOUNDED by calls under way
    let channel: Channel | undefined;
    let lost: PathLost | undefined;
    let nextId = 1;
    let out: Writer | undefined;

    const lose = (error: LicensingError, idle = false): void => {
      if (lost !== undefined) return;
      lost = new PathLost(error);
      out = undefined;
      const waiting = [...pending.values()];
      pending.clear();
      if (waiting.length > 0) connection.release();
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
            if (pending.size === 0) connection.release();
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
      call(call, done, fail) {
        if (lost !== undefined) return fail(lost);
        const id = nextId;
        nextId = id === 0xffff_ffff ? 1 : id + 1;
        if (out === undefined) {
          out = new Writer(512);
          queueMicrotask(flush);
        }
        writeCall(out, id, call);
        const full = out.length >= FULL_RECORD;
        if (pending.size === 0) connection.retain();
        pending.set(id, { done, fail });
        if (full) flush();
      },
    });
  });
