import { wall } from '@keyhaven/core/time';
import {
  type AuditEntry,
  type Change,
  createMemoryLedger,
  type Ledger,
  type LedgerSnapshot,
  type Row,
  type RowKey,
} from '@keyhaven/ledger';
import { type Life, type Timeline, WORLD_BEGINS } from './timeline.ts';

// A disk that takes its time: what is decided is durable when the commit that began after it has ended, and a crash brings back what the
// last commit left. It watches the rows and the audit go by, for the checks of the world.

export type DiskWatcher = {
  /** A decision changed something. */
  onDecided(changes: readonly Change[], audit: readonly AuditEntry[]): void;
  onDurable(rows: ReadonlyMap<RowKey, Row>, audit: readonly AuditEntry[]): void;
};

export type Disk = {
  /** What was decided last, durable or not. */
  readonly rows: ReadonlyMap<RowKey, Row>;
  readonly durable: ReadonlyMap<RowKey, Row>;
  /** Ids of the sessions in `rows`. */
  readonly sessions: ReadonlySet<string>;
  /** Counts changes; the checks look again when it moved. */
  readonly version: number;
  open(life: Life, aheadMs?: () => number): Ledger;
  /** The process is gone: what is not durable never was. */
  crash(): void;
};

export const createDisk = (timeline: Timeline, latency: () => number, watcher: DiskWatcher): Disk => {
  let snapshot: LedgerSnapshot | undefined;
  let rows = new Map<RowKey, Row>();
  let durable = new Map<RowKey, Row>();
  let sessions = new Set<string>();
  let version = 0;

  return {
    get rows() {
      return rows;
    },
    get durable() {
      return durable;
    },
    get sessions() {
      return sessions;
    },
    get version() {
      return version;
    },
    open(life, aheadMs = () => 0) {
      const inner = createMemoryLedger({
        now: () => wall(WORLD_BEGINS + Math.floor(timeline.now + aheadMs())),
        ...(snapshot === undefined ? {} : { initial: snapshot }),
      });
      let waiting: (() => void)[] = [];
      let audit: AuditEntry[] = [];
      let committing = false;
      let dirty = false;

      const commit = (): void => {
        if (committing || (waiting.length === 0 && !dirty)) return;
        committing = true;
        const [served, written, content, entries] = [waiting, new Map(rows), inner.snapshot(), audit];
        waiting = [];
        audit = [];
        dirty = false;
        timeline.after(latency(), life, () => {
          snapshot = content;
          durable = written;
          committing = false;
          watcher.onDurable(durable, entries);
          for (const done of served) done();
          commit();
        });
      };

      return {
        ...inner,
        async update(keys, decide, options) {
          const reply = await inner.update(keys, (at, now) => {
            const decision = decide(at, now);
            for (const { key, row } of decision.changes) {
              if (row === undefined) rows.delete(key);
              else rows.set(key, row);
              const session = sessionOf(key);
              if (session !== undefined && row === undefined) sessions.delete(session);
              else if (session !== undefined) sessions.add(session);
            }
            audit.push(...decision.audit);
            if (decision.changes.length === 0 && decision.audit.length === 0) return decision;
            version += 1;
            dirty = true;
            watcher.onDecided(decision.changes, decision.audit);
            return decision;
          });
          if (options?.durability === 'later') {
            commit();
            return reply;
          }
          await new Promise<void>((done) => {
            waiting.push(done);
            commit();
          });
          return reply;
        },
      };
    },
    crash() {
      rows = new Map(durable);
      sessions = new Set([...rows.keys()].flatMap((key) => sessionOf(key) ?? []));
      version += 1;
    },
  };
};

const sessionOf = (key: string): string | undefined => {
  const [, kind, id] = key.split('/');
  return kind === 'session' ? id : undefined;
};
