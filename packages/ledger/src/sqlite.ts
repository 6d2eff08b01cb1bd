import type { KeyObject } from 'node:crypto';
import type { Wall } from '@keyhaven/core/time';
import { verdictOf } from './audit-chain.ts';
import { Batch, type Entry, type Waiter } from './batch.ts';
import { AUDIT_KEPT, answered, closedError, pace, runDecision } from './decision.ts';
import type { AuditQuery, AuditRecord, AuditVerdict, Decision, Ledger, Row, RowKey, Rows } from './port.ts';
import { isRowKey, parseRow, scopeOf } from './row-key.ts';
import { damagedError } from './sqlite-errors.ts';
import { prepareLedgerFile } from './sqlite-files.ts';
import type { RowColumns } from './sqlite-protocol.ts';
import { type Opened, openThread, type Thread } from './sqlite-thread.ts';

// The embedded ledger. All rows are in memory and decisions run on them at once, one after the other; a worker thread owns SQLite
// (WAL, synchronous=FULL) and commits what was decided while its last commit ran. What is decided in one turn of the event loop
// shares a commit. A decision is answered when the commit of its batch is done, and so is every earlier one.
//
// When the disk refuses a batch, that batch and all that was decided since are rejected (it may build on what was refused), the rows in
// memory go back to what is durable, and the next decision finds a ledger that works as soon as the disk does. A decision taken with
// `durability: 'later'` was answered before; if its batch is refused it is undone all the same.
//
// One owner per directory, by SQLite's lock (sqlite-schema.ts). Rows are authenticated per scope (row-seal.ts): edited, deleted, added
// and put-back rows are found at start-up. Putting back the whole file is out of reach of software without a witness elsewhere.

export type SqliteLedgerOptions = {
  /** Made if missing, kept at 0700; the ledger is `ledger.db` in it. */
  readonly directory: string;
  readonly now: () => Wall;
  /** Authenticates the rows at rest; to be bound to the machine. */
  readonly authenticationKey: KeyObject;
  /** How many audit records are kept; 1,000,000 by default. */
  readonly auditKept?: number;
};

const BATCH_SIZE = 10_000;

export async function openSqliteLedger(options: SqliteLedgerOptions): Promise<Ledger> {
  const { directory, now, authenticationKey, auditKept = AUDIT_KEPT } = options;
  const file = prepareLedgerFile(directory);
  const rows = new Map<RowKey, Entry>();
  const thread = await openThread({ file, authenticationKey, auditKept }, (columns) => takeRows(rows, columns));
  return new SqliteLedger(file, now, rows, thread);
}

function takeRows(rows: Map<RowKey, Entry>, { ids, keys, texts }: RowColumns): void {
  keys.forEach((key, index) => {
    const row = parseRow(texts[index] ?? '');
    // A text that is not ours does not authenticate either: its scope is damaged.
    if (row !== undefined && isRowKey(key)) rows.set(key, { id: ids[index] ?? 0, row });
  });
}

class SqliteLedger implements Ledger {
  readonly #file: string;
  readonly #now: () => Wall;
  readonly #rows: Map<RowKey, Entry>;
  readonly #thread: Thread & Opened;
  readonly #damaged: ReadonlyMap<string, string>;
  readonly #nextId: () => number;
  #sequence: number;
  #writing: Batch | undefined;
  /** Decided and not given to the worker yet. BOUNDED by the callers: each waits for its answer. */
  #waiting: Batch[] = [];
  #scheduled = false;
  #closing: Promise<void> | undefined;

  constructor(file: string, now: () => Wall, rows: Map<RowKey, Entry>, thread: Thread & Opened) {
    this.#file = file;
    this.#now = now;
    this.#rows = rows;
    this.#thread = thread;
    this.#damaged = new Map(thread.damage.map(({ scope, reason }) => [scope, reason]));
    this.#sequence = thread.sequence;
    let lastId = 0;
    for (const { id } of rows.values()) lastId = Math.max(lastId, id);
    this.#nextId = () => ++lastId;
  }

  update<T>(
    keys: readonly RowKey[],
    decide: (rows: Rows, now: Wall) => Decision<T>,
    options?: { readonly durability?: 'reply' | 'later' },
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) throw closedError();
      for (const key of keys) this.#refuseDamaged(key);
      const at = this.#now();
      const decision = runDecision(keys, decide, (key) => this.#rows.get(key)?.row, at);
      const [first] = decision.changes;
      if (first !== undefined) this.#refuseDamaged(first.key);
      const batch = this.#take(decision, at);
      if (batch === undefined || options?.durability === 'later') resolve(decision.reply);
      else batch.waiters.push({ resolve: () => resolve(decision.reply), reject });
    });
  }

  /** The batch whose end answers the decision; undefined when nothing is under way that it could have seen. */
  #take(decision: Decision<unknown>, at: Wall): Batch | undefined {
    if (decision.changes.length === 0 && decision.audit.length === 0) return this.#last();
    const open = this.#waiting.at(-1);
    const batch = open === undefined || open.size >= BATCH_SIZE ? new Batch(this.#sequence + 1) : open;
    batch.add(decision, at, this.#rows, this.#nextId);
    if (batch !== open) this.#waiting.push(batch);
    this.#sequence += decision.audit.length;
    this.#schedule();
    return batch;
  }

  #last(): Batch | undefined {
    return this.#waiting.at(-1) ?? this.#writing;
  }

  #refuseDamaged(key: RowKey): void {
    if (this.#damaged.size === 0) return;
    const scope = scopeOf(key);
    const reason = this.#damaged.get(scope);
    if (reason === undefined) return;
    throw damagedError(this.#file, scope, reason);
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing !== undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      void this.#write();
    });
  }

  async #write(): Promise<void> {
    const batch = this.#waiting.shift();
    if (batch === undefined) return;
    this.#writing = batch;
    try {
      await this.#thread.commit(batch.order());
    } catch (error) {
      this.#undo(batch, error);
      return;
    }
    this.#writing = undefined;
    for (const waiter of batch.waiters) waiter.resolve();
    if (this.#waiting.length > 0) this.#schedule();
  }

  #undo(refused: Batch, error: unknown): void {
    const batches = [refused, ...this.#waiting];
    this.#writing = undefined;
    this.#waiting = [];
    this.#sequence = refused.first - 1;
    for (const batch of batches.toReversed()) batch.undo(this.#rows);
    for (const batch of batches) for (const waiter of batch.waiters) waiter.reject(error);
  }

  scan<R extends Row>(prefix: string): AsyncIterable<readonly [RowKey, R]> {
    const found: (readonly [RowKey, Row])[] = [];
    for (const [key, { row }] of this.#rows) if (key.startsWith(prefix)) found.push([key, row]);
    return pace<R>(found);
  }

  async audit(query: AuditQuery = {}): Promise<readonly AuditRecord[]> {
    if (this.#closing !== undefined) throw closedError();
    await this.#settled().catch(() => undefined); // what was refused is not in the audit
    const limit = answered(query);
    const found: AuditRecord[] = [];
    let before = Math.min(query.before ?? Number.MAX_SAFE_INTEGER, this.#sequence + 1);
    while (before > 0 && found.length < limit) {
      const { scope = null, kind: auditKind = null, hashes = false } = query;
      const order = { kind: 'audit', before, limit: limit - found.length, scope, auditKind, hashes } as const;
      const { records, next } = await this.#thread.audit(order);
      found.push(...records);
      before = next;
    }
    return found;
  }

  async verifyAudit(): Promise<AuditVerdict> {
    if (this.#closing !== undefined) throw closedError();
    await this.#settled().catch(() => undefined);
    let page = await this.#thread.verify({ kind: 'verify' });
    while (!page.over) page = await this.#thread.verify({ kind: 'verify', page });
    return verdictOf(page);
  }

  /** Resolves when all that was decided is durable; rejects when it was refused. */
  #settled(): Promise<void> {
    const last = this.#last();
    if (last === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => last.waiters.push({ resolve, reject } satisfies Waiter));
  }

  damage() {
    return this.#thread.damage;
  }

  async #finish(): Promise<void> {
    try {
      await this.#settled();
    } finally {
      await this.#thread.close();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }
}
