import { Moment } from '../ui/bits.tsx';
import { Empty } from '../ui/notice.tsx';
import { DataTable } from '../ui/table.tsx';

export type Waiter = {
  readonly key: string;
  readonly product: number;
  readonly feature: number;
  readonly place: number;
  readonly user: string;
  readonly host: string;
  readonly application: string;
  readonly pid: number;
  readonly seats: number;
  readonly since: string;
};

/** Who waits for a seat, in his turn (A4). */
export const WhoWaits = ({ rows }: { readonly rows: readonly Waiter[] }) => (
  <section>
    <h2>Who waits</h2>
    <DataTable
      caption="Who waits for a seat"
      columns={[
        { head: 'Place', numeric: true, cell: ({ place }) => place },
        { head: 'Who', cell: ({ user, host }) => `${user} at ${host}` },
        { head: 'Feature', cell: ({ feature }) => feature },
        { head: 'Application', cell: ({ application }) => application },
        { head: 'Since', cell: ({ since }) => <Moment at={since} /> },
      ]}
      rows={rows}
      keyOf={(row: Waiter) => `${row.key} ${row.feature} ${row.place} ${row.host} ${row.pid}`}
      empty={<Empty title="Nobody waits for a seat." />}
    />
  </section>
);
