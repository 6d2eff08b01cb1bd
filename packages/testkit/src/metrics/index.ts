// A strict reader of the Prometheus text format and of OpenMetrics, written from their descriptions: what it does not know is a fault.

export type Series = { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number };
export type Read = { readonly type: string; readonly help: string; readonly unit: string | undefined; readonly series: Series[] };

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const VALUE = /^(?:NaN|[+-]Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/i;

const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  info: ['_info'],
  histogram: ['_bucket', '_sum', '_count'],
};

const labelsIn = (text: string): Record<string, string> => {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const found = /^([^=]+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest);
    if (found === null) throw new Error(`labels: ${rest}`);
    const [all, name = '', value = ''] = found;
    if (!LABEL.test(name) || Object.hasOwn(labels, name)) throw new Error(`label ${name}`);
    labels[name] = value.replaceAll('\\n', '\n').replaceAll('\\"', '"').replaceAll('\\\\', '\\');
    rest = rest.slice(all.length);
  }
  return labels;
};

const seriesIn = (line: string): Series => {
  const found = /^([^{ ]+)(?:\{(.*)\})? (\S+)$/s.exec(line);
  if (found === null) throw new Error(`sample: ${line}`);
  const [, name = '', labels = '', value = ''] = found;
  if (!NAME.test(name) || !VALUE.test(value)) throw new Error(`sample: ${line}`);
  return { name, labels: labelsIn(labels), value: Number(value.replace('Inf', 'Infinity')) };
};

/** By the name of the family as its TYPE line says it. @throws Error for whatever is not in the format */
export const readMetrics = (text: string, format: 'prometheus' | 'openmetrics'): ReadonlyMap<string, Read> => {
  if (!text.endsWith('\n') || text.includes('\r')) throw new Error('ends of lines');
  const lines = text.slice(0, -1).split('\n');
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('no EOF');
  const families = new Map<string, { type: string; help: string; unit: string | undefined; series: Series[] }>();
  const ids = new Set<string>();
  let current = '';
  for (const line of lines) {
    if (line === '' || line === '# EOF') throw new Error('an empty line');
    if (line.startsWith('#')) {
      const found = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/.exec(line);
      if (found === null) throw new Error(`comment: ${line}`);
      const [, what, name = '', said = ''] = found;
      if (!NAME.test(name)) throw new Error(`name ${name}`);
      if (name !== current && families.has(name)) throw new Error(`${name} comes twice`);
      current = name;
      const family = families.get(name) ?? { type: '', help: '', unit: undefined, series: [] };
      if (family.series.length > 0) throw new Error(`${name}: described behind its samples`);
      families.set(name, family);
      if (what === 'TYPE') family.type = said;
      else if (what === 'HELP') family.help = said;
      else {
        if (!name.endsWith(`_${said}`)) throw new Error(`${name} has not its unit ${said}`);
        family.unit = said;
      }
      continue;
    }
    const series = seriesIn(line);
    const family = families.get(current);
    if (family === undefined) throw new Error(`no family: ${line}`);
    const ends = format === 'prometheus' && family.type !== 'histogram' ? [''] : (suffixes[family.type] ?? []);
    if (!ends.some((end) => series.name === current + end)) throw new Error(`${series.name} in ${current}, a ${family.type}`);
    if (family.type === 'counter' && !(series.value >= 0)) throw new Error(`${line}: a counter`);
    const id = `${series.name} ${JSON.stringify(Object.entries(series.labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))}`;
    if (ids.has(id)) throw new Error(`${line} comes twice`);
    ids.add(id);
    family.series.push(series);
  }
  for (const [name, { type, help, series }] of families) {
    if (help === '' || suffixes[type] === undefined) throw new Error(`${name}: ${type} ${help}`);
    if (type === 'histogram') checkHistogram(name, series);
  }
  return families;
};

const checkHistogram = (name: string, series: readonly Series[]): void => {
  const buckets = series.filter((each) => each.name === `${name}_bucket`);
  const bounds = buckets.map(({ labels }) => Number(labels['le']?.replace('+Inf', 'Infinity')));
  const counts = buckets.map(({ value }) => value);
  const count = series.find((each) => each.name === `${name}_count`)?.value;
  const isAscending = (of: readonly number[], strict: boolean): boolean =>
    of.every((value, index) => index === 0 || (strict ? value > (of[index - 1] ?? 0) : value >= (of[index - 1] ?? 0)));
  if (!isAscending(bounds, true) || !isAscending(counts, false) || bounds.at(-1) !== Number.POSITIVE_INFINITY || counts.at(-1) !== count)
    throw new Error(`${name}: its buckets`);
};
