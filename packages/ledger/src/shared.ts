import type { KeyObject } from 'node:crypto';
import { hrtime } from 'node:process';
import { setImmediate, setTimeout } from 'node:timers';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Wall } from '@keyhaven/core/time';
import { verdictOf } from './audit-chain.ts';
import { AUDIT_KEPT, answered, closedError, pace, runDecision } from './decision.ts';
import type { AuditQuery, AuditRecord, AuditVerdict, Damage, Decision, Ledger, Row, RowKey, Rows } from './port.ts';
import { heldError, isBusy, storeError } from './shared-errors.ts';
import { createForeignWatch, type ForeignWatch } from './shared-foreign.ts';
import { type Asked, openSharedStore, type SharedStore } from './shared-store.ts';
import { createTurns, type Turns } from './shared-turns.ts';
import { prepareLedgerDirectory } from './sqlite-files.ts';

// The ledger of several processes that share one directory (docs/decisions/0013-three-hosts.md). What is asked in one turn of the event
// loop is decided in one immediate transaction on rows read from the file, so each decision sees what every process did before it, and
// is answered when that has committed (WAL, synchronous=FULL). SQLite runs in the calling thread; a busy file is tried again by timers.
//
// A decision of `durability: 'later'` is answered with the others: it can be taken only within the transaction, which does not
// give the thread back before it has committed. So it, too, is rejected when the disk refuses.

export type SharedLedgerOptions = {
  /** Made if missing, kept at 0700; the ledger is `ledger.db` in it. On a disk of this computer. */
  readonly directory: string;
  readonly now: () => Wall;
  /** Authenticates the rows at rest and keeps their sums secret; the same in every process; to be bound to the machine. */
  readonly authenticationKey: KeyObject;
  /** How many audit records are kept; 1,000,000 by default. */
  readonly auditKept?: number;
  /** Milliseconds before a file that others hold is given up; 5,000 by default. */
  readonly patience?: number;
  /** The same while it is opened; `patience` by default. */
  readonly openingPatience?: number;
};

export type SharedLedger = Ledger & {
  /**
   * Calls `listener` after another process has committed: looked for every 250 ms, and only while somebody listens. Returns what ends
   * it. Does not keep the process alive.
   */
  onForeign(listener: () => void): () => void;
};

/** Counts forward; the global `performance` takes longer to load than a ledger to open. */
const milliseconds = (): number => Number(hrtime.bigint() / 1_000n) / 1_000;

const PATIENCE_MS = 5_000;
/** Decisions in one transaction at most: it blocks the thread and the other processes. */
const MOST = 1_000;

/**
 * Rejects with DEVICE_ERR (43) when the file cannot be read and written, or others hold it for `openingPatience`; SHARING_VIOLATION (84) when it
 * belongs to an Admin LM; STORAGE_CORRUPT (47) when it is not a ledger, a symbolic link, or of a newer version.
 */
export async function openSharedLedger(options: SharedLedgerOptions): Promise<SharedLedger> {
  const { directory, now, authenticationKey, auditKept = AUDIT_KEPT, patience = PATIENCE_MS } = options;
  const { openingPatience = patience } = options;
  const turns = createTurns(Math.random);
  const began = milliseconds();
  for (;;) {
    const file = prepareLedgerDirectory(directory);
    try {
      const store = openSharedStore({ file, authenticationKey, auditKept, now });
      return new SharedFile(file, store, turns, patience);
    } catch (error) {
      if (!isBusy(error)) throw storeError(file, error);
      const waited = milliseconds() - began;
      if (waited >= openingPatience) throw heldError(file, openingPatience, error);
      await sleep(turns.nap(waited));
    }
  }
}

type Job = { readonly since: number; readonly reject: (error: unknown) => void } & (
  | ({ readonly kind: 'update'; readonly resolve: () => void } & Asked)
  | { readonly kind: 'look'; readonly look: () => void }
);
type Update = Extract<Job, { kind: 'update' }>;

class SharedFile implements SharedLedger {
  readonly #file: string;
  readonly #store: SharedStore;
  readonly #turns: Turns;
  readonly #patience: number;
  readonly #watch: ForeignWatch;
  /** In the order they were asked. BOUNDED by the callers: each waits for its answer. */
  #jobs: Job[] = [];
  #scheduled = false;
  #closing: Promise<void> | undefined;

  constructor(file: string, store: SharedStore, turns: Turns, patience: number) {
    this.#file = file;
    this.#store = store;
    this.#turns = turns;
    this.#patience = patience;
    this.#watch = createForeignWatch(() => store.version());
  }

  update<T>(keys: readonly RowKey[], decide: (rows: Rows, now: Wall) => Decision<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) throw closedError();
      let decision: Decision<T> | undefined;
      this.#add({
        kind: 'update',
        since: milliseconds(),
        keys,
        decide: (read, at) => {
          decision = runDecision(keys, decide, read, at);
          return decision;
        },
        resolve: () => {
          if (decision !== undefined) resolve(decision.reply);
        },
        reject,
      });
    });
  }

  #look<T>(look: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#add({ kind: 'look', since: milliseconds(), look: () => resolve(look()), reject });
    });
  }

  #add(job: Job): void {
    this.#jobs.push(job);
    if (this.#scheduled) return;
    this.#scheduled = true;
    const pause = this.#turns.pause(milliseconds());
    if (pause === 0) setImmediate(this.#work);
    else setTimeout(this.#work, pause);
  }

  readonly #work = (): void => {
    this.#scheduled = false;
    while (this.#jobs.length > 0) {
      const [first] = this.#jobs;
      try {
        if (first?.kind === 'look') {
          first.look();
          this.#jobs.shift();
        } else this.#decide();
      } catch (error) {
        if (isBusy(error)) {
          this.#wait(error);
          return;
        }
        const refused = storeError(this.#file, error);
        for (const job of this.#jobs.splice(0, Math.max(1, this.#updates().length))) job.reject(refused);
      }
    }
  };

  /** The updates before the first look, which sees them and none behind it. */
  #updates(): readonly Update[] {
    const end = this.#jobs.findIndex(({ kind }) => kind === 'look');
    return this.#jobs.slice(0, Math.min(end === -1 ? MOST : end, MOST)).filter((job) => job.kind === 'update');
  }

  #decide(): void {
    const updates = this.#updates();
    const outcomes = this.#store.transact(updates);
    this.#turns.ended(milliseconds());
    this.#jobs.splice(0, updates.length);
    updates.forEach((update, index) => {
      const outcome = outcomes[index];
      if (outcome === undefined) update.resolve();
      else update.reject(outcome.fault);
    });
  }

  /** Gives up what has waited for too long, and tries the rest again soon. */
  #wait(cause: unknown): void {
    const now = milliseconds();
    const late = this.#jobs.findIndex(({ since }) => now - since < this.#patience);
    for (const job of this.#jobs.splice(0, late === -1 ? this.#jobs.length : late)) {
      job.reject(heldError(this.#file, this.#patience, cause));
    }
    const [first] = this.#jobs;
    if (first === undefined) return;
    this.#scheduled = true;
    setTimeout(this.#work, this.#turns.nap(now - first.since));
  }

  scan<R extends Row>(prefix: string): AsyncIterable<readonly [RowKey, R]> {
    const found = this.#closing === undefined ? this.#look(() => this.#store.scan(prefix)) : Promise.reject(closedError());
    found.catch(() => undefined); // whoever reads it is told
    return (async function* () {
      yield* pace<R>(await found);
    })();
  }

  async audit(query: AuditQuery = {}): Promise<readonly AuditRecord[]> {
    if (this.#closing !== undefined) throw closedError();
    const limit = answered(query);
    const found: AuditRecord[] = [];
    const end = await this.#look(() => this.#store.lastSequence());
    let before = Math.min(query.before ?? Number.MAX_SAFE_INTEGER, end + 1);
    while (before > 0 && found.length < limit) {
      const { scope = null, kind: auditKind = null, hashes = false } = query;
      const order = { kind: 'audit', before, limit: limit - found.length, scope, auditKind, hashes } as const;
      const { records, next } = await this.#look(() => this.#store.audit(order));
      found.push(...records);
      before = next;
      await turn();
    }
    return found;
  }

  async verifyAudit(): Promise<AuditVerdict> {
    if (this.#closing !== undefined) throw closedError();
    let page = await this.#look(() => this.#store.verify(undefined));
    while (!page.over) {
      await turn();
      const before = page;
      page = await this.#look(() => this.#store.verify(before));
    }
    return verdictOf(page);
  }

  damage(): readonly Damage[] {
    return this.#store.damage();
  }

  onForeign(listener: () => void): () => void {
    return this.#watch.add(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    this.#watch.close();
    await this.#look(() => undefined); // behind all that was asked
    this.#store.close();
  }
}
