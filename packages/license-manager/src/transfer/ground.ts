import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import type { KeyIdentity } from '@keyhaven/core/key';
import { type Delegation, type DocumentKind, unarmor } from '@keyhaven/core/license';
import { EMPTY_POOL } from '@keyhaven/core/seats';
import { type Wall, wall } from '@keyhaven/core/time';
import { NO_TRANSFERS, openRecipient, type Recipient, type TransferRow, transferRowKey } from '@keyhaven/core/transfer';
import type { Decision, RowKey, Rows } from '@keyhaven/ledger';
import type { Key, KeyLicense } from '../keystore/index.ts';
import type { TransfersOptions } from './types.ts';

// What lending, receiving and leaving all stand on: keys, the recipient in a file, the row of a key as a whole, and decisions whose pools are told.

export const refusal = ({
  status,
  detail,
  remedy,
}: {
  readonly status: StatusCode;
  readonly detail: string;
  readonly remedy?: string;
}): LicensingError => new LicensingError(status, { detail, remedy });

/** `own`: with its private keys, which what goes anywhere is signed with. */
export type Licensed = Key & { readonly license: KeyLicense; readonly own: KeyIdentity };
export type Ground = {
  /** @throws LicensingError KEYID_NOT_FOUND (18), LICENSE_REHOSTED (70), KEY_INACTIVE (66), STORAGE_CORRUPT (47) */
  keyHere(id: string): Key;
  /** @throws LicensingError likewise; REQ_NOT_SUPP (16) of hardware */
  licensedKey(id: string): Licensed;
  /** @throws LicensingError INV_ACTION (59) where its license is its own */
  lentKey(id: string): Licensed & { readonly delegation: Delegation };
  /** @throws LicensingError INV_RECIPIENT (58) */
  recipientIn(text: string): Recipient;
  stateOf(id: string): Promise<TransferRow>;
  /** @throws LicensingError DETACHED_LICENSE_FOUND (76) */
  refuseWhileOut(id: string): Promise<void>;
  /** @throws LicensingError CLONE_DETECTED (64), TIME_ERR (45): what may not be used here does not go anywhere else. */
  refuseBarred(key: Licensed, product?: number): Promise<void>;
  now(): Wall;
  /** The computer's clock as it is set, its license time, and the time that license managers have run here in all. */
  clocks(): { readonly now: Wall; readonly time: Wall; readonly counted: number };
  recount(id: string, pools: readonly RowKey[]): Promise<void>;
  /** `now`: the license time; `set`: the computer's clock as it is set. */
  decide<T>(id: string, rows: readonly RowKey[], run: (rows: Rows, now: Wall, set: Wall) => Decision<T>): Promise<T>;
};

export const createGround = ({ self, ledger, keystore, authority, clock, time, barred }: TransfersOptions): Ground => {
  const keyHere = (id: string): Key => {
    const key = keystore.get(id);
    if (key === undefined) keystore.transfers.refuseGone(id);
    if (key === undefined) throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: `No key ${id} is on this computer.` });
    if (key.damage !== undefined) throw new LicensingError(Status.STORAGE_CORRUPT, { detail: `Key ${id}: ${key.damage}.` });
    return key;
  };
  const licensedKey = (id: string) => {
    const key = keyHere(id);
    if (key.license === undefined) throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: `Key ${id} has no license yet.` });
    if (key.signer.kind === 'device')
      throw new LicensingError(Status.REQ_NOT_SUPP, {
        detail: `Key ${id} is hardware: it is lent and moved by plugging it in elsewhere.`,
      });
    return { ...key, license: key.license, own: key.signer.identity };
  };
  const lentKey = (id: string) => {
    const key = licensedKey(id);
    const { delegation } = key.license;
    if (delegation === undefined)
      throw new LicensingError(Status.INV_ACTION, {
        detail: `The license of key ${id} is its own; nothing was detached to this computer with it.`,
      });
    return { ...key, delegation };
  };
  const recipientIn = (text: string): Recipient => {
    let found: { readonly kind: DocumentKind; readonly bytes: Uint8Array };
    try {
      found = unarmor(text);
    } catch (cause) {
      throw new LicensingError(Status.INV_RECIPIENT, { detail: 'The recipient is no ID file.', cause });
    }
    if (found.kind !== 'ID') throw new LicensingError(Status.INV_RECIPIENT, { detail: `The recipient is a ${found.kind}, not an ID.` });
    const recipient = openRecipient(found.bytes);
    if (recipient.guid === self.guid) throw new LicensingError(Status.INV_RECIPIENT, { detail: 'The recipient is this computer itself.' });
    return recipient;
  };
  const stateOf = (id: string): Promise<TransferRow> =>
    ledger.update([transferRowKey(id)], (rows) => ({
      changes: [],
      audit: [],
      reply: rows.get<TransferRow>(transferRowKey(id)) ?? NO_TRANSFERS,
    }));
  const refuseWhileOut = async (id: string): Promise<void> => {
    const { out: copies } = await stateOf(id);
    if (copies > 0)
      throw new LicensingError(Status.DETACHED_LICENSE_FOUND, {
        detail: `${copies} detached ${copies === 1 ? 'copy is' : 'copies are'} out.`,
      });
  };
  const now = () => wall(Math.max(clock.wall(), authority.time()));
  const clocks = () => ({ now: clock.wall(), time: time.now(), counted: time.counted() });

  const refuseBarred: Ground['refuseBarred'] = async (key, only) => {
    for (const { id } of key.license.certificate.products) {
      const bar = only === undefined || only === id ? await barred?.(key, id) : undefined;
      if (bar !== undefined) throw refusal(bar);
    }
  };
  /** What is told of pools follows the ledger. */
  const recount = async (id: string, pools: readonly RowKey[]): Promise<void> => {
    const found = await ledger.update(pools, (view) => ({
      changes: [],
      audit: [],
      reply: pools.map((key) => ({ key, row: view.get(key) ?? EMPTY_POOL })),
    }));
    authority.decided(id, found);
  };
  /** A decision that changes pools. */
  const decide = async <T>(id: string, rows: readonly RowKey[], run: (rows: Rows, now: Wall, set: Wall) => Decision<T>): Promise<T> => {
    try {
      return await ledger.update<T>(rows, (view, at) => {
        const decision = run(view, wall(Math.max(at, authority.time())), at);
        authority.decided(id, decision.changes);
        return decision;
      });
    } catch (error) {
      const pools = rows.filter((row) => row.includes('/pool/'));
      recount(id, pools).catch(() => undefined);
      throw error;
    }
  };

  return { keyHere, licensedKey, lentKey, recipientIn, stateOf, refuseWhileOut, refuseBarred, now, clocks, recount, decide };
};
