import type { SessionInfo } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { ask } from '../api/http.ts';
import { useApp } from '../app-context.ts';
import { KeyLink, Moment } from '../ui/bits.tsx';
import { Confirm } from '../ui/dialog.tsx';
import { type ListColumn, RemoteList } from '../ui/list.tsx';
import { Empty } from '../ui/notice.tsx';

export const SessionsPage = ({ query }: { readonly query: URLSearchParams }) => {
  const { rights, act, tell, live } = useApp();
  const [ending, setEnding] = useState<SessionInfo>();
  const end = async ({ id, user, host }: SessionInfo): Promise<void> => {
    const done = await act('Ending the session', () => ask('DELETE', `/api/v1/sessions/${encodeURIComponent(id)}`));
    if (done === undefined) return;
    tell({ kind: 'good', text: `The session of ${user} at ${host} has ended; its seat is free.` });
    live.refresh();
  };
  const columns: readonly ListColumn<SessionInfo>[] = [
    { head: 'User', sort: 'user', cell: ({ user }) => user },
    { head: 'Computer', sort: 'host', cell: ({ host, address }) => <span title={address}>{host}</span> },
    { head: 'Application', sort: 'application', cell: ({ application, pid }) => `${application} (${pid})` },
    { head: 'Feature', sort: 'feature', numeric: true, cell: ({ feature }) => feature },
    { head: 'Product', numeric: true, cell: ({ product }) => product },
    { head: 'Key', sort: 'key', cell: ({ key }) => <KeyLink id={key} /> },
    { head: 'Seats', numeric: true, cell: ({ seats }) => seats },
    { head: 'Since', sort: 'since', cell: ({ since }) => <Moment at={since} /> },
    {
      head: 'Action',
      bare: true,
      cell: (row) => (
        <button
          type="button"
          class="secondary small"
          disabled={!rights.write}
          aria-label={`Disconnect ${row.user} at ${row.host} from feature ${row.feature}`}
          onClick={() => setEnding(row)}
        >
          Disconnect
        </button>
      ),
    },
  ];
  return (
    <>
      <RemoteList
        list="sessions"
        caption="Sessions"
        wanted={query.get('q') ?? ''}
        filters={Object.fromEntries([...query].filter(([name]) => ['key', 'product', 'feature', 'user', 'host'].includes(name)))}
        topics={['sessions']}
        columns={columns}
        keyOf={({ id }) => id}
        empty={
          <Empty title="No application uses a key of this computer now.">A session appears here as soon as an application logs in.</Empty>
        }
      />
      {ending === undefined ? null : (
        <Confirm title="Disconnect this session?" action="Disconnect" onYes={() => void end(ending)} onClose={() => setEnding(undefined)}>
          <p>
            {ending.user} at {ending.host} uses feature {ending.feature} with {ending.application}. The next call of that application fails
            with status 85, and the seat is free at once.
          </p>
        </Confirm>
      )}
    </>
  );
};
