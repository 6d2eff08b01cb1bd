import { HOUR, type Wall } from '../time/index.ts';
import { NO_POOL } from './denial.ts';
import type { PoolOf } from './meter.ts';
import type { Count, Usage, UsageHour } from './usage.ts';

// Reports of use (C5): who used what for how long, how full it was, and who was refused why.

export type UsageBy = 'feature' | 'product' | 'user' | 'host' | 'hour';

export type ReportedPool = { readonly pool: PoolOf; readonly usage: Usage };

export type UsageItem = {
  /** Of what: key, product and feature where it is by them, a user or host, the beginning of an hour. Absent ones are null. */
  readonly key: string | null;
  readonly product: number | null;
  readonly feature: number | null;
  readonly user: string | null;
  readonly host: string | null;
  readonly at: string | null;
  /** By feature and product: hours with a seat, each as often as seats were in use. By user and host: hours with a session. */
  readonly hours: number;
  readonly grants: number;
  readonly denials: number;
  /** By status of the catalogue; empty by user and host. */
  readonly denialsByCause: Readonly<Record<string, number>>;
  /** Of the peaks of all hours of the range, also of those without use; of a product, of its fullest feature. Null by user and host. */
  readonly peaks: { readonly max: number; readonly p50: number; readonly p90: number; readonly p95: number; readonly p99: number } | null;
};

/** The least of the values that so large a share of all values does not exceed (nearest rank); `total` counts values of 0 in. */
export const percentile = (values: readonly number[], share: number, total = values.length): number => {
  if (total === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(share * total));
  return sorted[rank - 1 - Math.max(0, total - sorted.length)] ?? 0;
};

type Group = {
  readonly head: Pick<UsageItem, 'key' | 'product' | 'feature' | 'user' | 'host' | 'at'>;
  time: number;
  grants: number;
  denials: number;
  readonly causes: Map<number, number>;
  /** By hour; undefined where peaks say nothing. */
  readonly peaks: Map<number, number> | undefined;
};

const NOTHING = { key: null, product: null, feature: null, user: null, host: null, at: null };

const rounded = (milliseconds: number): number => Math.round((milliseconds / HOUR) * 1_000) / 1_000;

/** A report that is made bit by bit, so that nobody waits for a long one. */
export const createUsageReport = (by: UsageBy, from: Wall, to: Wall): { add(pool: ReportedPool): void; items(): readonly UsageItem[] } => {
  const groups = new Map<string, Group>(); // BOUNDED by the pools, or by the names that are kept
  const groupOf = (id: string, head: Partial<Group['head']>, hasPeaks: boolean): Group => {
    const known = groups.get(id);
    if (known !== undefined) return known;
    const peaks = hasPeaks ? new Map<number, number>() : undefined;
    const made: Group = { head: { ...NOTHING, ...head }, time: 0, grants: 0, denials: 0, causes: new Map(), peaks };
    groups.set(id, made);
    return made;
  };
  const addHour = (group: Group, { hour, peak, seatTime, grants, denials }: UsageHour): void => {
    group.time += seatTime;
    group.grants += grants;
    for (const [status, times] of denials) {
      group.denials += times;
      group.causes.set(status, (group.causes.get(status) ?? 0) + times);
    }
    group.peaks?.set(hour, Math.max(group.peaks.get(hour) ?? 0, peak));
  };
  const addNames = (counts: ReadonlyMap<string, Count>, kind: 'user' | 'host'): void => {
    for (const [name, { time, grants, denials }] of counts) {
      const group = groupOf(name, { [kind]: name }, false);
      group.time += time;
      group.grants += grants;
      group.denials += denials;
    }
  };
  const [first, end] = [Math.floor(from / HOUR), Math.ceil(to / HOUR)];
  const add = ({ pool, usage }: ReportedPool): void => {
    if (by === 'user') addNames(usage.users, 'user');
    else if (by === 'host') addNames(usage.hosts, 'host');
    else {
      const { key, product, feature } = pool.key === NO_POOL.key ? NOTHING : pool;
      for (const hour of usage.hours.values()) {
        if (hour.hour < first || hour.hour >= end) continue;
        const head =
          by === 'feature'
            ? { key, product, feature }
            : by === 'product'
              ? { key, product }
              : { at: new Date(hour.hour * HOUR).toISOString() };
        addHour(groupOf(Object.values(head).join('.'), head, true), hour);
      }
    }
  };
  const hours = by === 'hour' ? 1 : Math.max(1, end - first);
  const items = (): readonly UsageItem[] =>
    [...groups.values()].map(({ head, time, grants, denials, causes, peaks }) => {
      const values = [...(peaks?.values() ?? [])];
      const at = (share: number): number => percentile(values, share, hours);
      return {
        ...head,
        hours: rounded(time),
        grants,
        denials,
        denialsByCause: Object.fromEntries([...causes].toSorted(([a], [b]) => a - b).map(([status, times]) => [String(status), times])),
        peaks: peaks === undefined ? null : { max: Math.max(0, ...values), p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99) },
      };
    });
  return { add, items };
};

export const usageReport = (pools: readonly ReportedPool[], by: UsageBy, from: Wall, to: Wall): readonly UsageItem[] => {
  const report = createUsageReport(by, from, to);
  for (const pool of pools) report.add(pool);
  return report.items();
};
