import type { Wall } from '@keyhaven/core/time';

// The one waist to durable state. Every adapter passes `ledgerContract` (contract.ts).
//
// A ledger is a table of small JSON rows and a list of audit entries. Rules live in pure `decide` functions of core; a ledger only
// hands them the rows they ask for, writes what they answer in one transaction together with its audit entries, and says when that
// is durable. A decision may be run again (PostgreSQL, H1), so it must be pure.

/** `scope/kind/id`; the scope is a key id, or `lm` for what belongs to the license manager itself. */
export type RowKey = `${string}/${string}/${string}`;
/** A plain JSON object; never mutated once handed to or taken from a ledger. */
export type Row = object;

export type Rows = { get<R extends Row>(key: RowKey): R | undefined };
/** `row: undefined` deletes. */
export type Change = { readonly key: RowKey; readonly row: Row | undefined };

/** One line of the audit: grants, releases, refusals with their cause, administrative acts. */
export type AuditEntry = {
  readonly kind: string;
  readonly scope: string;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
};
/** `hash`: in hex, of the record and all before it (audit-chain.ts); only where it was asked for, and absent for records older than the chain. */
export type AuditRecord = AuditEntry & { readonly sequence: number; readonly at: Wall; readonly hash?: string };

/** What a walk along the chain of the audit found (audit-chain.ts). */
export type AuditVerdict = {
  /** The records that the chain covers; `to` is less than `from` where there are none. What is older was pruned, or is older than the chain. */
  readonly from: number;
  readonly to: number;
  /** Hashes in hex: of the last record, and of the one before `from`. */
  readonly head: string;
  readonly checkpoint: string;
  /** The first record that does not fit; absent = all of them do. */
  readonly fault?: { readonly sequence: number; readonly reason: string };
};

export type Decision<T> = { readonly changes: readonly Change[]; readonly audit: readonly AuditEntry[]; readonly reply: T };

/** A scope whose rows do not authenticate: edited, deleted or put back from an older time. */
export type Damage = { readonly scope: string; readonly reason: string };

/** Which audit records to answer; `limit` at most 10,000, which is also what an absent one means. `before`: only those with a lower number. */
export type AuditQuery = {
  readonly scope?: string;
  readonly kind?: string;
  readonly limit?: number;
  readonly before?: number;
  /** With their hashes. */
  readonly hashes?: boolean;
};

export type Ledger = {
  /**
   * Runs `decide` on the named rows, alone as to these rows. Resolves to its reply when its changes, its audit entries and every
   * earlier change that it could have seen are durable; with `durability: 'later'` as soon as it is decided. Rejects with
   * LicensingError DEVICE_ERR (43) when the disk refuses; then nothing of this decision remains, and the ledger stays usable.
   * `decide` may read only `keys`, and changes only rows of one scope.
   */
  update<T>(
    keys: readonly RowKey[],
    decide: (rows: Rows, now: Wall) => Decision<T>,
    options?: { readonly durability?: 'reply' | 'later' },
  ): Promise<T>;
  /** All rows whose key begins with `prefix`, as of now (also those not durable yet). For start-up and listings. */
  scan<R extends Row>(prefix: string): AsyncIterable<readonly [RowKey, R]>;
  /** The latest audit records, newest first, with all that was decided before the call. The last 1,000,000 are kept. */
  audit(query?: AuditQuery): Promise<readonly AuditRecord[]>;
  /** Walks along the chain of all audit records that are kept and were decided before the call. Takes seconds for a million; decisions go on meanwhile. */
  verifyAudit(): Promise<AuditVerdict>;
  /**
   * What start-up found damaged. Rows of a damaged scope are readable by `scan` but must not be served: an update that names or
   * changes one rejects with STORAGE_CORRUPT (47).
   */
  damage(): readonly Damage[];
  /** Resolves when all that was decided is durable and the files are closed; what is asked of the ledger afterwards is rejected. */
  close(): Promise<void>;
};
