import { readMetrics } from '@keyhaven/testkit/metrics';
import { describe, expect, it } from 'vitest';
import { boundLabels } from './bound-labels.ts';
import { type Family, openMetrics, prometheusText } from './exposition.ts';
import { createHistogram } from './histogram.ts';

const HOSTILE = 'a"b\\c\nd{}=,é \ud800';
const histogram = createHistogram([0.001, 0.1, 5]);
for (const value of [0.0001, 0.001, 0.05, 7]) histogram.add(value);
const families: readonly Family[] = [
  { name: 'a_build', type: 'info', help: 'One \\ line\nof "help".', samples: [{ labels: { version: '1' }, value: 1 }] },
  { name: 'a_things', type: 'counter', help: 'Things.', samples: [{ labels: { what: HOSTILE }, value: 3 }] },
  { name: 'a_wait_seconds', type: 'histogram', unit: 'seconds', help: 'Wait.', samples: [histogram.sample()] },
  { name: 'a_none', type: 'gauge', help: 'None.', samples: [] },
  { name: 'a_odd', type: 'gauge', help: 'Odd.', samples: [{ value: Number.NaN }] },
];

describe('metrics as text (C5)', () => {
  it('are in the Prometheus format', () => {
    const read = readMetrics(prometheusText(families), 'prometheus');
    expect([...read].map(([name, { type }]) => `${name} ${type}`)).toEqual([
      'a_build_info gauge',
      'a_things_total counter',
      'a_wait_seconds histogram',
      'a_none gauge',
      'a_odd gauge',
    ]);
    expect(read.get('a_things_total')?.series[0]).toEqual({ name: 'a_things_total', labels: { what: HOSTILE.toWellFormed() }, value: 3 });
  });

  it('are OpenMetrics', () => {
    const read = readMetrics(openMetrics(families), 'openmetrics');
    expect([...read.keys()]).toEqual(['a_build', 'a_things', 'a_wait_seconds', 'a_none', 'a_odd']);
    expect(read.get('a_wait_seconds')?.unit).toBe('seconds');
    const series = read.get('a_wait_seconds')?.series ?? [];
    expect(series.map(({ labels, value }) => [labels['le'], value])).toEqual([
      ['0.001', 2],
      ['0.1', 3],
      ['5.0', 3],
      ['+Inf', 4],
      [undefined, 7.0511],
      [undefined, 4],
    ]);
  });

  it('have no more values of a label than the bound and one', () => {
    const samples = Array.from({ length: 10 }, (_, index) => ({ labels: { key: String(index), feature: '1' }, of: index }));
    expect(boundLabels(samples, 10, (a, b) => a + b)).toEqual(samples);
    expect(boundLabels(samples, 3, (a, b) => a + b)).toEqual([
      ...samples.slice(0, 3),
      { labels: { key: 'other', feature: 'other' }, of: 42 },
    ]);
  });

  it('that are broken are found by the reader', () => {
    const text = prometheusText(families);
    for (const broken of [
      text.replace('a_things_total{', 'b_things_total{'),
      text.replace('le="0.1"', 'le="0.0001"'),
      text.replace('} 4\n', '} 5\n'),
      text.replace(' 3\n', ' three\n'),
      text.replace('# TYPE a_odd gauge', '# TYPE a_odd thing'),
      text.slice(0, -1),
      `${text}a_odd 1\n`,
    ])
      expect(() => readMetrics(broken, 'prometheus'), broken).toThrow(/./);
    expect(() => readMetrics(text, 'openmetrics')).toThrow('EOF');
  });
});
