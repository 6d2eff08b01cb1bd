import type { KeyType } from '@keyhaven/core/license';
import type { Wall } from '@keyhaven/core/time';
import type { Arrival, GoneRow, Lent, RecipientKey } from '@keyhaven/core/transfer';
import type { Change } from '@keyhaven/ledger';
import type { Key } from './key.ts';
import type { RecipientRow } from './rows.ts';

// What keystore/transfers.ts promises.

export type KeyTransfers = {
  loadRecipient(id: string, row: RecipientRow): void;
  loadGone(id: string, row: GoneRow): void;
  /** A fresh key that waits for what is lent or moved to it; none that is `spoken` for. */
  fresh(type: KeyType, now: Wall, spoken?: (id: string) => boolean): Promise<RecipientKey>;
  /** The key by which something comes here: one that waits, or one that has a lent license already. */
  recipient(id: string): RecipientKey | undefined;
  gone(id: string): GoneRow | undefined;
  /** Vendors whose keys moved away from here. */
  moved(): readonly { readonly key: string; readonly vendor: number }[];
  /** @throws LicensingError LICENSE_REHOSTED (70), KEY_INACTIVE (66) where the key was here and is gone. */
  refuseGone(id: string): void;
  /** `also`: written in the same decision. @throws LicensingError as `faultOfReceiving` */
  receive(lent: Lent, time: () => Wall, also?: readonly Change[]): Promise<Key>;
  /** Memory files of a key here that could be written once, and were. */
  writtenOnce(id: string): Promise<ReadonlySet<number>>;
  /** The seeds of a key here. */
  seeds(id: string): Promise<Buffer>;
  /** @throws LicensingError DETACHED_LICENSE_FOUND (76), LICENSE_REHOSTED (70) */
  leave(id: string, gone: GoneRow, also?: readonly Change[]): Promise<GoneRow>;
  /** A key that waits gets nothing any more. */
  discard(id: string, also: readonly Change[]): Promise<void>;
  /** The key is not here any more; its rows are gone already. */
  forget(id: string): void;
  /** @throws LicensingError UPDATE_ALREADY_ADDED (65), REHOST_ALREADY_APPLIED (71) */
  arrive(arrival: Arrival): Promise<Key>;
};
