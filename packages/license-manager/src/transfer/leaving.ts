import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import { armor, type Secrets } from '@keyhaven/core/license';
import { faultOfMoving, type GoneRow, type Moved, movingDocument, returningDocument } from '@keyhaven/core/transfer';
import type { Key } from '../keystore/index.ts';
import { type Ground, refusal } from './ground.ts';
import { NOTHING_BESIDES } from './online-rows.ts';
import type { Transfers, TransfersOptions } from './types.ts';
import { usageOf } from './usage.ts';

// What leaves this computer for good: licenses that are given back, and whole keys. The file is handed out when the key is durably gone, and the
// same one as often as it is asked for.

export const createLeaving = (
  { ledger, keystore, authority, entropy, online, onGone, onEvent }: TransfersOptions,
  { licensedKey, lentKey, recipientIn, stateOf, refuseWhileOut, refuseBarred, now }: Ground,
): Pick<Transfers, 'giveBack' | 'rehost'> => {
  /** The file of a key that is gone may be asked for again: the first one may be lost. */
  const again = (gone: GoneRow, kind: 'R2H' | 'H2H'): string => armor(kind, fromBase64(gone.document) ?? new Uint8Array());

  return {
    async giveBack(id) {
      const before = keystore.transfers.gone(id);
      if (before?.why === 'returned') return again(before, 'R2H');
      // Before its sessions end; the decision itself looks again.
      lentKey(id);
      await refuseWhileOut(id);
      return authority.exclusively(id, 'end', async () => {
        const { own: identity, license, delegation } = lentKey(id);
        const at = now();
        const document = returningDocument(identity, license.document, delegation.parent, at);
        const gone: GoneRow = {
          why: 'returned',
          at,
          vendor: identity.vendor,
          document: toBase64(document),
          number: delegation.sequence,
          to: delegation.parent,
        };
        const besides = online?.leaving(id, at, Date.parse(delegation.until)) ?? NOTHING_BESIDES;
        const left = await keystore.transfers.leave(id, gone, besides.changes);
        besides.done();
        onEvent({ level: 'info', event: 'license given back', key: id, to: delegation.parent });
        onGone(id);
        return again(left, 'R2H');
      });
    },
    async rehost(id, text) {
      const to = recipientIn(text);
      const before = keystore.transfers.gone(id);
      if (before?.why === 'rehosted' && before.to === to.key) return again(before, 'H2H');
      const allowed = faultOfMoving(licensedKey(id).license.certificate, to);
      if (allowed !== undefined) throw refusal(allowed);
      await refuseWhileOut(id);
      await refuseBarred(licensedKey(id));
      return authority.exclusively(id, 'end', async () => {
        const key = licensedKey(id);
        const fault = faultOfMoving(key.license.certificate, to);
        if (fault !== undefined) throw refusal(fault);
        const [state, seeds, usage, at] = [
          await stateOf(id),
          await keystore.transfers.seeds(id),
          await usageOf(ledger, id),
          now(),
        ] as const;
        const rehosts = state.rehosts + 1;
        const moving = {
          identity: key.own,
          certificate: key.license.document,
          moved: movedOf(key, key.license.secrets, seeds, await keystore.transfers.writtenOnce(id)),
          usage,
          rehosts,
          sequence: state.sequence,
        };
        const document = movingDocument(moving, to, entropy, at);
        const left = await keystore.transfers.leave(id, {
          why: 'rehosted',
          at,
          vendor: key.identity.vendor,
          document: toBase64(document),
          number: rehosts,
          to: to.key,
        });
        onEvent({ level: 'info', event: 'key moved away', key: id, recipient: to.key, host: to.host });
        onGone(id);
        return again(left, 'H2H');
      });
    },
  };
};

const movedOf = (key: Key, features: Secrets['features'], seeds: Uint8Array, once: ReadonlySet<number>): Moved => ({
  signingSeed: toBase64(seeds.subarray(0, 32)),
  exchangeSeed: toBase64(seeds.subarray(32)),
  features,
  memory: [...key.memory].map(([file, data]) => ({ file, data: toBase64(data), ...(once.has(file) ? { once: true as const } : {}) })),
});
