import { Buffer } from 'node:buffer';
import { Writer } from '@keyhaven/core/bytes';
import { openingFor } from '@keyhaven/core/channel';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Call, type Reply, readReplies, signingKeyIn, trustCertificate, writeCall } from '@keyhaven/core/session';
import type { Authority, KeyChannel, Party } from '../authority/index.ts';
import type { Key } from '../keystore/index.ts';

// The license manager as an application of its own: a channel to a key here, with nothing in between. What clients without a channel of their own
// ask for (C6) thus goes the one way that all calls go, with its rules of seats, leases, access, audit and use.

export type KeyClient = {
  readonly alive: boolean;
  /** Rejects with the LicensingError of the key; or with what ended the channel. */
  call(call: Call): Promise<Uint8Array>;
  close(): void;
};

type Pending = { readonly done: (reply: Reply) => void; readonly fail: (error: LicensingError) => void };

/** Rejects as `Authority.open` throws. */
export const openKeyClient = async (
  authority: Pick<Authority, 'open' | 'openAtDevice'>,
  entropy: Entropy,
  { identity }: Pick<Key, 'identity'>,
  party: Party,
): Promise<KeyClient> => {
  const opening = openingFor({ vendor: identity.vendor, key: identity.id }, entropy);
  const pending = new Map<number, Pending>(); // BOUNDED by calls under way, which the key channel bounds
  let lost: LicensingError | undefined;
  let nextId = 1;

  const lose = (error: LicensingError): void => {
    if (lost !== undefined) return;
    lost = error;
    const waiting = [...pending.values()];
    pending.clear();
    for (const each of waiting) each.fail(error);
  };
  const receive = (record: Uint8Array): void => {
    for (const reply of readReplies(channel.open(record))) {
      const waiting = pending.get(reply.id);
      pending.delete(reply.id);
      waiting?.done(reply);
    }
  };
  const asked = [identity.id, opening.message, party, receive, lose] as const;
  const far: KeyChannel = (await authority.openAtDevice(...asked)) ?? authority.open(...asked);
  const { channel } = opening.complete(far.answer, (document) =>
    signingKeyIn(trustCertificate(document, { vendor: identity.vendor, publicKey: identity.vendorKey }, identity.id)),
  );

  return {
    get alive() {
      return lost === undefined;
    },
    async call(call) {
      if (lost !== undefined) throw lost;
      const id = nextId;
      nextId = id === 0xffff_ffff ? 1 : id + 1;
      const reply = await new Promise<Reply>((done, fail) => {
        pending.set(id, { done, fail });
        const out = new Writer(256);
        writeCall(out, id, call);
        far.receive(channel.seal(out.done()));
      });
      if (reply.status === Status.OK) return reply.body;
      throw new LicensingError(reply.status, { detail: Buffer.from(reply.body).toString('utf8') });
    },
    close() {
      far.close();
      lose(new LicensingError(Status.BROKEN_SESSION));
    },
  };
};
