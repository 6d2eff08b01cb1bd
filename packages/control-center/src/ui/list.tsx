import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Topic } from '../api/live.ts';
import { useLive } from '../app-context.ts';
import { ProblemNotice, Waiting } from './notice.tsx';
import { type Column, DataTable, Pager } from './table.tsx';

// A list of the admin API in pages: the license manager searches, sorts and counts, so that 100,000 rows are as quick as ten.

type Answered<Row> = { readonly items: readonly Row[]; readonly next: string | null; readonly total: number };
export type ListColumn<Row> = Column<Row> & {
  /** As the API names this order. */
  readonly sort?: string;
};
type Order = { readonly by: string; readonly down: boolean };

const LIMIT = 50;
/** How long typing pauses before it is searched for. */
const TYPING_MS = 200;

const SearchField = ({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (wanted: string) => void;
}) => {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    const timer = setTimeout(() => typed !== value && onChange(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      value={typed}
      maxLength={200}
      onInput={({ currentTarget }) => setTyped(currentTarget.value)}
    />
  );
};

const urlOf = (
  list: string,
  filters: Readonly<Record<string, string>>,
  wanted: string,
  order: Order | undefined,
  cursor: string | undefined,
): string => {
  const query = new URLSearchParams({ ...filters, limit: String(LIMIT) });
  if (wanted !== '') query.set('q', wanted);
  if (order !== undefined) {
    query.set('sort', order.by);
    query.set('order', order.down ? 'desc' : 'asc');
  }
  if (cursor !== undefined) query.set('cursor', cursor);
  return `/api/v1/list/${list}?${query}`;
};

/** The last answer stays while the next one is awaited. */
const useLast = <T,>(value: T | undefined): T | undefined => {
  const last = useRef<T | undefined>(undefined);
  if (value !== undefined) last.current = value;
  return last.current;
};

export const RemoteList = <Row,>({
  list,
  caption,
  filters = {},
  wanted = '',
  topics,
  columns,
  keyOf,
  empty,
  tools,
}: {
  readonly list: string;
  readonly caption: string;
  readonly filters?: Readonly<Record<string, string>>;
  /** What is searched for to begin with. */
  readonly wanted?: string;
  readonly topics: readonly Topic[];
  readonly columns: readonly ListColumn<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly empty: ComponentChildren;
  readonly tools?: ComponentChildren;
}) => {
  const [search, setSearch] = useState(wanted);
  const [order, setOrder] = useState<Order>();
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const about = JSON.stringify([filters, search, order]);
  useEffect(() => setCursors([]), [about]);
  const { value, problem } = useLive<Answered<Row>>(urlOf(list, filters, search, order, cursors.at(-1)), ...topics);
  const shown = useLast(value);
  const sort = (by: string): void => setOrder({ by, down: order?.by === by && !order.down });
  return (
    <>
      <div class="tools">
        <SearchField label={`Search ${caption.toLowerCase()}`} value={search} onChange={setSearch} />
        {tools}
      </div>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {shown === undefined ? (
        problem === undefined ? (
          <Waiting />
        ) : null
      ) : shown.items.length === 0 && search !== '' ? (
        <p class="empty">Nothing here has “{search}” in it.</p>
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
            onSort: ({ sort: by }: ListColumn<Row>) => by !== undefined && sort(by),
          }}
        />
      )}
      {shown === undefined || shown.total <= shown.items.length ? null : (
        <Pager
          from={cursors.length * LIMIT + 1}
          to={cursors.length * LIMIT + shown.items.length}
          total={shown.total}
          onBack={cursors.length === 0 ? undefined : () => setCursors(cursors.slice(0, -1))}
          onOn={shown.next === null ? undefined : () => setCursors([...cursors, shown.next ?? ''])}
        />
      )}
    </>
  );
};
