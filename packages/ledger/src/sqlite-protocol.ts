import { KeyObject } from 'node:crypto';
import type { ChainHead, ChainWalk, HeadState } from './audit-chain.ts';
import type { AuditRecord, Damage } from './port.ts';

// What the owner of a ledger (sqlite.ts) and its worker (sqlite-worker.ts) say to each other. Flat arrays: they are cheap to copy.

export type StoreOptions = { readonly file: string; readonly authenticationKey: KeyObject; readonly auditKept: number };

/** The data that the owner starts the worker with. */
export function storeOptionsFrom(data: unknown): StoreOptions {
  if (typeof data === 'object' && data !== null && 'file' in data && 'authenticationKey' in data && 'auditKept' in data) {
    const { file, authenticationKey, auditKept } = data;
    if (typeof file === 'string' && authenticationKey instanceof KeyObject && typeof auditKept === 'number') {
      return { file, authenticationKey, auditKept };
    }
  }
  throw new TypeError('the worker was started with other data than StoreOptions');
}

/** Rows to write; the ids are SQLite's row ids, given out by the owner so that new rows stand together at the end of the table. */
export type RowColumns = { readonly ids: number[]; readonly keys: string[]; readonly texts: string[] };
/** Audit entries, numbered from `first` without gaps; `entries` is a JSON array of [at, kind, scope, detail], each of `lengths` characters. */
export type AuditBlock = { readonly first: number; readonly count: number; readonly entries: string; readonly lengths: readonly number[] };

export type CommitOrder = {
  readonly kind: 'commit';
  readonly inserted: RowColumns;
  readonly replaced: RowColumns;
  readonly deleted: { readonly ids: number[]; readonly keys: string[] };
  readonly audit: AuditBlock;
};

/** One page of the audit, backwards from before `before`. */
export type AuditOrder = {
  readonly kind: 'audit';
  readonly before: number;
  readonly limit: number;
  readonly scope: string | null;
  readonly auditKind: string | null;
  readonly hashes: boolean;
};

/** The next part of a walk along the chain of the audit; without a walk, the first. */
export type VerifyOrder = { readonly kind: 'verify'; readonly page?: VerifyPage };
export type VerifyPage = {
  readonly walk: ChainWalk;
  /** The end of the chain when the walk began, and the number of the last record there was. */
  readonly head: ChainHead;
  readonly state: HeadState;
  readonly newest: number;
  /** All blocks that begin up to here were looked at. */
  readonly to: number;
  readonly over: boolean;
};

export type Order = CommitOrder | AuditOrder | VerifyOrder | { readonly kind: 'close' };

export type AuditPage = { readonly records: readonly AuditRecord[]; readonly next: number };

/** Why a ledger does not open. */
export type Refusal = {
  readonly kind: 'refused';
  readonly reason: 'shared' | 'kind' | 'foreign' | 'newer' | 'corrupt' | 'device';
  readonly detail: string;
};

export type Answer =
  | { readonly kind: 'rows'; readonly rows: RowColumns }
  | { readonly kind: 'ready'; readonly sequence: number; readonly damage: readonly Damage[] }
  | Refusal
  | { readonly kind: 'committed' }
  | { readonly kind: 'failed'; readonly detail: string }
  | { readonly kind: 'audited'; readonly page: AuditPage }
  | { readonly kind: 'unaudited'; readonly detail: string }
  | { readonly kind: 'verified'; readonly page: VerifyPage };
