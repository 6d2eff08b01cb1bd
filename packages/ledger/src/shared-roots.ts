import type { DatabaseSync } from 'node:sqlite';
import { emptySum, equalBytes, type RowSeal, type ScopeSum } from './row-seal.ts';
import type { SumVault } from './shared-sum.ts';

// The roots of a shared ledger: read and authenticated within the transaction that changes them, because any process may have changed
// them since. A process that has seen a root remembers how many writes it had, so that an older one put in its place is found at once.

export type Root = { readonly sum: ScopeSum; readonly writes: number };

export type Roots = {
  /** Reads the root of a scope; an empty one where there is none yet; a text that says what is wrong with it. */
  read(scope: string): Root | string;
  write(scope: string, root: Root): void;
  /** After the commit of what was written. */
  committed(scope: string, writes: number): void;
  scopes(): readonly string[];
};

export function openRoots(database: DatabaseSync, seal: RowSeal, vault: SumVault): Roots {
  const select = database.prepare('SELECT count, seal, writes, sum FROM root WHERE scope = ?');
  const replace = database.prepare('INSERT OR REPLACE INTO root (scope, count, seal, writes, sum) VALUES (?, ?, ?, ?, ?)');
  const names = database.prepare('SELECT scope FROM root');
  const seen = new Map<string, number>(); // BOUNDED by the keys of this license manager

  return {
    read(scope) {
      const known = seen.get(scope) ?? 0;
      const row = select.get(scope);
      if (row === undefined) return known === 0 ? { sum: emptySum(), writes: 0 } : 'its root is missing';
      const { count, writes, sum: sealed } = row;
      const sum =
        typeof count === 'number' && typeof writes === 'number' && sealed instanceof Uint8Array
          ? vault.unlock(scope, { count, writes, sealed })
          : undefined;
      if (sum === undefined || !equalBytes(seal.root(scope, sum), row['seal'])) return 'its root was edited';
      if (Number(writes) < known) return 'its root was put back from an older time';
      seen.set(scope, Number(writes));
      return { sum, writes: Number(writes) };
    },

    write(scope, { sum, writes }) {
      replace.run(scope, sum.count, seal.root(scope, sum), writes, vault.lock(scope, sum, writes));
    },

    committed(scope, writes) {
      seen.set(scope, writes);
    },

    scopes: () => names.all().map((row) => String(row['scope'])),
  };
}
