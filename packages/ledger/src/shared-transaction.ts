import type { DatabaseSync } from 'node:sqlite';
import type { Wall } from '@keyhaven/core/time';
import { Batch, type Entry } from './batch.ts';
import type { Decision, Row, RowKey } from './port.ts';
import { parseRow, scopeOf } from './row-key.ts';
import { copySum, equalBytes, type RowSeal, secretOf, tagOf, toggle } from './row-seal.ts';
import type { Root, Roots } from './shared-roots.ts';
import { StoreRefusal } from './sqlite-schema.ts';

// One immediate transaction of a shared ledger: rows are read from the file when a decision names or changes them, authenticated, kept
// for the decisions behind it, and written once at the end.

/** What is said of a scope of which a row does not authenticate. */
export const EDITED = 'a row of it was edited or added by hand';

/** Says that a scope must not be served; the store remembers it. */
export class ScopeFault extends Error {
  readonly scope: string;

  constructor(scope: string, reason: string) {
    super(reason);
    this.scope = scope;
  }
}

export type RowTable = {
  readonly seal: RowSeal;
  read(key: string): { readonly text: string; readonly tag: unknown } | undefined;
  insert(key: string, text: string, tag: Uint8Array): void;
  /** True for exactly one row of this key. */
  replace(key: string, text: string, tag: Uint8Array): boolean;
  remove(key: string): boolean;
};

export function openRowTable(database: DatabaseSync, seal: RowSeal): RowTable {
  const select = database.prepare('SELECT text, tag FROM row WHERE key = ?');
  const insert = database.prepare('INSERT INTO row (key, text, tag) VALUES (?, ?, ?)');
  const replace = database.prepare('UPDATE row SET text = ?, tag = ? WHERE key = ?');
  const remove = database.prepare('DELETE FROM row WHERE key = ?');
  return {
    seal,
    read(key) {
      const row = select.get(key);
      return row === undefined ? undefined : { text: String(row['text']), tag: row['tag'] };
    },
    insert: (key, text, tag) => void insert.run(key, text, tag),
    replace: (key, text, tag) => replace.run(text, tag, key).changes === 1,
    remove: (key) => remove.run(key).changes === 1,
  };
}

export class Transaction {
  readonly #table: RowTable;
  readonly #roots: Roots;
  readonly #batch: Batch;
  readonly #rows = new Map<RowKey, Entry>();
  /** The secret halves of the rows in the file, and undefined for keys that have none there. */
  readonly #inFile = new Map<string, Uint8Array | undefined>();
  readonly #drafts = new Map<string, Root>();
  #newId = 0;

  constructor(table: RowTable, roots: Roots, firstAudit: number) {
    this.#table = table;
    this.#roots = roots;
    this.#batch = new Batch(firstAudit);
  }

  /** The row as it is now, with what earlier decisions of this transaction changed. */
  read = (key: RowKey): Row | undefined => {
    this.load(key);
    return this.#rows.get(key)?.row;
  };

  load(key: RowKey): void {
    if (this.#inFile.has(key)) return;
    const found = this.#table.read(key);
    if (found === undefined) {
      this.#inFile.set(key, undefined);
      return;
    }
    const sealed = this.#table.seal.row(key, found.text);
    const row = equalBytes(tagOf(sealed), found.tag) ? parseRow(found.text) : undefined;
    if (row === undefined) throw new ScopeFault(scopeOf(key), EDITED);
    this.#inFile.set(key, secretOf(sealed));
    this.#rows.set(key, { id: 0, row });
  }

  /** Takes a decision in; throws, before anything of it is taken, for a fault of its scope and for what is not JSON. */
  take(decision: Decision<unknown>, at: Wall): void {
    for (const { key } of decision.changes) {
      this.load(key);
      this.#draftOf(scopeOf(key));
    }
    this.#batch.add(decision, at, this.#rows, () => --this.#newId);
  }

  #draftOf(scope: string): Root {
    const known = this.#drafts.get(scope);
    if (known !== undefined) return known;
    const root = this.#roots.read(scope);
    if (typeof root === 'string') throw new ScopeFault(scope, root);
    const draft: Root = { sum: copySum(root.sum), writes: root.writes + 1 };
    this.#drafts.set(scope, draft);
    return draft;
  }

  /** Writes rows and roots; the audit block is left to the caller. The scopes are those whose roots were written, with their writes. */
  write(): { readonly audit: ReturnType<Batch['order']>['audit']; readonly scopes: ReadonlyMap<string, number> } {
    const { inserted, replaced, deleted, audit } = this.#batch.order();
    const scopes = new Map<string, number>();
    const draftOf = (key: string): Root => {
      const scope = scopeOf(key);
      const draft = this.#draftOf(scope);
      scopes.set(scope, draft.writes);
      return draft;
    };
    for (const key of deleted.keys) {
      const { sum } = draftOf(key);
      if (!this.#table.remove(key)) throw twice(key);
      toggle(sum, this.#secretInFile(key));
      sum.count -= 1;
    }
    replaced.keys.forEach((key, index) => {
      const { sum } = draftOf(key);
      const text = replaced.texts[index] ?? '';
      const sealed = this.#table.seal.row(key, text);
      if (!this.#table.replace(key, text, tagOf(sealed))) throw twice(key);
      toggle(sum, this.#secretInFile(key));
      toggle(sum, secretOf(sealed));
    });
    inserted.keys.forEach((key, index) => {
      const { sum } = draftOf(key);
      const text = inserted.texts[index] ?? '';
      const sealed = this.#table.seal.row(key, text);
      this.#table.insert(key, text, tagOf(sealed));
      toggle(sum, secretOf(sealed));
      sum.count += 1;
    });
    for (const scope of scopes.keys()) this.#roots.write(scope, this.#draftOf(scope));
    return { audit, scopes };
  }

  #secretInFile(key: string): Uint8Array {
    const secret = this.#inFile.get(key);
    if (secret === undefined) throw new TypeError(`the row ${key} is changed and was not read`);
    return secret;
  }
}

const twice = (key: string): StoreRefusal => new StoreRefusal('corrupt', `the row ${key} stands there more than once`);
