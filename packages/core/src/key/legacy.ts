import { LicensingError, Status } from '../errors/index.ts';
import { type LegacyLicense, openLegacy } from '../license/index.ts';
import { faultOfSecrets } from './update.ts';

// A license file of SL Legacy against the key of its license, where there is one (T1, K4). Pure, as `verifyUpdate`. Each file says all of the
// state itself, so one that skips another is as good as the next.

/**
 * @param counterOf the update counter of the key of this id here; undefined where there is none yet.
 * @throws LicensingError as `openLegacy`; UPDATE_ALREADY_ADDED (65), UPDATE_TOO_OLD (54), INV_UPDATE_DATA (19) where terms and secrets disagree.
 */
export const verifyLegacy = (document: Uint8Array, counterOf: (key: string) => number | undefined): LegacyLicense => {
  const license = openLegacy(document);
  const { counter } = license.terms;
  const current = counterOf(license.key) ?? 0;
  if (counter === current) throw new LicensingError(Status.UPDATE_ALREADY_ADDED);
  if (counter < current) {
    throw new LicensingError(Status.UPDATE_TOO_OLD, { detail: `The license has counter ${counter}, the key is at ${current} already.` });
  }
  const fault = faultOfSecrets(license.terms, license.secrets);
  if (fault !== undefined) throw new LicensingError(Status.INV_UPDATE_DATA, { detail: fault });
  return license;
};
