import { readFile } from 'node:fs/promises';
import type { Catalog } from '@keyhaven/core/admin';
import { type Family, openMetrics, prometheusText } from '@keyhaven/core/metrics';
import { releaseCauses } from '@keyhaven/core/seats';
import { createMemoryLedger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createCounters, MAX_POOLS } from './counters.ts';
import { type MetricSources, metricFamilies } from './families.ts';
import { processFigures } from './process.ts';
import { watchLedger } from './watched-ledger.ts';

const pool = (feature: number, more: object = {}) => ({
  product: 1,
  productName: 'One',
  feature,
  name: 'x',
  license: { type: 'perpetual' as const },
  limit: 5,
  used: 2,
  executions: 0,
  count: 'login' as const,
  network: true,
  ...more,
});
const catalogOf = (pools: Catalog[number]['pools']): Catalog => [
  { key: '17', type: 'sl-adminmode', vendor: 7, vendorKey: '', counter: 1, pools },
];
const sources = (catalog: Catalog): MetricSources => ({
  version: '1.2.3',
  startedAt: 1_700_000_000,
  catalog: () => catalog,
  damaged: () => [],
  sessions: () => [{ row: { holder: 'local' } }, { row: { holder: 'abc' } }, { row: { holder: 'abd' } }],
  remoteSessions: () => 4,
  peers: () => [{ state: 'linked' }, { state: 'lost' }],
  isWritable: () => true,
  owedActs: () => 2,
  lostEntries: () => 3,
  process: processFigures,
});
/** A counter that begins at 0. */
const isUncounted = (line: string): boolean => /^keyhaven_(?:grants|denials|releases)_total\{.*\} 0$/.test(line);
const linesOf = (families: readonly Family[], name: string): string[] =>
  prometheusText(families)
    .split('\n')
    .filter((line) => line.startsWith(name));

describe('the metrics of a license manager (C5)', () => {
  it('say what is there and what has happened', () => {
    const counters = createCounters();
    const detail = { product: 1, feature: 42, user: 'ada', host: 'h' };
    counters.decided({ kind: 'granted', scope: '17', detail });
    counters.decided({ kind: 'granted', scope: '17', detail });
    counters.decided({ kind: 'refused', scope: '17', detail: { ...detail, status: 38 } });
    counters.decided({ kind: 'released', scope: '17', detail: { ...detail, cause: 'logout' } });
    counters.decided({ kind: 'started', scope: 'lm', detail: {} });
    const passed = { direction: 'in', peer: '192.0.2.1', port: 1, sent: 0, received: 0 } as const;
    counters.noted({ ...passed, event: 'datagram', kind: 'search', result: 'taken' });
    counters.noted({ ...passed, event: 'request', kind: 'administration', result: '404' });
    counters.noted({ ...passed, event: 'opened', kind: 'link', result: 'open' });
    counters.commits.add(0.002);
    const families = metricFamilies(
      sources(catalogOf([pool(42, { waiting: 3, ends: 1_800_000_000_000 }), pool(43, { limit: 'unlimited' })])),
      counters,
    );
    expect(linesOf(families, 'keyhaven_').filter((line) => !line.includes('_bucket') && !isUncounted(line))).toEqual([
      'keyhaven_build_info{version="1.2.3"} 1',
      'keyhaven_seats_limit{key="17",product="1",feature="42"} 5',
      'keyhaven_seats_used{key="17",product="1",feature="42"} 2',
      'keyhaven_seats_used{key="17",product="1",feature="43"} 2',
      'keyhaven_seats_waiting{key="17",product="1",feature="42"} 3',
      'keyhaven_seats_waiting{key="17",product="1",feature="43"} 0',
      'keyhaven_license_end_timestamp_seconds{key="17",product="1",feature="42"} 1800000000',
      'keyhaven_sessions{from="local"} 1',
      'keyhaven_sessions{from="remote"} 2',
      'keyhaven_remote_key_sessions 4',
      'keyhaven_keys 1',
      'keyhaven_keys_damaged 0',
      'keyhaven_grants_total{key="17",product="1",feature="42"} 2',
      'keyhaven_denials_total{status="38"} 1',
      'keyhaven_releases_total{cause="logout"} 1',
      'keyhaven_peers{state="connecting"} 0',
      'keyhaven_peers{state="linked"} 1',
      'keyhaven_peers{state="lost"} 1',
      'keyhaven_datagrams_total{direction="in",kind="search"} 1',
      'keyhaven_http_requests_total{direction="in",kind="administration",class="4xx"} 1',
      'keyhaven_ledger_commit_seconds_sum 0.002',
      'keyhaven_ledger_commit_seconds_count 1',
      'keyhaven_ledger_refused_commits_total 0',
      'keyhaven_ledger_writable 1',
      'keyhaven_audit_owed_acts 2',
      'keyhaven_audit_lost_entries_total 3',
    ]);
    expect(openMetrics(families)).not.toMatch(/ada|192\.0\.2/);
  });

  it('have counters that begin at 0, so that the first burst is an increase', () => {
    const families = metricFamilies(sources(catalogOf([pool(42), pool(43)])), createCounters());
    expect(linesOf(families, 'keyhaven_grants_total')).toEqual([
      'keyhaven_grants_total{key="17",product="1",feature="42"} 0',
      'keyhaven_grants_total{key="17",product="1",feature="43"} 0',
    ]);
    const denials = linesOf(families, 'keyhaven_denials_total');
    for (const status of [5, 7, 31, 38, 41, 64, 109]) expect(denials).toContain(`keyhaven_denials_total{status="${status}"} 0`);
    const releases = linesOf(families, 'keyhaven_releases_total');
    for (const cause of releaseCauses) expect(releases).toContain(`keyhaven_releases_total{cause="${cause}"} 0`);
  });

  it('count logins that were refused as denials, and nothing else that was', () => {
    const counters = createCounters();
    const said = (kind: string, detail: Readonly<Record<string, string | number | null>>): void =>
      counters.decided({ kind, scope: 'lm', detail });
    said('refused', { vendor: 7, feature: 42, status: 31 });
    said('refused', { address: '192.0.2.1', status: 5, rule: 'deny=*' });
    said('attempt refused', { product: 1, feature: 42, status: 38 });
    said('consume refused', { product: 1, feature: 42, status: 41 });
    const denials = linesOf(metricFamilies(sources([]), counters), 'keyhaven_denials_total');
    expect(denials.filter((line) => !line.endsWith(' 0'))).toEqual(['keyhaven_denials_total{status="31"} 1']);
  });

  it('are bounded, however many pools and words there are', () => {
    const many = Array.from({ length: MAX_POOLS + 500 }, (_, index) => pool(index + 1));
    const counters = createCounters();
    for (let index = 0; index < MAX_POOLS + 500; index += 1) {
      counters.decided({ kind: 'granted', scope: '17', detail: { product: 1, feature: index } });
      counters.decided({ kind: 'released', scope: '17', detail: { cause: `cause ${index}` } });
    }
    const families = metricFamilies(sources(catalogOf(many)), counters);
    const used = linesOf(families, 'keyhaven_seats_used');
    expect(used).toHaveLength(MAX_POOLS + 1);
    expect(used.at(-1)).toBe('keyhaven_seats_used{key="other",product="other",feature="other"} 1000');
    expect(linesOf(families, 'keyhaven_grants_total').at(-1)).toBe(
      'keyhaven_grants_total{key="other",product="other",feature="other"} 500',
    );
    expect(linesOf(families, 'keyhaven_releases_total').length).toBeLessThanOrEqual(201);
  });

  it('are all in docs/guide/monitoring.md with their type, labels and meaning', async () => {
    const counters = createCounters();
    counters.decided({ kind: 'granted', scope: '17', detail: { product: 1, feature: 42 } });
    counters.decided({ kind: 'refused', scope: '17', detail: { status: 38 } });
    counters.decided({ kind: 'released', scope: '17', detail: { cause: 'logout' } });
    counters.noted({ event: 'datagram', direction: 'in', kind: 'search', peer: '', port: 1, sent: 0, received: 0, result: '' });
    counters.noted({ event: 'request', direction: 'in', kind: 'hello', peer: '', port: 1, sent: 0, received: 0, result: '200' });
    const families = metricFamilies(sources(catalogOf([pool(42, { ends: 1 })])), counters);
    const suffix = { counter: '_total', info: '_info', gauge: '', histogram: '' };
    const rows = families.map((family) => {
      const labels = Object.keys(family.samples[0]?.labels ?? {}).map((name) => `\`${name}\``);
      return `| \`${family.name}${suffix[family.type]}\` | ${family.type} | ${labels.join(', ') || '-'} | ${family.help} |`;
    });
    const guide = await readFile(new URL('../../../../docs/guide/monitoring.md', import.meta.url), 'utf8');
    expect(guide.split('\n').filter((line) => /^\| `(?:keyhaven|process|nodejs)_/.test(line))).toEqual(rows);
  });
});

describe('a ledger that is watched', () => {
  it('tells what it decided and how long that took, once it is so, and what the disk refused', async () => {
    const clock = createSimulatedClock();
    const told: string[] = [];
    const inner = createMemoryLedger({ now: () => clock.wall() });
    let full = false;
    const ledger = watchLedger(
      {
        ...inner,
        async update(keys, decide, options) {
          const reply = await inner.update(keys, decide, options);
          clock.advance(5);
          if (full) throw new Error('full');
          return reply;
        },
      },
      clock,
      {
        decided: (entries) => void told.push(entries.map(({ kind }) => kind).join()),
        committed: (milliseconds) => void told.push(`${milliseconds} ms`),
        refused: () => void told.push('refused'),
      },
    );
    const entry = { kind: 'granted', scope: '1', detail: {} };
    await ledger.update([], () => ({ changes: [], audit: [entry], reply: 1 }));
    await ledger.update(['a/b/c'], () => ({ changes: [{ key: 'a/b/c', row: {} }], audit: [], reply: 1 }), { durability: 'later' });
    await ledger.update(['a/b/c'], (rows) => ({ changes: [], audit: [], reply: rows.get('a/b/c') }));
    const wrong = ledger.update([], () => {
      throw new RangeError('no');
    });
    await expect(wrong).rejects.toThrow(RangeError);
    full = true;
    await expect(ledger.update([], () => ({ changes: [], audit: [entry], reply: 1 }))).rejects.toThrow('full');
    expect(told).toEqual(['5 ms', 'granted', 'refused']);
    expect(await ledger.verifyAudit()).toMatchObject({ from: 1, to: 2 });
    await ledger.close();
  });
});
