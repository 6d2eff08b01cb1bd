import type { Damage } from './port.ts';
import { scopeOf } from './row-key.ts';
import { copySum, createRowSeal, emptySum, type ScopeSum, secretOf, tagOf, toggle } from './row-seal.ts';
import { openAuditTable } from './sqlite-audit.ts';
import { loadRows } from './sqlite-load.ts';
import type { AuditOrder, AuditPage, CommitOrder, RowColumns, StoreOptions, VerifyPage } from './sqlite-protocol.ts';
import { openDatabase } from './sqlite-schema.ts';

// The durable half of a ledger, in the worker: one transaction per order, with the roots of the scopes it touched (row-seal.ts).
// A transaction that fails leaves the store as it was before, ready for the next.

export type Store = {
  /** Reads and authenticates all rows; to be called once, before anything else. */
  load(receive: (rows: RowColumns) => void): readonly Damage[];
  /** The number of the last audit record; 0 for none. */
  lastSequence(): number;
  commit(order: CommitOrder): void;
  audit(order: AuditOrder): AuditPage;
  verify(page: VerifyPage | undefined): VerifyPage;
  close(): void;
};

export function openStore({ file, authenticationKey, auditKept }: StoreOptions): Store {
  const database = openDatabase(file);
  const seal = createRowSeal(authenticationKey);
  const audit = openAuditTable(database, auditKept, seal);
  const sums = new Map<string, ScopeSum>(); // BOUNDED by the keys of this license manager
  const recent = createRecent();
  const begin = database.prepare('BEGIN IMMEDIATE');
  const end = database.prepare('COMMIT');
  const insert = database.prepare('INSERT INTO row (id, key, text, tag) VALUES (?, ?, ?, ?)');
  const select = database.prepare('SELECT text FROM row WHERE id = ?');
  const replace = database.prepare('UPDATE row SET text = ?, tag = ? WHERE id = ?');
  const remove = database.prepare('DELETE FROM row WHERE id = ?');
  const setRoot = database.prepare('INSERT OR REPLACE INTO root (scope, count, seal) VALUES (?, ?, ?)');

  /** Sums of one transaction: they replace those of the store when it has committed. */
  const createDraft = () => {
    const draft = new Map<string, ScopeSum>();
    return {
      draft,
      sumOf(key: string): ScopeSum {
        const scope = scopeOf(key);
        const known = draft.get(scope);
        if (known !== undefined) return known;
        const before = sums.get(scope);
        const sum = before === undefined ? emptySum() : copySum(before);
        draft.set(scope, sum);
        return sum;
      },
    };
  };

  /** Takes the row as it stands in the file out of its scope's sum. */
  const takeOut = (sum: ScopeSum, id: number, key: string): void => {
    const known = recent.take(id);
    if (known !== undefined) {
      toggle(sum, known);
      return;
    }
    const text = select.get(id)?.['text'];
    if (typeof text !== 'string') throw new Error(`the row ${key} has gone from the file`);
    toggle(sum, secretOf(seal.row(key, text)));
  };

  const putIn = (sum: ScopeSum, id: number, sealed: Uint8Array): void => {
    const secret = secretOf(sealed);
    toggle(sum, secret);
    recent.put(id, secret);
  };

  const write = ({ inserted, replaced, deleted }: CommitOrder, sumOf: (key: string) => ScopeSum): void => {
    deleted.keys.forEach((key, index) => {
      const id = deleted.ids[index] ?? 0;
      const sum = sumOf(key);
      takeOut(sum, id, key);
      remove.run(id);
      sum.count -= 1;
    });
    replaced.keys.forEach((key, index) => {
      const text = replaced.texts[index] ?? '';
      const id = replaced.ids[index] ?? 0;
      const sum = sumOf(key);
      takeOut(sum, id, key);
      const sealed = seal.row(key, text);
      replace.run(text, tagOf(sealed), id);
      putIn(sum, id, sealed);
    });
    inserted.keys.forEach((key, index) => {
      const text = inserted.texts[index] ?? '';
      const sum = sumOf(key);
      const sealed = seal.row(key, text);
      const id = inserted.ids[index] ?? 0;
      insert.run(id, key, text, tagOf(sealed));
      putIn(sum, id, sealed);
      sum.count += 1;
    });
  };

  return {
    load(receive) {
      const { found, damage } = loadRows(database, seal, receive);
      for (const [scope, sum] of found) sums.set(scope, sum);
      return damage;
    },

    lastSequence: audit.last,

    commit(order) {
      const { draft, sumOf } = createDraft();
      begin.run();
      try {
        write(order, sumOf);
        for (const [scope, sum] of draft) setRoot.run(scope, sum.count, seal.root(scope, sum));
        audit.append(order.audit);
        end.run();
      } catch (error) {
        recent.clear();
        if (database.isTransaction) database.exec('ROLLBACK'); // a full disk may have rolled back already
        throw error;
      }
      for (const [scope, sum] of draft) sums.set(scope, sum);
    },

    audit: audit.page,
    verify: audit.verify,
    close: () => database.close(),
  };
}

const GENERATION = 8_192;

/**
 * The secret halves of rows written lately, by row id: a row that changes often, or goes soon after it came, need not be read and
 * sealed again. BOUNDED by two generations.
 */
function createRecent() {
  let young = new Map<number, Uint8Array>();
  let old = new Map<number, Uint8Array>();
  return {
    take(id: number): Uint8Array | undefined {
      const secret = young.get(id) ?? old.get(id);
      young.delete(id);
      old.delete(id);
      return secret;
    },
    put(id: number, secret: Uint8Array): void {
      young.set(id, secret);
      if (young.size < GENERATION) return;
      old = young;
      young = new Map();
    },
    clear(): void {
      young = new Map();
      old = new Map();
    },
  };
}
