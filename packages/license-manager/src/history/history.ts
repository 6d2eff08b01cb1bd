import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { type Clock, DAY, HOUR, MINUTE, type Wall } from '@keyhaven/core/time';
import {
  createUsageMeter,
  createUsageReport,
  decodeUsage,
  emptyUsage,
  encodeUsage,
  isDenial,
  joinUsage,
  NO_POOL,
  type PoolOf,
  type Usage,
  type UsageBy,
  type UsageItem,
  type UsageText,
} from '@keyhaven/core/usage';
import type { AuditEntry, Change, Ledger, RowKey } from '@keyhaven/ledger';

// The history of use (C5): measured from what the ledger decides, kept as one small row per pool and hour, and of days that are over as one per pool and
// day. Written once a minute and never on the way of a login: a kill -9 costs the current minute. docs/guide/monitoring.md.

/** BOUNDED: days that are kept, and characters of all rows; the oldest days go first. */
const MAX_DAYS = 400;
const MAX_CHARACTERS = 90_000_000;

export type OpenSession = { readonly pool: PoolOf; readonly user: string; readonly host: string };

export type UsageQuery = {
  readonly from: Wall;
  readonly to: Wall;
  readonly by: UsageBy;
  readonly key?: string;
  readonly product?: number;
  readonly feature?: number;
};

export type History = {
  decided(entry: AuditEntry, at: Wall): void;
  /** Users and hosts are known by days where the day is over, else by hours. */
  report(query: UsageQuery): Promise<readonly UsageItem[]>;
  /** Writes what has been measured; rejects when the disk refuses, and then it is written next time. */
  flush(): Promise<void>;
  close(): Promise<void>;
};

const idOf = ({ key, product, feature }: PoolOf): string => `${key}.${product}.${feature}`;
const hourKey = (hour: number, pool: PoolOf): RowKey => `usage/hour/${hour}.${idOf(pool)}`;
const dayKey = (day: number, pool: PoolOf): RowKey => `usage/day/${day}.${idOf(pool)}`;

type Kept = { readonly at: number; readonly pool: PoolOf };
/** The number of the hour or day, and the pool; undefined for a key that is none of ours. */
const keptOf = (rowKey: string): Kept | undefined => {
  const found = /^usage\/(?:hour|day)\/(\d+)\.([^.]+)\.(\d+)\.(\d+)$/.exec(rowKey);
  if (found === null) return undefined;
  const [, at, key = '', product, feature] = found;
  return { at: Number(at), pool: { key, product: Number(product), feature: Number(feature) } };
};

/** BOUNDED: milliseconds at a time in which nothing else is done. */
const AT_ONCE_MS = 10;

/** What to wait for between two parts of a long work, so that logins go on meanwhile. */
const pauses = (): (() => Promise<void>) => {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < AT_ONCE_MS) return;
    await setImmediate();
    since = performance.now();
  };
};

const numberIn = (detail: AuditEntry['detail'], name: string): number | undefined => {
  const value = detail[name];
  return typeof value === 'number' ? value : undefined;
};
const nameIn = (detail: AuditEntry['detail'], name: string): string => {
  const value = detail[name];
  return typeof value === 'string' ? value : '';
};

export const openHistory = async (options: {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Seats of the pool in use now. */
  readonly used: (pool: PoolOf) => number;
  readonly sessions: () => Iterable<OpenSession>;
  readonly onProblem: (error: unknown) => void;
}): Promise<History> => {
  const { ledger, clock, used } = options;
  const meter = createUsageMeter();
  /** What the disk refused, to be written next time. BOUNDED by the pools and the hours until it takes them. */
  const owed = new Map<RowKey, { readonly hour: number; readonly pool: PoolOf; readonly usage: Usage }>();

  const begun = clock.wall();
  for await (const [key, row] of ledger.scan('usage/hour/')) {
    const kept = keptOf(key);
    if (kept?.at === Math.floor(begun / HOUR)) meter.resume(kept.pool, kept.at, decodeUsage(row));
  }
  for (const { pool, user, host } of options.sessions()) meter.granted(pool, { user, host }, used(pool), begun, false);

  const write = async (): Promise<void> => {
    for (const each of meter.take(clock.wall())) owed.set(hourKey(each.hour, each.pool), each);
    // Together, so that they share a commit.
    const pause = pauses();
    const written: Promise<void>[] = [];
    for (const [key, { usage }] of owed) {
      const row: UsageText = encodeUsage(usage);
      const done = ledger.update([key], () => ({ changes: [{ key, row }], audit: [], reply: undefined }));
      const wrote = done.then(() => void owed.delete(key));
      // Looked at below, when all have been asked for.
      wrote.catch(() => undefined);
      written.push(wrote);
      await pause();
    }
    const failed = (await Promise.allSettled(written)).find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  };

  /** Makes one row of the hours of each pool and day that is over. */
  const fold = async (): Promise<void> => {
    const today = Math.floor(clock.wall() / DAY);
    const days = new Map<RowKey, { readonly pool: PoolOf; readonly keys: RowKey[] }>();
    for await (const [key] of ledger.scan('usage/hour/')) {
      const kept = keptOf(key);
      const day = kept === undefined ? today : Math.floor((kept.at * HOUR) / DAY);
      if (kept === undefined || day >= today) continue;
      const into = dayKey(day, kept.pool);
      const of = days.get(into) ?? { pool: kept.pool, keys: [] };
      of.keys.push(key);
      days.set(into, of);
    }
    for (const [into, { keys }] of days) {
      await ledger.update([into, ...keys], (rows) => {
        const usage = emptyUsage();
        for (const key of [into, ...keys]) joinUsage(usage, decodeUsage(rows.get(key) ?? {}));
        const changes: Change[] = [...keys.map((key) => ({ key, row: undefined })), { key: into, row: encodeUsage(usage) }];
        return { changes, audit: [], reply: undefined };
      });
    }
    if (days.size > 0) await forget(today);
  };

  /** The oldest days go where there are too many, or they are too large. */
  const forget = async (today: number): Promise<void> => {
    const sizes = new Map<number, { characters: number; readonly keys: RowKey[] }>();
    for await (const [key, row] of ledger.scan<Partial<UsageText>>('usage/day/')) {
      const kept = keptOf(key);
      if (kept === undefined) continue;
      const of = sizes.get(kept.at) ?? { characters: 0, keys: [] };
      of.characters += key.length + (row.hours?.length ?? 0) + (row.users?.length ?? 0) + (row.hosts?.length ?? 0);
      of.keys.push(key);
      sizes.set(kept.at, of);
    }
    let left = MAX_CHARACTERS;
    for (const [day, { characters, keys }] of [...sizes].toSorted(([a], [b]) => b - a)) {
      left -= characters;
      if (left >= 0 && day > today - MAX_DAYS) continue;
      const changes = keys.map((key) => ({ key, row: undefined }));
      await ledger.update([], () => ({ changes, audit: [], reply: undefined }));
    }
  };

  let day = -1;
  let work: Promise<void> = Promise.resolve();
  const once = async (): Promise<void> => {
    await write();
    const today = Math.floor(clock.wall() / DAY);
    if (today === day) return;
    await fold();
    day = today;
  };
  const flush = (): Promise<void> => {
    const done = work.then(once);
    work = done.catch(() => undefined);
    return done;
  };
  let cancel = (): void => undefined;
  const tick = (): void => {
    cancel = clock.after(MINUTE, () => {
      flush().catch(options.onProblem).finally(tick);
    });
  };
  tick();

  return {
    decided(entry, at) {
      const { kind, scope, detail } = entry;
      const denial = isDenial(entry) ? (numberIn(detail, 'status') ?? 0) : undefined;
      // A login for which no key was found has a vendor in place of a product.
      if (denial !== undefined && scope === 'lm' && numberIn(detail, 'vendor') !== undefined)
        return meter.refused(NO_POOL, { user: nameIn(detail, 'user'), host: nameIn(detail, 'host') }, denial, at);
      const [product, feature] = [numberIn(detail, 'product'), numberIn(detail, 'feature')];
      if (product === undefined || feature === undefined || scope === 'lm') return;
      const pool = { key: scope, product, feature };
      const who = { user: nameIn(detail, 'user'), host: nameIn(detail, 'host') };
      if (kind === 'granted') meter.granted(pool, who, used(pool), at);
      else if (kind === 'released') meter.released(pool, who, used(pool), at);
      else if (denial !== undefined) meter.refused(pool, who, denial, at);
    },

    async report({ from, to, by, key, product, feature }) {
      await flush().catch(options.onProblem);
      const isWanted = ({ pool }: Kept): boolean =>
        (key === undefined || pool.key === key) &&
        (product === undefined || pool.product === product) &&
        (feature === undefined || pool.feature === feature);
      const report = createUsageReport(by, from, to);
      const wanted = by === 'user' ? 'users' : by === 'host' ? 'hosts' : 'hours';
      const pause = pauses();
      for await (const [rowKey, row] of ledger.scan('usage/')) {
        const kept = keptOf(rowKey);
        if (kept === undefined || !isWanted(kept)) continue;
        const length = rowKey.startsWith('usage/hour/') ? HOUR : DAY;
        if ((kept.at + 1) * length <= from || kept.at * length >= to) continue;
        report.add({ pool: kept.pool, usage: decodeUsage(row, wanted) });
        await pause();
      }
      return report.items();
    },

    flush,
    async close() {
      cancel();
      await flush().catch(options.onProblem);
    },
  };
};
