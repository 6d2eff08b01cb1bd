import type { DatabaseSync } from 'node:sqlite';
import { wall } from '@keyhaven/core/time';
import type { AuditEntry, AuditRecord } from './port.ts';
import type { AuditBlock, AuditOrder, AuditPage } from './sqlite-protocol.ts';
import { numberFrom } from './sqlite-schema.ts';

// The audit of a ledger: one row per commit that holds all entries of that commit as a JSON array of [at, kind, scope, detail]. It grows
// at one end and is pruned at the other, and has no index, because every login would pay for it and a query is rare; a query reads page
// by page, so that commits go on between two pages.

/** Records looked at for one page: some milliseconds. */
const PAGE = 2_000;
const PRUNE_STEP = 1_000;

export type AuditTable = {
  /** The number of the last record; 0 for none. */
  last(): number;
  /** Adds a block and forgets what is older than the newest `kept` records, within the transaction of the caller. */
  append(block: AuditBlock): void;
  page(order: AuditOrder): AuditPage;
};

type Detail = Record<string, AuditEntry['detail'][string]>;

function parseDetail(value: unknown): Detail {
  const detail: Detail = {};
  for (const [name, item] of typeof value === 'object' && value !== null ? Object.entries<unknown>({ ...value }) : []) {
    if (item === null || typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean') detail[name] = item;
  }
  return detail;
}

function listFrom(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Oldest first. */
function parseBlock(first: number, text: unknown): readonly AuditRecord[] {
  return listFrom(JSON.parse(String(text))).map((entry, index): AuditRecord => {
    const [at, kind, scope, detail] = listFrom(entry);
    return { sequence: first + index, at: wall(Number(at)), kind: String(kind), scope: String(scope), detail: parseDetail(detail) };
  });
}

export function openAuditTable(database: DatabaseSync, kept: number): AuditTable {
  const insert = database.prepare('INSERT INTO audit (first, count, entries) VALUES (?, ?, ?)');
  const forget = database.prepare('DELETE FROM audit WHERE first < :oldest AND first + count <= :oldest');
  const select = database.prepare('SELECT first, entries FROM audit WHERE first < :before ORDER BY first DESC');
  const newest = database.prepare('SELECT first + count - 1 AS last FROM audit ORDER BY first DESC LIMIT 1');
  const step = Math.min(PRUNE_STEP, Math.ceil(kept / 8));
  /** All blocks from here on may be there. Too low after a transaction that failed, which costs one more look. */
  let oldest = numberFrom(database.prepare('SELECT min(first) AS first FROM audit').get(), 'first');
  const last = (): number => numberFrom(newest.get(), 'last');

  return {
    last,

    append({ first, count, entries }) {
      if (count === 0) return;
      insert.run(first, count, entries);
      const wanted = first + count - kept;
      if (wanted - oldest < step) return;
      forget.run({ oldest: wanted });
      oldest = wanted;
    },

    page({ before, limit, scope, auditKind }) {
      const end = last() - kept;
      const records: AuditRecord[] = [];
      let looked = 0;
      for (const row of select.iterate({ before })) {
        const first = numberFrom(row, 'first');
        for (const record of parseBlock(first, row['entries']).toReversed()) {
          if (record.sequence >= before || (scope !== null && record.scope !== scope)) continue;
          if (record.sequence <= end || records.length === limit) return { records, next: 0 };
          if (auditKind === null || record.kind === auditKind) records.push(record);
        }
        looked = Math.max(looked, before - first);
        if (looked >= PAGE) return { records, next: first };
      }
      return { records, next: 0 };
    },
  };
}
