import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Wall } from '@keyhaven/core/time';
import { type Key, type KeyLicense, type Pool, poolName } from '../keystore/index.ts';
import type { AuthorityCore } from './types.ts';

// The key at the end of a channel as it is at each call: licenses change, keys move away and state is damaged while channels are open.

export type ServedKey = {
  readonly id: string;
  /** @throws LicensingError KEY_NOT_FOUND (7), LICENSE_REHOSTED (70), KEY_INACTIVE (66), STORAGE_CORRUPT (47) */
  now(): Key;
  /** The license in force. @throws LicensingError likewise */
  license(): KeyLicense;
  /** A feature of a product as it is sold; undefined where it is not. @throws LicensingError likewise */
  pool(product: number, feature: number): Pool | undefined;
  /** The license time: what licenses end by. */
  time(): Wall;
  /** Whether the channel was opened under the license in force: the application checks grants against its certificate (I4). */
  isCurrent(): boolean;
};

/** To be called when the channel is opened. */
export const createServedKey = (authority: Pick<AuthorityCore, 'keystore' | 'guard' | 'clock'>, id: string): ServedKey => {
  const { keystore, guard, clock } = authority;
  const opened = keystore.get(id)?.license?.digest;
  const now = (): Key => {
    const key = keystore.get(id);
    if (key === undefined) keystore.transfers.refuseGone(id);
    if (key === undefined) throw new LicensingError(Status.KEY_NOT_FOUND, { detail: `Key ${id} is not here any more.` });
    if (key.damage !== undefined) throw new LicensingError(Status.STORAGE_CORRUPT, { detail: key.damage });
    return key;
  };
  const license = (): KeyLicense => {
    const { license: inForce } = now();
    if (inForce === undefined) throw new LicensingError(Status.KEY_NOT_FOUND);
    return inForce;
  };
  return {
    id,
    now,
    license,
    pool: (product, feature) => license().pools.get(poolName(product, feature)),
    time: () => guard?.time() ?? clock.wall(),
    isCurrent: () => keystore.get(id)?.license?.digest === opened,
  };
};
