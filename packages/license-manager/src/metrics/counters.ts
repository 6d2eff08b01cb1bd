import { createHistogram } from '@keyhaven/core/metrics';
import type { Noted } from '@keyhaven/core/network';
import { releaseCauses } from '@keyhaven/core/seats';
import { denialStatuses, isDenial } from '@keyhaven/core/usage';
import type { AuditEntry } from '@keyhaven/ledger';

// What is counted as it happens. Labels of any origin are bounded: what a stranger says never makes a series.

/** BOUNDED: pools with series of their own. */
export const MAX_POOLS = 1_000;
/** BOUNDED: values of a label that are not of a fixed list. */
const MAX_VALUES = 200;

/** Seconds: from a fast disk to one that makes applications wait. */
const COMMIT_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export type Counter = {
  add(labels: Readonly<Record<string, string>>): void;
  samples(): readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
};

/** The first `limit` combinations of labels are counted each, further ones together as `other`. `known` are there from the beginning, at 0. */
const createCounter = (limit: number, known: readonly Readonly<Record<string, string>>[] = []): Counter => {
  const counts = new Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>(); // BOUNDED by limit and one
  for (const labels of known) counts.set(Object.values(labels).join('\0'), { labels, value: 0 });
  return {
    add(labels) {
      const id = Object.values(labels).join('\0');
      const known = counts.get(id);
      if (known !== undefined) known.value += 1;
      else if (counts.size < limit || id.split('\0').every((each) => each === 'other')) counts.set(id, { labels, value: 1 });
      else this.add(Object.fromEntries(Object.keys(labels).map((name) => [name, 'other'])));
    },
    samples: () => [...counts.values()],
  };
};

export type Counters = {
  readonly grants: Counter;
  readonly denials: Counter;
  readonly releases: Counter;
  readonly datagrams: Counter;
  readonly requests: Counter;
  readonly commits: ReturnType<typeof createHistogram>;
  refusedCommits: number;
  /** The disk refused the last commit. */
  isRefusing: boolean;
  decided(entry: AuditEntry): void;
  noted(noted: Noted): void;
};

export const createCounters = (): Counters => {
  const counters = {
    grants: createCounter(MAX_POOLS),
    denials: createCounter(
      MAX_VALUES,
      denialStatuses.map((status) => ({ status: String(status) })),
    ),
    releases: createCounter(
      MAX_VALUES,
      releaseCauses.map((cause) => ({ cause })),
    ),
    datagrams: createCounter(MAX_VALUES),
    requests: createCounter(MAX_VALUES),
  };
  const said = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');
  return {
    ...counters,
    commits: createHistogram(COMMIT_BOUNDS),
    refusedCommits: 0,
    isRefusing: false,
    decided(entry) {
      const { kind, scope, detail } = entry;
      if (kind === 'granted') counters.grants.add({ key: scope, product: said(detail['product']), feature: said(detail['feature']) });
      else if (isDenial(entry)) counters.denials.add({ status: said(detail['status']) });
      else if (kind === 'released') counters.releases.add({ cause: said(detail['cause']) });
    },
    noted({ event, direction, kind, result }) {
      if (event === 'datagram') counters.datagrams.add({ direction, kind });
      else if (event === 'request')
        counters.requests.add({ direction, kind, class: /^[1-5]\d\d$/.test(result) ? `${result[0]}xx` : 'failed' });
    },
  };
};
