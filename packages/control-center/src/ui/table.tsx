import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { isFocusLost, toHeading } from './focus.ts';
import { sayNumber } from './format.ts';

// Tables: sorted by a click on a head. On a phone each row becomes a card; the roles keep it a table for those who cannot see.

export type Column<Row> = {
  readonly head: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** What it is sorted by where the whole table is here; absent = it is not. */
  readonly value?: (row: Row) => string | number;
  readonly numeric?: boolean;
  /** `tight`: never broken; `roomy`: room for a word, however narrow the rest. */
  readonly room?: 'tight' | 'roomy';
  /** The head is for screen readers only. */
  readonly bare?: boolean;
};

type SortState = 'ascending' | 'descending' | 'none';
/** Sorting by somebody else. */
type Sorting<C> = { stateOf(column: C): SortState | undefined; onSort(column: C): void };

const compare = (a: string | number, b: string | number): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true });

const Head = ({
  head,
  bare,
  numeric,
  state,
  onSort,
}: {
  readonly head: string;
  readonly bare: boolean;
  readonly numeric: boolean;
  /** undefined = it cannot be sorted by. */
  readonly state: SortState | undefined;
  readonly onSort: () => void;
}) => (
  <th scope="col" role="columnheader" class={numeric ? 'number' : ''} aria-sort={state}>
    {state === undefined ? (
      <span class={bare ? 'unseen' : ''}>{head}</span>
    ) : (
      <button type="button" class="plain sort" onClick={onSort}>
        {head}
        <span aria-hidden="true" class="arrow">
          {state === 'ascending' ? '▲' : state === 'descending' ? '▼' : ''}
        </span>
      </button>
    )}
  </th>
);

export const Pager = ({
  from,
  to,
  total,
  onBack,
  onOn,
}: {
  readonly from: number;
  readonly to: number;
  readonly total: number;
  readonly onBack: (() => void) | undefined;
  readonly onOn: (() => void) | undefined;
}) => (
  <nav class="pager" aria-label="Pages of the table">
    <span>
      {sayNumber(from)} to {sayNumber(to)} of {sayNumber(total)}
    </span>
    <button type="button" class="secondary" disabled={onBack === undefined} onClick={onBack}>
      Back
    </button>
    <button type="button" class="secondary" disabled={onOn === undefined} onClick={onOn}>
      Next
    </button>
  </nav>
);

export const DataTable = <Row, C extends Column<Row> = Column<Row>>({
  caption,
  columns,
  rows,
  keyOf,
  empty,
  sorting,
}: {
  readonly caption: string;
  readonly columns: readonly C[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly empty: ComponentChildren;
  /** Absent: sorted here, by the values of the columns. */
  readonly sorting?: Sorting<C>;
}) => {
  const [own, setOwn] = useState<{ readonly column: C; readonly down: boolean }>();
  const table = useRef<HTMLTableElement>(null);
  // A row that goes takes the focus with it: whoever works by keyboard is brought to the head of the page, not to its beginning.
  const held = table.current?.contains(document.activeElement) === true;
  useLayoutEffect(() => {
    if (held && isFocusLost()) toHeading();
  });
  if (rows.length === 0) return <>{empty}</>;
  const here: Sorting<C> = {
    stateOf: (column) =>
      column.value === undefined ? undefined : own?.column.head !== column.head ? 'none' : own.down ? 'descending' : 'ascending',
    onSort: (column) => setOwn({ column, down: own?.column.head === column.head && !own.down }),
  };
  const { stateOf, onSort } = sorting ?? here;
  const value = sorting === undefined ? own?.column.value : undefined;
  const shown = value === undefined ? rows : rows.toSorted((a, b) => compare(value(a), value(b)) * (own?.down === true ? -1 : 1));
  return (
    <table role="table" ref={table}>
      <caption class="unseen">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column) => (
            <Head
              key={column.head}
              head={column.head}
              bare={column.bare === true}
              numeric={column.numeric === true}
              state={stateOf(column)}
              onSort={() => onSort(column)}
            />
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {shown.map((row) => (
          <tr role="row" key={keyOf(row)}>
            {columns.map((column) => (
              <td
                role="cell"
                key={column.head}
                data-label={column.bare === true ? undefined : column.head}
                class={column.numeric === true ? 'number' : column.room}
              >
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
};
