import { Buffer } from 'node:buffer';
import type { DatabaseSync } from 'node:sqlite';
import { wall } from '@keyhaven/core/time';
import { type ChainHead, type ChainRecord, hashOf, type Link, NO_HASH, walkChain } from './audit-chain.ts';
import { type HeadRow, openHeadTable } from './audit-head.ts';
import type { AuditEntry, AuditRecord } from './port.ts';
import type { RowSeal } from './row-seal.ts';
import type { AuditBlock, AuditOrder, AuditPage, VerifyPage } from './sqlite-protocol.ts';
import { numberFrom } from './sqlite-schema.ts';

// The audit of a ledger: one row per commit that holds all entries of that commit as a JSON array of [at, kind, scope, detail], and beside
// it the hash of each (audit-chain.ts). It grows at one end and is pruned at the other, and has no index, because every login would pay for
// it and a query is rare; a query reads page by page, so that commits go on between two pages.

/** Records looked at for one page: some milliseconds. */
const PAGE = 2_000;
const PRUNE_STEP = 1_000;

export type AuditTable = {
  /** The number of the last record; 0 for none. */
  last(): number;
  /** Adds a block and forgets what is older than the newest `kept` records, within the transaction of the caller. */
  append(block: AuditBlock): void;
  page(order: AuditOrder): AuditPage;
  /** The next part of a walk along the chain; without one, the first. */
  verify(page: VerifyPage | undefined): VerifyPage;
};

type Detail = Record<string, AuditEntry['detail'][string]>;

function parseDetail(value: unknown): Detail {
  const detail: Detail = {};
  for (const [name, item] of typeof value === 'object' && value !== null ? Object.entries<unknown>({ ...value }) : []) {
    if (item === null || typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean') detail[name] = item;
  }
  return detail;
}

/** Nothing for a text that is not ours: the walk along the chain tells it. */
function listFrom(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
function parseEntries(text: unknown): readonly unknown[] {
  try {
    return listFrom(JSON.parse(String(text)));
  } catch {
    return [];
  }
}

const BYTES = 32;

function hashAt(hashes: unknown, index: number): string | undefined {
  if (!(hashes instanceof Uint8Array) || hashes.length < (index + 1) * BYTES) return undefined;
  return Buffer.from(hashes.buffer, hashes.byteOffset + index * BYTES, BYTES).toString('hex');
}

/** Oldest first. */
function parseBlock(first: number, text: unknown, hashes: unknown): readonly AuditRecord[] {
  return parseEntries(text).map((entry, index): AuditRecord => {
    const [at, kind, scope, detail] = listFrom(entry);
    const record = { sequence: first + index, at: wall(Number(at)), kind: String(kind), scope: String(scope), detail: parseDetail(detail) };
    const hash = hashAt(hashes, index);
    return hash === undefined ? record : { ...record, hash };
  });
}

/** The hashes of the block's records, behind `before`. */
function chained({ first, entries, lengths }: AuditBlock, before: string): { readonly hashes: Buffer; readonly last: string } {
  const hashes = Buffer.alloc(lengths.length * BYTES);
  let last = before;
  let from = 1;
  lengths.forEach((length, index) => {
    last = hashOf(last, first + index, entries.slice(from, from + length));
    hashes.write(last, index * BYTES, 'hex');
    from += length + 1;
  });
  return { hashes, last };
}

export function openAuditTable(database: DatabaseSync, kept: number, seal: RowSeal): AuditTable {
  const heads = openHeadTable(database, seal);
  const insert = database.prepare('INSERT INTO audit (first, count, entries, hashes) VALUES (?, ?, ?, ?)');
  const forget = database.prepare('DELETE FROM audit WHERE first < :oldest AND first + count <= :oldest');
  const forgotten = database.prepare(
    'SELECT first, count, hashes FROM audit WHERE first < :oldest AND first + count <= :oldest ORDER BY first DESC LIMIT 1',
  );
  const select = database.prepare('SELECT first, entries, hashes FROM audit WHERE first < :before ORDER BY first DESC');
  const onwards = database.prepare('SELECT first, entries, hashes FROM audit WHERE first > :after AND first <= :to ORDER BY first');
  const newest = database.prepare('SELECT first + count - 1 AS last, hashes IS NOT NULL AS hashed FROM audit ORDER BY first DESC LIMIT 1');
  const step = Math.min(PRUNE_STEP, Math.ceil(kept / 8));
  /** All blocks from here on may be there. Too low after a transaction that failed, which costs one more look. */
  let oldest = numberFrom(database.prepare('SELECT min(first) AS first FROM audit').get(), 'first');
  /** Not less than the chain says: what was taken out at its end leaves a gap, and no number is given twice. */
  const last = (): number => {
    const { head, state } = heads.read();
    return Math.max(numberFrom(newest.get(), 'last'), state === 'sealed' ? head.last.sequence : 0);
  };

  /** The end of the chain that a block from `first` on goes on from; where it does not hold, it begins anew, and that is remembered. */
  const endBefore = (first: number, { head, state }: HeadRow): ChainHead => {
    const { last: end, checkpoint, broken } = head;
    if (state === 'sealed' && end.sequence === first - 1) return head;
    const anew: Link = { sequence: first - 1, hash: NO_HASH };
    // A ledger from before the chain.
    if (state === 'missing') return { last: anew, checkpoint: anew, broken: numberFrom(newest.get(), 'hashed') === 1 ? first : 0 };
    return { last: anew, checkpoint, broken: broken === 0 ? first : broken };
  };

  /** What a walk goes by: a ledger from before the chain, that nothing was written to since, has a chain of nothing. */
  const beginning = (row: HeadRow): Pick<VerifyPage, 'head' | 'state'> =>
    row.state === 'missing' && numberFrom(newest.get(), 'hashed') === 0 ? { head: endBefore(last() + 1, row), state: 'sealed' } : row;

  /** Forgets what is older than `wanted`; the hash of the last of it. */
  const prune = (wanted: number, checkpoint: Link): Link => {
    const block = forgotten.get({ oldest: wanted });
    forget.run({ oldest: wanted });
    oldest = wanted;
    const count = numberFrom(block, 'count');
    const sequence = numberFrom(block, 'first') + count - 1;
    if (block === undefined || sequence <= checkpoint.sequence) return checkpoint;
    return { sequence, hash: hashAt(block['hashes'], count - 1) ?? NO_HASH };
  };

  return {
    last,

    append(block) {
      const { first, count, entries } = block;
      if (count === 0) return;
      const before = endBefore(first, heads.read());
      const { hashes, last: hash } = chained(block, before.last.hash);
      insert.run(first, count, entries, hashes);
      const wanted = first + count - kept;
      const checkpoint = wanted - oldest < step ? before.checkpoint : prune(wanted, before.checkpoint);
      const broken = before.broken <= checkpoint.sequence ? 0 : before.broken;
      heads.write({ last: { sequence: first + count - 1, hash }, checkpoint, broken });
    },

    page({ before, limit, scope, auditKind, hashes }) {
      const end = last() - kept;
      const records: AuditRecord[] = [];
      let looked = 0;
      for (const row of select.iterate({ before })) {
        const first = numberFrom(row, 'first');
        for (const record of parseBlock(first, row['entries'], hashes ? row['hashes'] : null).toReversed()) {
          if (record.sequence >= before || (scope !== null && record.scope !== scope)) continue;
          if (record.sequence <= end || records.length === limit) return { records, next: 0 };
          if (auditKind === null || record.kind === auditKind) records.push(record);
        }
        looked = Math.max(looked, before - first);
        if (looked >= PAGE) return { records, next: first };
      }
      return { records, next: 0 };
    },

    verify(page) {
      const now = heads.read();
      const { head, state, to: from, newest: end } = page ?? { ...beginning(now), to: 0, newest: numberFrom(newest.get(), 'last') };
      const walked = page?.walk ?? { at: head.checkpoint, fault: undefined };
      // Pruned since the page before.
      const isPruned = now.state === 'sealed' && now.head.checkpoint.sequence > walked.at.sequence;
      const walk = isPruned ? { ...walked, at: now.head.checkpoint } : walked;
      const after = page === undefined || isPruned ? walk.at.sequence : from;
      const to = after + PAGE;
      const records: ChainRecord[] = [];
      for (const row of onwards.iterate({ after, to })) {
        const first = numberFrom(row, 'first');
        parseEntries(row['entries']).forEach((entry, index) => {
          const sequence = first + index;
          if (sequence <= head.last.sequence) records.push({ sequence, text: JSON.stringify(entry), hash: hashAt(row['hashes'], index) });
        });
      }
      const next = walkChain(walk, records);
      return { walk: next, head, state, to, newest: end, over: next.fault !== undefined || to >= head.last.sequence };
    },
  };
}
