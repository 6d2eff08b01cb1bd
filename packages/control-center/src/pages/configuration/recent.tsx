import { useLive } from '../../app-context.ts';
import { Moment } from '../../ui/bits.tsx';
import { Empty, ProblemNotice } from '../../ui/notice.tsx';
import { type Column, DataTable } from '../../ui/table.tsx';

type Row = {
  readonly name: string;
  readonly host: string | null;
  readonly address: string | null;
  readonly last: string;
  readonly granted: number;
  readonly refused: number;
  readonly cause: string | null;
};

const columns: readonly Column<Row>[] = [
  { head: 'Name', cell: ({ name }) => name, value: ({ name }) => name },
  {
    head: 'Computer',
    cell: ({ host, address }) => <span title={address ?? ''}>{host ?? address ?? ''}</span>,
    value: ({ host }) => host ?? '',
  },
  { head: 'Last', cell: ({ last }) => <Moment at={last} />, value: ({ last }) => last },
  { head: 'Granted', cell: ({ granted }) => granted, value: ({ granted }) => granted, numeric: true },
  { head: 'Refused', cell: ({ refused }) => refused, value: ({ refused }) => refused, numeric: true },
  { head: 'Why', cell: ({ cause }) => cause ?? '' },
];

/** "Show Recent Users", "Show Recent Client Access". */
export const Recent = ({ of }: { readonly of: 'users' | 'clients' }) => {
  const { value, problem } = useLive<readonly Row[]>(`/api/v1/recent/${of}`, 'sessions', 'denials');
  const title = of === 'users' ? 'Recent Users' : 'Recent Client Access';
  return (
    <section>
      <h2>{title}</h2>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {value === undefined ? null : (
        <DataTable
          caption={title}
          columns={columns}
          rows={value}
          keyOf={({ name, host, address }) => `${name} ${host} ${address}`}
          empty={<Empty title="Nobody asked for a seat of late." />}
        />
      )}
    </section>
  );
};
