import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Topic } from '../api/live.ts';
import { useApp, useLive } from '../app-context.ts';
import { keepInAddress, linkTo } from '../router.ts';
import { ProblemNotice, Waiting } from './notice.tsx';
import { SearchField } from './search-field.tsx';
import { type Column, DataTable, Pager } from './table.tsx';

// A list of the admin API in pages: the license manager searches, sorts and counts, so that 100,000 rows are as quick as ten. What is looked at is in the
// address, so that a bookmark finds it again.

type Answered<Row> = { readonly items: readonly Row[]; readonly next: string | null; readonly total: number };
export type ListColumn<Row> = Column<Row> & {
  /** As the API names this order. */
  readonly sort?: string;
};
type Order = { readonly by: string; readonly down: boolean };
/** What a list can be narrowed to, by the API's names, in words. */
export type Filters = Readonly<Record<string, string>>;

/** BOUNDED: rows of one answer of the API. */
const MAX_ROWS = 1_000;

const orderOf = (query: URLSearchParams): Order | undefined => {
  const by = query.get('sort');
  return by === null ? undefined : { by, down: query.get('order') === 'desc' };
};

/** The last answer stays while the next one is awaited. */
const useLast = <T,>(value: T | undefined): T | undefined => {
  const last = useRef<T | undefined>(undefined);
  if (value !== undefined) last.current = value;
  return last.current;
};

/** What the list is narrowed to, each with a way out of it. */
const Narrowed = ({ page, query, filters }: { readonly page: string; readonly query: URLSearchParams; readonly filters: Filters }) => {
  const now = Object.keys(filters).filter((name) => query.has(name));
  return now.length === 0 ? null : (
    <ul class="chips" aria-label="Narrowed to">
      {now.map((name) => {
        const less = linkTo(page, Object.fromEntries([...query].filter(([each]) => each !== name)));
        return (
          <li key={name}>
            {filters[name]} {query.get(name)}{' '}
            <a href={less} aria-label={`All, not only ${filters[name]} ${query.get(name)}`}>
              ✕
            </a>
          </li>
        );
      })}
    </ul>
  );
};

export const RemoteList = <Row,>({
  list,
  caption,
  page = list,
  query,
  filters = {},
  always = {},
  topics,
  columns,
  keyOf,
  empty,
  tools,
}: {
  readonly list: string;
  readonly caption: string;
  /** Whose part of the address the query is; absent = the list has its name. */
  readonly page?: string;
  readonly query: URLSearchParams;
  readonly filters?: Filters;
  /** Parameters of every request. */
  readonly always?: Readonly<Record<string, string>>;
  readonly topics: readonly Topic[];
  readonly columns: readonly ListColumn<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly empty: ComponentChildren;
  readonly tools?: ComponentChildren;
}) => {
  const limit = Math.min(useApp().page.rows, MAX_ROWS);
  const [search, setSearch] = useState(query.get('q') ?? '');
  const [order, setOrder] = useState(() => orderOf(query));
  const [cursors, setCursors] = useState<readonly string[]>([]);
  /** Another question is another list, with a first page of its own. */
  const begin = (change: () => void): void => {
    change();
    setCursors([]);
  };
  const narrowed = Object.keys(filters).flatMap((name): [string, string][] => {
    const value = query.get(name);
    return value === null ? [] : [[name, value]];
  });
  const rest = Object.fromEntries([...query].filter(([name]) => !['q', 'sort', 'order', ...Object.keys(filters)].includes(name)));
  useEffect(() => {
    keepInAddress({ q: search, sort: order?.by, order: order?.down === true ? 'desc' : undefined });
  }, [search, order]);
  const looked = new URLSearchParams([...Object.entries({ ...rest, q: search }).filter(([, value]) => value !== ''), ...narrowed]);
  const asked = new URLSearchParams([...narrowed, ...Object.entries(always), ['limit', String(limit)]]);
  if (search !== '') asked.set('q', search);
  if (order !== undefined) {
    asked.set('sort', order.by);
    asked.set('order', order.down ? 'desc' : 'asc');
  }
  const cursor = cursors.at(-1);
  if (cursor !== undefined) asked.set('cursor', cursor);
  const { value, problem } = useLive<Answered<Row>>(`/api/v1/list/${list}?${asked}`, ...topics);
  const shown = useLast(value);
  return (
    <>
      <div class="tools">
        <SearchField label={`Search ${caption.toLowerCase()}`} value={search} onChange={(wanted) => begin(() => setSearch(wanted))} />
        {tools}
        <Narrowed page={page} query={looked} filters={filters} />
      </div>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {shown !== undefined && value === undefined && problem === undefined ? (
        <progress class="again late" aria-label={`Loading ${caption.toLowerCase()}`} />
      ) : null}
      {shown === undefined ? (
        problem === undefined ? (
          <Waiting />
        ) : null
      ) : shown.items.length === 0 && (search !== '' || narrowed.length > 0) ? (
        <p class="empty">
          {search === '' ? 'Nothing is here by that.' : `Nothing here has “${search}” in it.`} <a href={linkTo(page, rest)}>Show all</a>
        </p>
      ) : (
        <DataTable
          caption={caption}
          columns={columns}
          rows={shown.items}
          keyOf={keyOf}
          empty={empty}
          sorting={{
            stateOf: ({ sort: by }: ListColumn<Row>) =>
              by === undefined ? undefined : order?.by !== by ? 'none' : order.down ? 'descending' : 'ascending',
            onSort: ({ sort: by }: ListColumn<Row>) =>
              by !== undefined && begin(() => setOrder({ by, down: order?.by === by && !order.down })),
          }}
        />
      )}
      {shown === undefined || shown.total <= shown.items.length ? null : (
        <Pager
          from={cursors.length * limit + 1}
          to={cursors.length * limit + shown.items.length}
          total={shown.total}
          onBack={cursors.length === 0 ? undefined : () => setCursors(cursors.slice(0, -1))}
          onOn={shown.next === null ? undefined : () => setCursors([...cursors, shown.next ?? ''])}
        />
      )}
    </>
  );
};
