import type { Entropy } from '@keyhaven/core/crypto';
import type { StatusCode } from '@keyhaven/core/errors';
import type { KeyType } from '@keyhaven/core/license';
import type { FileQuestion, LmIdentity } from '@keyhaven/core/link';
import type { PoolId } from '@keyhaven/core/seats';
import type { Clock } from '@keyhaven/core/time';
import type { DetachRow, DetachRule } from '@keyhaven/core/transfer';
import type { Transfer } from '@keyhaven/core/wire';
import type { Ledger } from '@keyhaven/ledger';
import type { Authority } from '../authority/index.ts';
import type { Source } from '../candidates.ts';
import type { Key, Keystore } from '../keystore/index.ts';
import type { FileAsker } from '../peers/index.ts';
import type { LicenseTime } from '../protection/index.ts';
import type { OnlineRows } from './online-rows.ts';

export type TransferSettings = {
  /** undefined: administrators may detach, applications may not; false: nobody; true: both. */
  readonly enabled: boolean | undefined;
  readonly maxDays: number;
  /** Seats of each feature that stay for logins here (DetachTerms); absent = none. */
  readonly reservedSeats?: number;
  readonly reservedPercent?: number;
  /** What holds for single products instead; absent = nothing. */
  readonly products?: readonly DetachRule[];
  /** Days after its end when a license that was lent to this computer is deleted; absent or 0 = never. */
  readonly expiredDays?: number;
};

export type DetachWish = {
  readonly key: string;
  readonly product: number;
  /** Text of the ID. */
  readonly recipient: string;
  /** undefined = a day. */
  readonly seconds?: number | undefined;
  /** Seats to serve over a network there; undefined = one, for the recipient alone. */
  readonly seats?: number | undefined;
  readonly by: 'administrator' | 'application' | 'license manager';
  /** Where another LM asks over a link: who has proven itself there. What the ID calls itself does not count then. */
  readonly from?: { readonly guid: string; readonly host: string; readonly address: string };
  /** Who asks, where that is known. */
  readonly user?: string | undefined;
};

/** A copy that is out. */
export type DetachedCopy = Omit<DetachRow, 'reserved' | 'from' | 'until' | 'freeAt' | 'realAtZero'> & {
  readonly key: string;
  readonly recipient: string;
  readonly from: string;
  readonly until: string;
  /** The earliest moment at which its seats are free here again without a return. */
  readonly freeAt: string;
};
export type AppliedTransfer = { readonly key: Key; readonly added: boolean };

export type Transfers = {
  /** Text of an ID: of a fresh key of this computer, or of one that has a lent license and is to have it longer. */
  recipient(of: { readonly type: KeyType } | { readonly key: string }): Promise<string>;
  /** Text of an H2R. */
  detach(wish: DetachWish): Promise<string>;
  /** Text of an R2H. */
  giveBack(key: string): Promise<string>;
  /** Text of an H2H. */
  rehost(key: string, recipient: string): Promise<string>;
  /** What an application asks for; text of the file. */
  forApplication(wish: Transfer, sources: readonly Source[], user?: string): Promise<string>;
  apply(kind: 'H2R' | 'R2H' | 'H2H', document: Uint8Array): Promise<AppliedTransfer>;
  detached(): readonly DetachedCopy[];
  /** Seats of a product of a key here that may be detached now; null = any number, undefined = it cannot be detached at all. */
  available(key: string, product: number): number | null | undefined;
  /** The same of what is lent over the network; undefined where nothing is. */
  offered(key: string, product: number): number | null | undefined;
  /** Lends to another LM that asks over a link; the document of an H2R. */
  lend(from: FileAsker, wish: LinkDetachWish, id: Uint8Array): Promise<Uint8Array>;
  /** @throws LicensingError ACCESS_DENIED (5) where this is not lent over the network */
  mayLend(of: { readonly key: string; readonly product: number }): void;
  /** Takes back what that LM was lent. */
  takeBackFrom(from: FileAsker, returned: Uint8Array): Promise<AppliedTransfer>;
  close(): void;
};

export type LinkDetachWish = Extract<FileQuestion['wish'], { readonly what: 'detach' }>;

/** Somebody who is lent to; `address` where it is known. */
export type LentTo = {
  readonly user: string | undefined;
  /** An administrator of the owner's computer detaches. */
  readonly administrator?: boolean;
  readonly host: string;
  readonly guid: string;
  readonly address?: string;
};

export type TransfersOptions = {
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly ledger: Ledger;
  readonly keystore: Keystore;
  readonly authority: Authority;
  readonly clock: Clock;
  /** The license clock (K6), by which detached licenses end. */
  readonly time: Pick<LicenseTime, 'now' | 'counted' | 'store'>;
  readonly entropy: Entropy;
  readonly settings: TransferSettings;
  readonly virtualMachine: () => Promise<boolean>;
  /** What is against any use of a product of a key here: a clone, a clock set back (K6, K9); absent = nothing. */
  readonly barred?: (key: Key, product: number) => Promise<{ readonly status: StatusCode; readonly detail: string } | undefined>;
  /** Seats that rules keep from somebody, of a pool that he would be lent of; absent = none (R9). */
  readonly keptFrom?: (to: LentTo, of: PoolId, vendor: number) => number;
  /** What rules say against lending these features of a product to somebody; absent = nothing (R9). */
  readonly against?: (
    to: LentTo,
    of: { readonly vendor: number; readonly key: string; readonly product: number },
    features: readonly number[],
  ) => { readonly status: StatusCode; readonly detail: string } | undefined;
  /** What goes over the network has its row in the same decision as the key; absent = nothing does. */
  readonly online?: Pick<OnlineRows, 'receiving' | 'leaving' | 'isAsked' | 'forget'>;
  /** A key went away. */
  readonly onGone: (key: string) => void;
  readonly onEvent: (event: { readonly level: 'info' | 'warn'; readonly event: string; readonly [detail: string]: unknown }) => void;
};

export const DEFAULT_TRANSFER_SETTINGS: TransferSettings = { enabled: undefined, maxDays: 14 };
