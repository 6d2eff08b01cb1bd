import type { PeerInfo, SessionInfo } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { ask } from '../api/http.ts';
import { useApp, useLive } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { KeyLink, Moment } from '../ui/bits.tsx';
import { Confirm } from '../ui/dialog.tsx';
import { saySpan } from '../ui/format.ts';
import { type ListColumn, RemoteList } from '../ui/list.tsx';
import { Empty } from '../ui/notice.tsx';

/** By which license manager, or which client of REST, it came. */
const Via = ({ of }: { readonly of: string }) => {
  const { value } = useLive<{ readonly items: readonly PeerInfo[] }>('/api/v1/list/peers?limit=1000', 'peers');
  const name = value?.items.find(({ guid }) => guid === of)?.hostname;
  return (
    <span class="quiet" title={of}>
      via {name ?? (of.startsWith('rest:') ? of : of.slice(0, 8))}
    </span>
  );
};

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
    {
      head: 'Computer',
      sort: 'host',
      room: 'roomy',
      cell: ({ host, address, holder }) => (
        <>
          {host} <span class="quiet">{address}</span> {holder === 'local' ? null : <Via of={holder} />}
        </>
      ),
    },
    { head: 'Application', sort: 'application', cell: ({ application, pid }) => `${application} (${pid})` },
    { head: 'Product', numeric: true, cell: ({ product, key }) => <a href={linkTo('products', { key })}>{product ?? 'Not known'}</a> },
    {
      head: 'Feature',
      sort: 'feature',
      numeric: true,
      cell: ({ feature, key, product }) =>
        feature === null || product === null ? 'Not known' : <a href={linkTo('features', { key, product, feature })}>{feature}</a>,
    },
    {
      head: 'Key',
      sort: 'key',
      cell: ({ key, local, location }) => (
        <>
          <KeyLink id={key} /> {local ? null : <span class="quiet">on {location}</span>}
        </>
      ),
    },
    { head: 'Seats', numeric: true, cell: ({ seats }) => seats ?? '' },
    { head: 'Since', sort: 'since', cell: ({ since }) => <Moment at={since} /> },
    {
      head: 'Timeout',
      room: 'tight',
      cell: ({ idleRemaining }) =>
        idleRemaining === undefined ? '' : <span title="Ends when it is not used for so long">{saySpan(idleRemaining)}</span>,
    },
    { head: 'ID', room: 'tight', cell: ({ id }) => <code title={id}>{id.slice(0, 8)}</code> },
    {
      head: 'Action',
      bare: true,
      cell: (row) => (
        <button
          type="button"
          class="secondary small"
          disabled={!rights.write}
          aria-label={`Disconnect ${row.user} at ${row.host} from feature ${row.feature ?? 'not known'}`}
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
        query={query}
        filters={{ key: 'Key', product: 'Product', feature: 'Feature', user: 'User', host: 'Computer' }}
        always={{ remote: 'true' }}
        topics={['sessions']}
        columns={columns}
        keyOf={({ id }) => id}
        empty={
          <Empty title="No application uses a key of this computer now.">
            A session appears here as soon as an application logs in: on a key of this computer, or from this computer on a key elsewhere.
          </Empty>
        }
      />
      {ending === undefined ? null : (
        <Confirm title="Disconnect this session?" action="Disconnect" onYes={() => void end(ending)} onClose={() => setEnding(undefined)}>
          <p>
            {ending.user} at {ending.host} uses {ending.feature === null ? 'a feature' : `feature ${ending.feature}`}
            {ending.local ? '' : ` of ${ending.location}`} with {ending.application}. The next call of that application fails with status
            85, and the seat is free at once.
          </p>
        </Confirm>
      )}
    </>
  );
};
