import { answerOpening, prepareAnswer } from '@keyhaven/core/channel';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { createKeyChannel, type KeyChannel } from './key-channel.ts';
import type { Authority, AuthorityCore } from './types.ts';

// How channels to the keys here are opened: the key answers for itself by its signature (K10), in this process or in its device (K7).

export type Opening = Pick<Authority, 'open' | 'openAtDevice'>;

export const createOpening = (core: AuthorityCore, entropy: Entropy): Opening => {
  const { keystore } = core;
  /** @throws LicensingError as `open` */
  const openable = (keyId: string) => {
    const key = keystore.get(keyId);
    if (key?.damage !== undefined) throw new LicensingError(Status.STORAGE_CORRUPT, { detail: `Key ${keyId}: ${key.damage}.` });
    if (key === undefined) keystore.transfers.refuseGone(keyId);
    if (key?.license === undefined)
      throw new LicensingError(Status.KEY_NOT_FOUND, { detail: `Key ${keyId} is not here, or has no license yet.` });
    const { identity, license, signer } = key;
    const target = { id: identity.id, vendor: identity.vendor, certificate: license.document, digest: license.digest };
    return { target, signer };
  };
  return {
    open(keyId, opening, party, send, fail, onHeld) {
      const { target, signer } = openable(keyId);
      if (signer.kind === 'device') throw new LicensingError(Status.DEVICE_ERR, { detail: `Key ${keyId} is hardware.` });
      const answer = answerOpening(opening, { ...target, signingKey: signer.identity.signingKey }, entropy);
      return createKeyChannel(core, keyId, answer, party, send, fail, onHeld);
    },
    openAtDevice(keyId, opening, party, send, fail, onHeld) {
      if (keystore.get(keyId)?.signer.kind !== 'device') return undefined;
      const open = async (): Promise<KeyChannel> => {
        const { target, signer } = openable(keyId);
        if (signer.kind !== 'device') throw new LicensingError(Status.INT_ERR);
        const { toSign, sign } = prepareAnswer(opening, target, entropy);
        const signature = await signer.device.sign(toSign).catch((cause: unknown) => {
          throw new LicensingError(Status.DEVICE_ERR, { detail: `Key ${keyId} does not sign.`, cause });
        });
        if (signature.length !== 64) throw new LicensingError(Status.DEVICE_ERR, { detail: `What key ${keyId} signs is no signature.` });
        return createKeyChannel(core, keyId, sign(signature), party, send, fail, onHeld);
      };
      return open();
    },
  };
};
