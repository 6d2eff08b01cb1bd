import type { Catalog } from '@keyhaven/core/admin';
import { type Bounded, boundLabels, type Family, type Sample } from '@keyhaven/core/metrics';
import { isHere } from '@keyhaven/core/seats';
import { type Counters, MAX_POOLS } from './counters.ts';

// Every metric of a license manager, with what it says. docs/guide/monitoring.md has the table, which a test compares.

export type MetricSources = {
  readonly version: string;
  /** Seconds since 1970. */
  readonly startedAt: number;
  catalog(): Catalog;
  damaged(): readonly unknown[];
  sessions(): Iterable<{ readonly row: { readonly holder: string } }>;
  /** Sessions of applications here on keys of other license managers. */
  remoteSessions(): number;
  peers(): readonly { readonly state: 'connecting' | 'linked' | 'lost' }[];
  isWritable(): boolean;
  owedActs(): number;
  /** Audit entries that the disk has refused since the start. */
  lostEntries(): number;
  process(): {
    readonly cpuSeconds: number;
    readonly residentBytes: number;
    readonly heapBytes: number;
    readonly openFiles: number | undefined;
  };
};

type PoolFigures = {
  readonly limit: number | undefined;
  readonly used: number;
  readonly waiting: number;
  readonly ends: number | undefined;
};

const least = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b);
const sum = (a: number | undefined, b: number | undefined): number | undefined => (a === undefined ? b : b === undefined ? a : a + b);

const poolFigures = (catalog: Catalog): readonly Bounded<PoolFigures>[] =>
  boundLabels<PoolFigures>(
    catalog.flatMap(({ key, pools }) =>
      pools.map((pool) => ({
        labels: { key, product: String(pool.product), feature: String(pool.feature) },
        of: {
          limit: pool.limit === 'unlimited' ? undefined : pool.limit,
          used: pool.used,
          waiting: pool.waiting ?? 0,
          ends: pool.ends === undefined ? undefined : pool.ends / 1_000,
        },
      })),
    ),
    MAX_POOLS,
    (a, b) => ({ limit: sum(a.limit, b.limit), used: a.used + b.used, waiting: a.waiting + b.waiting, ends: least(a.ends, b.ends) }),
  );

const figures = (pools: readonly Bounded<PoolFigures>[], name: keyof PoolFigures): Sample[] =>
  pools.flatMap(({ labels, of }) => {
    const value = of[name];
    return value === undefined ? [] : [{ labels, value }];
  });

/** Pools of which no seat was granted yet begin at 0, as far as there is room for series of their own. */
const fromZero = (pools: readonly Bounded<PoolFigures>[], counted: readonly Sample[]): Sample[] => {
  const nameOf = ({ labels = {} }: Pick<Sample, 'labels'>): string => Object.values(labels).join('\0');
  const known = new Set(counted.map(nameOf));
  const others = pools.filter(({ labels }) => !known.has(nameOf({ labels }))).slice(0, Math.max(0, MAX_POOLS - counted.length));
  return [...counted, ...others.map(({ labels }): Sample => ({ labels, value: 0 }))];
};

const tally = (names: readonly string[], label: string, found: Iterable<string>): Sample[] => {
  const counts = new Map(names.map((name) => [name, 0]));
  for (const name of found) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, value]) => ({ labels: { [label]: name }, value }));
};

const one = (value: number): Sample[] => [{ value }];

function* holders(sources: MetricSources): Iterable<string> {
  for (const { row } of sources.sessions()) yield isHere(row.holder) ? 'local' : 'remote';
}

/** Metrics of the program itself, under the names that all programs have. */
const processFamilies = (sources: MetricSources): readonly Family[] => {
  const { cpuSeconds, residentBytes, heapBytes, openFiles } = sources.process();
  const bytes = 'bytes';
  return [
    { name: 'process_cpu_seconds', type: 'counter', unit: 'seconds', help: 'Processor time, user and system.', samples: one(cpuSeconds) },
    { name: 'process_resident_memory_bytes', type: 'gauge', unit: bytes, help: 'Memory in use.', samples: one(residentBytes) },
    {
      name: 'process_start_time_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When the license manager was started.',
      samples: one(sources.startedAt),
    },
    {
      name: 'process_open_fds',
      type: 'gauge',
      help: 'Open files and sockets, where the system tells.',
      samples: openFiles === undefined ? [] : one(openFiles),
    },
    { name: 'nodejs_heap_size_used_bytes', type: 'gauge', unit: bytes, help: 'Memory of JavaScript in use.', samples: one(heapBytes) },
  ];
};

export const metricFamilies = (sources: MetricSources, counters: Counters): readonly Family[] => {
  const pools = poolFigures(sources.catalog());
  const seats = (name: string, help: string, of: keyof PoolFigures): Family => ({
    name: `keyhaven_${name}`,
    type: 'gauge',
    help,
    samples: figures(pools, of),
  });
  return [
    { name: 'keyhaven_build', type: 'info', help: 'The version that runs.', samples: [{ labels: { version: sources.version }, value: 1 }] },
    seats('seats_limit', 'Seats of a pool that are sold; none where they are unlimited.', 'limit'),
    seats('seats_used', 'Seats of a pool in use.', 'used'),
    seats('seats_waiting', 'Applications that wait for a seat of a pool.', 'waiting'),
    {
      ...seats('license_end_timestamp_seconds', 'When the license of a pool ends; none where it does not.', 'ends'),
      unit: 'seconds',
    },
    {
      name: 'keyhaven_sessions',
      type: 'gauge',
      help: 'Sessions on keys here, by where their applications are.',
      samples: tally(['local', 'remote'], 'from', holders(sources)),
    },
    {
      name: 'keyhaven_remote_key_sessions',
      type: 'gauge',
      help: 'Sessions that applications here have on keys of other license managers.',
      samples: one(sources.remoteSessions()),
    },
    { name: 'keyhaven_keys', type: 'gauge', help: 'Protection keys here that are served.', samples: one(sources.catalog().length) },
    {
      name: 'keyhaven_keys_damaged',
      type: 'gauge',
      help: 'Protection keys here that are not served.',
      samples: one(sources.damaged().length),
    },
    {
      name: 'keyhaven_grants',
      type: 'counter',
      help: 'Logins that were granted, by pool.',
      samples: fromZero(pools, counters.grants.samples()),
    },
    {
      name: 'keyhaven_denials',
      type: 'counter',
      help: 'Logins that were refused, by status (docs/errors.md).',
      samples: counters.denials.samples(),
    },
    { name: 'keyhaven_releases', type: 'counter', help: 'Sessions that ended, by cause.', samples: counters.releases.samples() },
    {
      name: 'keyhaven_peers',
      type: 'gauge',
      help: 'Other license managers, by state.',
      samples: tally(
        ['connecting', 'linked', 'lost'],
        'state',
        sources.peers().map(({ state }) => state),
      ),
    },
    {
      name: 'keyhaven_datagrams',
      type: 'counter',
      help: 'Datagrams, by direction and kind (docs/network.md).',
      samples: counters.datagrams.samples(),
    },
    {
      name: 'keyhaven_http_requests',
      type: 'counter',
      help: 'HTTP requests, by direction, kind and class of the answer.',
      samples: counters.requests.samples(),
    },
    {
      name: 'keyhaven_ledger_commit_seconds',
      type: 'histogram',
      unit: 'seconds',
      help: 'From a decision to when it is durable on the disk.',
      samples: [counters.commits.sample()],
    },
    {
      name: 'keyhaven_ledger_refused_commits',
      type: 'counter',
      help: 'Decisions that the disk refused.',
      samples: one(counters.refusedCommits),
    },
    {
      name: 'keyhaven_ledger_writable',
      type: 'gauge',
      help: '1 where the disk took what was written last, 0 where it refused it.',
      samples: one(sources.isWritable() ? 1 : 0),
    },
    {
      name: 'keyhaven_audit_owed_acts',
      type: 'gauge',
      help: 'Administrative acts that are over and whose end the disk has not taken yet.',
      samples: one(sources.owedActs()),
    },
    {
      name: 'keyhaven_audit_lost_entries',
      type: 'counter',
      help: 'Audit entries that the disk refused, acts of administration apart; the audit has their number.',
      samples: one(sources.lostEntries()),
    },
    ...processFamilies(sources),
  ];
};
