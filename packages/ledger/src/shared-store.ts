import type { Wall } from '@keyhaven/core/time';
import type { Damage, Decision, Row, RowKey } from './port.ts';
import { isRowKey, parseRow, scopeOf } from './row-key.ts';
import { createRowSeal, equalBytes, tagOf } from './row-seal.ts';
import { openRoots } from './shared-roots.ts';
import { openSharedDatabase } from './shared-schema.ts';
import { createSumVault } from './shared-sum.ts';
import { EDITED, openRowTable, ScopeFault, Transaction } from './shared-transaction.ts';
import { openAuditTable } from './sqlite-audit.ts';
import { damagedError } from './sqlite-errors.ts';
import { loadRows } from './sqlite-load.ts';
import type { AuditOrder, AuditPage, StoreOptions, VerifyPage } from './sqlite-protocol.ts';
import { numberFrom, StoreRefusal } from './sqlite-schema.ts';

// One process's connection to a shared ledger, synchronous. Whatever is busy or refused by the disk throws SQLite's error, and then
// nothing was written and the store can be asked again. All rows are authenticated at opening, each again whenever it is read.

/** A question of the ledger's owner within a transaction; may be asked again when the transaction could not be completed. */
export type Asked = {
  readonly keys: readonly RowKey[];
  decide(read: (key: RowKey) => Row | undefined, at: Wall): Decision<unknown>;
};
/** What became of each: `fault` when it alone was refused. */
export type Outcome = { readonly fault: unknown } | undefined;

export type SharedStore = {
  transact(asked: readonly Asked[]): readonly Outcome[];
  scan(prefix: string): readonly (readonly [RowKey, Row])[];
  lastSequence(): number;
  audit(order: AuditOrder): AuditPage;
  verify(page: VerifyPage | undefined): VerifyPage;
  /** Another number after another process has committed. */
  version(): number;
  damage(): readonly Damage[];
  close(): void;
};

/** No key has a byte 0xff, so this is what begins with the prefix. */
const WITHIN = "SELECT key, text, tag FROM row WHERE key >= :prefix AND key < CAST(CAST(:prefix AS BLOB) || x'ff' AS TEXT) ORDER BY id";

export function openSharedStore({ file, authenticationKey, auditKept, now }: StoreOptions & { readonly now: () => Wall }): SharedStore {
  const seal = createRowSeal(authenticationKey);
  const { database, isInPlace } = openSharedDatabase(file, seal);
  try {
    return serve();
  } catch (error) {
    database.close();
    throw error;
  }

  function serve(): SharedStore {
    const roots = openRoots(database, seal, createSumVault(authenticationKey));
    const table = openRowTable(database, seal);
    const audit = openAuditTable(database, auditKept, seal);
    const begin = database.prepare('BEGIN IMMEDIATE');
    const commit = database.prepare('COMMIT');
    const within = database.prepare(WITHIN);
    const version = database.prepare('PRAGMA data_version');
    const damaged = new Map<string, string>(); // BOUNDED by the keys of this license manager

    /** A full disk may have rolled back already, and a broken one may refuse that, too. */
    const rollBack = (): void => {
      try {
        if (database.isTransaction) database.exec('ROLLBACK');
      } catch {
        // the error that led here is the one to tell
      }
    };

    const inTransaction = <T>(start: () => void, work: () => T): T => {
      if (database.isTransaction) database.exec('ROLLBACK'); // it could not be rolled back when it failed
      start();
      try {
        const result = work();
        commit.run();
        return result;
      } catch (error) {
        rollBack();
        throw error;
      }
    };

    const verify = (): void => {
      const { damage } = loadRows(database, seal, () => undefined);
      for (const { scope, reason } of damage) damaged.set(scope, reason);
      for (const scope of roots.scopes()) {
        const root = damaged.has(scope) ? undefined : roots.read(scope);
        if (typeof root === 'string') damaged.set(scope, root);
      }
    };

    const refuseDamaged = (key: RowKey): void => {
      const scope = scopeOf(key);
      const reason = damaged.get(scope);
      if (reason !== undefined) throw damagedError(file, scope, reason);
    };

    /** Throws for what concerns this question alone; SQLite's own errors concern all and are let through by the caller. */
    const ask = (transaction: Transaction, { keys, decide }: Asked): void => {
      for (const key of keys) {
        refuseDamaged(key);
        transaction.load(key);
      }
      const at = now();
      const decision = decide(transaction.read, at);
      for (const { key } of decision.changes) refuseDamaged(key);
      transaction.take(decision, at);
    };

    const outcomeOf = (transaction: Transaction, asked: Asked): Outcome => {
      try {
        ask(transaction, asked);
        return undefined;
      } catch (error) {
        if (isOfAll(error)) throw error;
        if (!(error instanceof ScopeFault)) return { fault: error };
        damaged.set(error.scope, error.message);
        return { fault: damagedError(file, error.scope, error.message) };
      }
    };

    inTransaction(() => database.exec('BEGIN'), verify);

    return {
      transact(asked) {
        let scopes: ReadonlyMap<string, number> = new Map();
        const outcomes = inTransaction(
          () => begin.run(),
          () => {
            if (!isInPlace()) throw new StoreRefusal('device', 'it was removed or replaced while it was in use');
            const transaction = new Transaction(table, roots, audit.last() + 1);
            const found = asked.map((one) => outcomeOf(transaction, one));
            const written = transaction.write();
            audit.append(written.audit);
            scopes = written.scopes;
            return found;
          },
        );
        for (const [scope, writes] of scopes) roots.committed(scope, writes);
        return outcomes;
      },

      scan(prefix) {
        const found: (readonly [RowKey, Row])[] = [];
        for (const stored of within.all({ prefix })) {
          const key = String(stored['key']);
          const text = String(stored['text']);
          const row = parseRow(text);
          if (row === undefined || !isRowKey(key)) continue; // a text that is not ours does not authenticate either
          if (!equalBytes(tagOf(seal.row(key, text)), stored['tag'])) damaged.set(scopeOf(key), EDITED);
          found.push([key, row]);
        }
        return found;
      },

      lastSequence: audit.last,
      audit: audit.page,
      verify: audit.verify,
      version: () => numberFrom(version.get(), 'data_version'),
      damage: () => [...damaged].map(([scope, reason]) => ({ scope, reason })),
      close: () => database.close(),
    };
  }
}

const isOfAll = (error: unknown): boolean => error instanceof StoreRefusal || (error instanceof Error && 'errcode' in error);
