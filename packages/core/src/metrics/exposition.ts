// Metrics as text (C5): the Prometheus text format 0.0.4 and OpenMetrics 1.0.0. Families are written one after the other, samples of a family
// together, names and labels are the program's own, label values of any origin are escaped.

export type Labels = Readonly<Record<string, string>>;
export type Sample = { readonly labels?: Labels; readonly value: number };
export type HistogramSample = {
  readonly labels?: Labels;
  /** Upper bounds, ascending, without infinity; how many were at most each; how many there were at all. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
  readonly count: number;
  readonly sum: number;
};
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'info';

/** `name` without the suffixes that formats add (`_total`, `_info`, `_bucket`). */
export type Family = { readonly name: string; readonly help: string; readonly unit?: string } & (
  | { readonly type: 'counter' | 'gauge' | 'info'; readonly samples: readonly Sample[] }
  | { readonly type: 'histogram'; readonly samples: readonly HistogramSample[] }
);

const escapedValue = (text: string): string => text.toWellFormed().replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
const escapedHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

const labelled = (labels: Labels = {}): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapedValue(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
};

const number = (value: number): string =>
  Number.isNaN(value) ? 'NaN' : value === Number.POSITIVE_INFINITY ? '+Inf' : value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
/** As OpenMetrics wants it: with a point. */
const bound = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));

const histogramLines = (name: string, { labels = {}, buckets, count, sum }: HistogramSample): string[] => [
  ...buckets.map(({ le, count: of }) => `${name}_bucket${labelled({ ...labels, le: bound(le) })} ${of}`),
  `${name}_bucket${labelled({ ...labels, le: '+Inf' })} ${count}`,
  `${name}_sum${labelled(labels)} ${number(sum)}`,
  `${name}_count${labelled(labels)} ${count}`,
];

const suffixOf = ({ type }: Family): string => (type === 'counter' ? '_total' : type === 'info' ? '_info' : '');

const sampleLines = (family: Family): string[] =>
  family.type === 'histogram'
    ? family.samples.flatMap((sample) => histogramLines(family.name, sample))
    : family.samples.map(({ labels, value }) => `${family.name}${suffixOf(family)}${labelled(labels)} ${number(value)}`);

/** text/plain; version=0.0.4 */
export const prometheusText = (families: readonly Family[]): string =>
  families
    .flatMap((family) => {
      const name = `${family.name}${suffixOf(family)}`;
      const type = family.type === 'info' ? 'gauge' : family.type;
      return [`# HELP ${name} ${escapedHelp(family.help)}`, `# TYPE ${name} ${type}`, ...sampleLines(family), ''];
    })
    .filter((line) => line !== '')
    .concat('')
    .join('\n');

/** application/openmetrics-text; version=1.0.0 */
export const openMetrics = (families: readonly Family[]): string =>
  families
    .flatMap((family) => [
      `# TYPE ${family.name} ${family.type}`,
      ...(family.unit === undefined ? [] : [`# UNIT ${family.name} ${family.unit}`]),
      `# HELP ${family.name} ${escapedHelp(family.help).replaceAll('"', '\\"')}`,
      ...sampleLines(family),
    ])
    .concat('# EOF', '')
    .join('\n');
