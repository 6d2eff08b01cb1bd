import { mono, wall } from '@keyhaven/core/time';
import { createMemoryLedger, type Row, type RowKey, type SharedLedger } from '@keyhaven/ledger';
import type { Signs } from '@keyhaven/license-manager/near';
import type { Life, Timeline } from './timeline.ts';

// The store that the near LMs of a user share, simulated: each decision is an immediate transaction, durable when it is over, and takes its time before
// and after. A process that dies in between may have written without hearing of it. Signs of life lie beside it.

export type NearStore = {
  readonly rows: ReadonlyMap<RowKey, Row>;
  readonly signs: Signs;
  /** When a row that is not there went, by its name. */
  readonly removed: ReadonlyMap<RowKey, number>;
  /** Raised by every change. */
  readonly version: number;
  open(life: Life): SharedLedger;
};

export const createNearStore = (timeline: Timeline, now: () => number, latency: () => number): NearStore => {
  const inner = createMemoryLedger({ now: () => wall(Math.floor(now())) });
  const rows = new Map<RowKey, Row>();
  const signs = new Map<string, number>(); // BOUNDED by the near LMs of a user
  const others = new Map<Life, Set<() => void>>();
  const removed = new Map<RowKey, number>();
  let version = 0;

  const pause = (life: Life): Promise<void> => new Promise((done) => timeline.after(latency(), life, done));
  return {
    rows,
    removed,
    get version() {
      return version;
    },
    signs: {
      write: (id, at) => void signs.set(id, at),
      read(id) {
        const at = signs.get(id);
        return at === undefined ? undefined : mono(at);
      },
      remove: (id) => void signs.delete(id),
      all: () => [...signs.keys()],
    },
    open(life) {
      const listeners = new Set<() => void>();
      others.set(life, listeners);
      return {
        ...inner,
        async update(keys, decide) {
          await pause(life);
          let changed = false;
          const reply = await inner.update(keys, (at, when) => {
            const decision = decide(at, when);
            for (const { key, row } of decision.changes) {
              if (row === undefined) {
                rows.delete(key);
                removed.set(key, timeline.now);
              } else rows.set(key, row);
            }
            changed = decision.changes.length > 0;
            return decision;
          });
          if (changed) {
            version += 1;
            for (const [other, heard] of others)
              if (other !== life) for (const listener of heard) timeline.after(latency(), other, listener);
          }
          await pause(life);
          return reply;
        },
        onForeign(listener) {
          listeners.add(listener);
          return () => void listeners.delete(listener);
        },
        async close() {
          others.delete(life);
        },
      };
    },
  };
};
