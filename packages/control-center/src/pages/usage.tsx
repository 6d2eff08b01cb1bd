import { useEffect, useRef, useState } from 'preact/hooks';
import { useLive } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { KeyLink } from '../ui/bits.tsx';
import { type Drawing, drawLines } from '../ui/draw.ts';
import { sayMoment } from '../ui/format.ts';
import { Empty, ProblemNotice, Waiting } from '../ui/notice.tsx';
import { type Column, DataTable } from '../ui/table.tsx';

const kinds = [
  ['feature', 'Feature'],
  ['product', 'Product'],
  ['user', 'User'],
  ['host', 'Computer'],
  ['hour', 'Hour'],
] as const;
type Kind = (typeof kinds)[number][0];
const isKind = (name: string | null): name is Kind => kinds.some(([kind]) => kind === name);

type Item = {
  readonly key: string | null;
  readonly product: number | null;
  readonly feature: number | null;
  readonly user: string | null;
  readonly host: string | null;
  readonly at: string | null;
  readonly hours: number;
  readonly grants: number;
  readonly denials: number;
  readonly denialsByCause: Readonly<Record<string, number>>;
  readonly peaks: { readonly max: number; readonly p50: number; readonly p90: number; readonly p95: number; readonly p99: number } | null;
};

const number = (head: string, value: (item: Item) => number | undefined): Column<Item> => ({
  head,
  numeric: true,
  cell: (item) => value(item) ?? '',
  value: (item) => value(item) ?? -1,
});
const text = (head: string, value: (item: Item) => string): Column<Item> => ({ head, cell: value, value });
const heads: Readonly<Record<Kind, readonly Column<Item>[]>> = {
  feature: [
    number('Feature', ({ feature }) => feature ?? undefined),
    number('Product', ({ product }) => product ?? undefined),
    { head: 'Key', cell: ({ key }) => (key === null ? '' : <KeyLink id={key} />), value: ({ key }) => key ?? '' },
  ],
  product: [
    number('Product', ({ product }) => product ?? undefined),
    { head: 'Key', cell: ({ key }) => (key === null ? '' : <KeyLink id={key} />), value: ({ key }) => key ?? '' },
  ],
  user: [text('User', ({ user }) => user ?? '')],
  host: [text('Computer', ({ host }) => host ?? '')],
  hour: [text('Hour', ({ at }) => (at === null ? '' : sayMoment(at)))],
};
const counts: readonly Column<Item>[] = [
  { ...number('Seat hours', ({ hours }) => hours), cell: ({ hours }) => hours.toFixed(1) },
  number('Grants', ({ grants }) => grants),
  number('Refusals', ({ denials }) => denials),
];
const peaks: readonly Column<Item>[] = [
  number('Peak', (item) => item.peaks?.max),
  number('Median', (item) => item.peaks?.p50),
  number('90 %', (item) => item.peaks?.p90),
  number('95 %', (item) => item.peaks?.p95),
  number('99 %', (item) => item.peaks?.p99),
  text('Refused for', ({ denialsByCause }) =>
    Object.entries(denialsByCause)
      .map(([status, count]) => `${status}: ${count}`)
      .join(', '),
  ),
];
const columnsOf = (kind: Kind): readonly Column<Item>[] => [
  ...heads[kind],
  ...counts,
  ...(kind === 'user' || kind === 'host' ? [] : peaks),
];

export const HoursChart = ({ query }: { readonly query: string }) => {
  const { value } = useLive<{ readonly items: readonly Item[] }>(`/api/v1/usage?${query}&by=hour`, 'log');
  const at = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | undefined>(undefined);
  const rows = (value?.items ?? []).filter((item) => item.at !== null).toSorted((a, b) => String(a.at).localeCompare(String(b.at)));
  const show = (): void =>
    drawing.current?.show([
      rows.map((item) => Date.parse(item.at ?? '') / 1_000),
      rows.map((item) => item.peaks?.max ?? 0),
      rows.map(({ denials }) => denials),
    ]);
  const latest = useRef(show);
  latest.current = show;
  useEffect(show, [value]);
  useEffect(() => {
    let gone = false;
    if (at.current === null) return undefined;
    void drawLines(at.current, [
      { label: 'Most seats in use', colour: '--pico-primary' },
      { label: 'Refusals', colour: '--bad-color' },
    ]).then((drawn) => {
      if (gone) return drawn.close();
      drawing.current = drawn;
      return latest.current();
    });
    return () => {
      gone = true;
      drawing.current?.close();
    };
  }, []);
  return (
    <figure>
      <div class="chart" ref={at} role="img" aria-label="Most seats in use and refusals, hour by hour; the table has the same by hour" />
      <figcaption>
        <span class="line seats-line">Most seats in use</span> <span class="line refused-line">Refusals</span>, hour by hour
      </figcaption>
    </figure>
  );
};

const DAY = 86_400_000;
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

export const UsagePage = ({ query }: { readonly query: URLSearchParams }) => {
  const by = query.get('by');
  const kind: Kind = isKind(by) ? by : 'feature';
  const [from, setFrom] = useState(() => dayOf(Date.now() - 30 * DAY));
  const [to, setTo] = useState(() => dayOf(Date.now() + DAY));
  const span = new URLSearchParams({ from, to }).toString();
  const { value, problem } = useLive<{ readonly items: readonly Item[] }>(`/api/v1/usage?${span}&by=${kind}`, 'log');
  return (
    <>
      <div class="tools">
        <label>
          By{' '}
          <select value={kind} onChange={({ currentTarget }) => (location.hash = linkTo('usage', { by: currentTarget.value }))}>
            {kinds.map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label>
          From <input type="date" required value={from} onChange={({ currentTarget }) => setFrom(currentTarget.value || from)} />
        </label>
        <label>
          Until before <input type="date" required value={to} onChange={({ currentTarget }) => setTo(currentTarget.value || to)} />
        </label>
        <a class="as-button" href={`/api/v1/usage.csv?${span}&by=${kind}`} download>
          Save as CSV
        </a>
      </div>
      <HoursChart query={span} />
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {value === undefined ? (
        problem === undefined ? (
          <Waiting />
        ) : null
      ) : (
        <DataTable
          key={kind}
          caption="Usage"
          columns={columnsOf(kind)}
          rows={value.items}
          keyOf={(item) => `${item.key} ${item.product} ${item.feature} ${item.user} ${item.host} ${item.at}`}
          empty={<Empty title="Nothing was used in this time.">The history begins with the first login to a key of this computer.</Empty>}
        />
      )}
    </>
  );
};
