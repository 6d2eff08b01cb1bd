import type { CatalogKey } from '@keyhaven/core/admin';
import { fromBase64 } from '@keyhaven/core/bytes';
import { openingFor } from '@keyhaven/core/channel';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { keyIdOf } from '@keyhaven/core/key';
import { signingKeyIn, trustCertificate } from '@keyhaven/core/session';
import { type Clock, SECOND } from '@keyhaven/core/time';
import { asLicensingError } from '../local/index.ts';
import type { Peers } from '../peers/index.ts';

/** Signed by the vendor, shown by who holds the key. */
export type ProvenKey = { readonly counter: number; readonly vendorKey: string };

const PROOF_MS = 10 * SECOND;
/** No process of this computer: nothing is logged in. */
const NOBODY = { pid: 0, start: 0, user: '', host: '', application: '' };

/**
 * Whether the LM of this GUID really holds the key that its catalog names: opens a channel to it as an application would, which only the
 * key itself can answer (K10), and closes it. A catalog alone proves nothing, and who could stop another's key by naming it would.
 * @throws LicensingError where it does not prove it.
 */
export const proveKey = (peers: Peers, guid: string, claimed: CatalogKey, clock: Clock, entropy: Entropy): Promise<ProvenKey> =>
  new Promise((resolve, reject) => {
    const opening = openingFor({ vendor: claimed.vendor, key: claimed.key }, entropy);
    const close = (): void => {
      cancel();
      // The channel may be opened at once, before there is a route to close.
      queueMicrotask(() => route?.close());
    };
    const cancel = clock.after(PROOF_MS, () => {
      close();
      reject(new LicensingError(Status.REMOTE_COMM_ERR, { detail: 'The key did not answer in time.' }));
    });
    const route = peers.open(guid, { key: claimed.key, opening: opening.message }, NOBODY, {
      opened(answer) {
        close();
        try {
          let counter = 0;
          opening.complete(answer, (document) => {
            const vendor = { vendor: claimed.vendor, publicKey: fromBase64(claimed.vendorKey) ?? new Uint8Array() };
            const certificate = trustCertificate(document, vendor, claimed.key);
            const signingKey = signingKeyIn(certificate);
            // The id of an SL Legacy key follows from its license, which was checked with the chain.
            if (certificate.type !== 'sl-legacy' && keyIdOf(signingKey) !== claimed.key)
              throw new LicensingError(Status.SCHAN_ERR, { detail: 'The key has the id of another one.' });
            counter = certificate.counter;
            return signingKey;
          });
          resolve({ counter, vendorKey: claimed.vendorKey });
        } catch (error) {
          reject(asLicensingError(error));
        }
      },
      record: () => undefined,
      lost(error) {
        cancel();
        reject(error);
      },
    });
  });
