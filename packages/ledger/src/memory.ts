import type { Wall } from '@keyhaven/core/time';
import { hashOf, type Link, NO_HASH, verdictOf, walkChain } from './audit-chain.ts';
import { AUDIT_KEPT, answered, closedError, pace, runDecision } from './decision.ts';
import type { AuditQuery, AuditRecord, AuditVerdict, Change, Decision, Ledger, Row, RowKey, Rows } from './port.ts';

// The ledger of tests and simulations: durable at once, promises resolve in call order, no thread, no timer, no randomness (I7).
// `snapshot` is what a disk would hold at that moment: dropping a ledger and opening a new one on its snapshot is a crash. Rows
// pass through JSON on that way, so a row that only lives in memory (a Map, a Buffer) is noticed here and not at a customer's.

/** The content of a ledger; plain data. */
export type LedgerSnapshot = {
  readonly rows: readonly (readonly [RowKey, string])[];
  readonly audit: readonly AuditRecord[];
};

export type MemoryLedger = Ledger & { snapshot(): LedgerSnapshot };

export type MemoryLedgerOptions = {
  readonly now: () => Wall;
  /** What the ledger begins with; nothing by default. */
  readonly initial?: LedgerSnapshot;
  /** How many audit records are kept; 1,000,000 by default. */
  readonly auditKept?: number;
};

export function createMemoryLedger({ now, initial, auditKept = AUDIT_KEPT }: MemoryLedgerOptions): MemoryLedger {
  const rows = new Map<RowKey, Row>(initial?.rows.map(([key, text]) => [key, JSON.parse(text)]));
  const log: AuditRecord[] = initial === undefined ? [] : [...initial.audit]; // BOUNDED by auditKept and an eighth of it
  let sequence = log.at(-1)?.sequence ?? 0;
  /** Of the records in `log`: nothing but this program has them, and yet the chain is that of the other adapters. */
  const hashes: string[] = [];
  let checkpoint: Link = { sequence: (log[0]?.sequence ?? 1) - 1, hash: NO_HASH };
  const textOf = ({ at, kind, scope, detail }: AuditRecord): string => JSON.stringify([at, kind, scope, detail]);
  const chain = (record: AuditRecord): void => {
    hashes.push(hashOf(hashes.at(-1) ?? checkpoint.hash, record.sequence, textOf(record)));
  };
  log.forEach(chain);
  let closed = false;

  const apply = ({ key, row }: Change): void => {
    if (row === undefined) rows.delete(key);
    else rows.set(key, row);
  };

  const prune = (): void => {
    if (log.length <= auditKept + auditKept / 8) return;
    const gone = log.length - auditKept;
    checkpoint = { sequence: log[gone - 1]?.sequence ?? 0, hash: hashes[gone - 1] ?? NO_HASH };
    log.splice(0, gone);
    hashes.splice(0, gone);
  };

  return {
    async update<T>(keys: readonly RowKey[], decide: (rows: Rows, now: Wall) => Decision<T>): Promise<T> {
      if (closed) throw closedError();
      const at = now();
      const { changes, audit, reply } = runDecision(keys, decide, (key) => rows.get(key), at);
      changes.forEach(apply);
      for (const entry of audit) {
        sequence += 1;
        const record = { ...entry, sequence, at };
        log.push(record);
        chain(record);
      }
      prune();
      return reply;
    },

    scan<R extends Row>(prefix: string): AsyncIterable<readonly [RowKey, R]> {
      return pace<R>([...rows].filter(([key]) => key.startsWith(prefix)));
    },

    async audit(query: AuditQuery = {}): Promise<readonly AuditRecord[]> {
      if (closed) throw closedError();
      const { scope, kind } = query;
      const limit = answered(query);
      const found: AuditRecord[] = [];
      const oldest = Math.max(0, log.length - auditKept);
      for (let index = log.length - 1; index >= oldest && found.length < limit; index -= 1) {
        const record = log[index];
        if (record === undefined) break;
        if (query.before !== undefined && record.sequence >= query.before) continue;
        const hash = hashes[index];
        if ((scope === undefined || record.scope === scope) && (kind === undefined || record.kind === kind))
          found.push(query.hashes === true && hash !== undefined ? { ...record, hash } : record);
      }
      return found;
    },

    async verifyAudit(): Promise<AuditVerdict> {
      if (closed) throw closedError();
      const records = log.map((record, index) => ({ sequence: record.sequence, text: textOf(record), hash: hashes[index] }));
      const walk = walkChain({ at: checkpoint, fault: undefined }, records);
      const last = { sequence, hash: hashes.at(-1) ?? checkpoint.hash };
      return verdictOf({ walk, head: { last, checkpoint, broken: 0 }, state: 'sealed', newest: sequence });
    },

    damage: () => [],

    async close(): Promise<void> {
      closed = true;
    },

    snapshot: () => ({
      rows: [...rows].map(([key, row]) => [key, JSON.stringify(row)] as const),
      audit: log.slice(-auditKept),
    }),
  };
}
