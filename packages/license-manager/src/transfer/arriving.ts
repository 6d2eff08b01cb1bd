import { fromBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { openStanding } from '@keyhaven/core/license';
import { poolRowKey } from '@keyhaven/core/seats';
import { wall } from '@keyhaven/core/time';
import { faultOfReceiving, openLending, openMoving, peekH2h, peekH2r } from '@keyhaven/core/transfer';
import { type Ground, refusal } from './ground.ts';
import { NOTHING_BESIDES } from './online-rows.ts';
import type { AppliedTransfer, TransfersOptions } from './types.ts';

// What comes to this computer: licenses that are lent to it, and whole keys.

export type Arriving = {
  receive(document: Uint8Array): Promise<AppliedTransfer>;
  arrive(document: Uint8Array): Promise<AppliedTransfer>;
};

export const createArriving = ({ keystore, authority, online, onEvent }: TransfersOptions, { stateOf, now, recount }: Ground): Arriving => {
  const receive = async (document: Uint8Array): Promise<AppliedTransfer> => {
    const h2r = peekH2r(document);
    const gone = keystore.transfers.gone(h2r.key);
    const recipient = keystore.transfers.recipient(h2r.key);
    if (gone !== undefined) {
      const { delegation } = openStanding(fromBase64(h2r.certificate) ?? new Uint8Array(), fromBase64(h2r.vendorKey) ?? new Uint8Array());
      const [from, until] = [wall(Date.parse(delegation?.from ?? '')), wall(Date.parse(delegation?.until ?? ''))];
      const of = { child: h2r.key, parent: h2r.parent, sequence: delegation?.sequence ?? 0, from, until, held: undefined };
      const fault = faultOfReceiving(of, gone, now());
      if (fault !== undefined) throw refusal(fault);
    }
    if (recipient === undefined)
      throw new LicensingError(Status.UNKNOWN_RECIPIENT, {
        detail: `The license is for recipient ${h2r.key}, which is not on this computer.`,
      });
    const lent = openLending(document, recipient);
    const added = keystore.get(h2r.key) === undefined;
    const key = await authority.exclusively(h2r.key, 'keep', async () => {
      const besides = online?.receiving(h2r.key, h2r.parent) ?? NOTHING_BESIDES;
      const received = await keystore.transfers.receive(lent, () => authority.time(), besides.changes);
      besides.done();
      return received;
    });
    onEvent({
      level: 'info',
      event: 'detached license received',
      key: key.identity.id,
      from: h2r.parent,
      until: lent.standing.delegation?.until,
    });
    return { key, added };
  };

  const arrive = async (document: Uint8Array): Promise<AppliedTransfer> => {
    const h2h = peekH2h(document);
    const recipient = keystore.transfers.recipient(h2h.recipient);
    if (recipient === undefined) {
      const { rehosts } = await stateOf(h2h.key);
      if (h2h.rehosts > rehosts)
        throw new LicensingError(Status.UNKNOWN_RECIPIENT, {
          detail: `The key is for recipient ${h2h.recipient}, which is not on this computer.`,
        });
      const here = keystore.get(h2h.key) !== undefined && h2h.rehosts === rehosts;
      throw here
        ? new LicensingError(Status.UPDATE_ALREADY_ADDED, { detail: 'This move of the key was applied here before.' })
        : new LicensingError(Status.REHOST_ALREADY_APPLIED, {
            detail: `The key has moved ${rehosts} times, and this is its move ${h2h.rehosts}.`,
          });
    }
    const arrival = openMoving(document, recipient);
    const key = await authority.exclusively(h2h.key, 'end', async () => {
      const arrived = await keystore.transfers.arrive(arrival);
      const pools = h2h.usage.map(({ product, feature }) => poolRowKey({ key: h2h.key, product, feature }));
      await recount(h2h.key, pools);
      return arrived;
    });
    onEvent({ level: 'info', event: 'key arrived', key: h2h.key, moves: h2h.rehosts });
    return { key, added: true };
  };

  return { receive, arrive };
};
