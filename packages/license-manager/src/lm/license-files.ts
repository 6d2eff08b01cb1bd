import { LicensingError, Status } from '@keyhaven/core/errors';
import { armor, unarmor } from '@keyhaven/core/license';
import type { Authority } from '../authority/index.ts';
import type { Key } from '../keystore/index.ts';
import { createLegacies } from '../legacy/index.ts';
import type { Protection } from '../protection/index.ts';
import type { Transfers } from '../transfer/index.ts';
import type { Trials } from '../trial/index.ts';
import { createUpdates, type UpdateResult } from '../updates/index.ts';
import type { LmOptions } from './types.ts';

/** Applies a license document of whatever kind the text is. Rejects with LicensingError INV_UPDATE_OBJ where it is none, and as its kind does. */
export type ApplyLicense = (text: string) => Promise<UpdateResult>;

/** @param licensed a key has another license; `added`: it was not here before */
export const createLicenseFiles = (
  options: LmOptions,
  rooms: { readonly authority: Authority; readonly protection: Protection; readonly trials: Trials; readonly transfers: Transfers },
  licensed: (key: Key, added: boolean) => void,
): ApplyLicense => {
  const { self, hostname, keystore, clock, onEvent } = options;
  const { authority, protection, trials, transfers } = rooms;
  const updates = createUpdates({
    authority,
    keystore,
    state: async (key) => armor('C2V', await keystore.state(key, hostname, clock.wall())),
    onApplied(key, added) {
      licensed(key, added);
      onEvent({ level: 'info', event: 'license applied', key: key.identity.id, counter: key.counter });
    },
  });
  const legacies = createLegacies({
    self,
    host: options.host ?? 'admin',
    authority,
    keystore,
    marks: options.installMarks,
    observed: () => protection.observed(),
    onProblem: (error) => onEvent({ level: 'warn', event: 'the mark of a legacy license is not kept', error }),
  });

  const resultOf = (key: Key): UpdateResult => ({ key: key.identity.id, updateCounter: key.counter });
  return async (text) => {
    const { kind, bytes } = unarmor(text);
    await authority.refresh();
    switch (kind) {
      case 'V2C':
      case 'V2CP':
        return updates(kind, bytes);
      case 'H2R':
      case 'R2H':
      case 'H2H': {
        const { key, added } = await transfers.apply(kind, bytes);
        licensed(key, added);
        return resultOf(key);
      }
      case 'legacy': {
        const { key, added } = await legacies.apply(bytes);
        licensed(key, added);
        onEvent({ level: 'info', event: 'legacy license applied', key: key.identity.id, counter: key.counter });
        return resultOf(key);
      }
      case 'trial': {
        const key = await trials.apply(bytes);
        licensed(key, true);
        onEvent({ level: 'info', event: 'trial license applied', key: key.identity.id });
        return resultOf(key);
      }
      default:
        throw new LicensingError(Status.INV_UPDATE_OBJ, { detail: `The file is a ${kind}, not a license.` });
    }
  };
};
