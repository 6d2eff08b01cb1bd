import type { LmStatus, PeerInfo } from '@keyhaven/core/admin';
import { useLive } from '../../app-context.ts';
import { linkTo } from '../../router.ts';
import { Empty, ProblemNotice, Waiting } from '../../ui/notice.tsx';
import type { Paged } from '../overview.tsx';
import { bySubnet } from './subnets.ts';

const Peer = ({ of: { hostname, address, state, keys, guid } }: { readonly of: PeerInfo }) => (
  <li class={`peer ${state}`} title={guid}>
    <strong>{hostname}</strong> <span class="quiet">{address}</span>
    <br />
    {state === 'linked' ? (
      keys === 0 ? (
        'Linked, no keys'
      ) : (
        <a href={linkTo('keys', { q: hostname })}>{`${keys} key${keys === 1 ? '' : 's'}`}</a>
      )
    ) : (
      'Lost'
    )}
  </li>
);

/** Other license managers, by the subnets that they are in. */
export const PeersMap = () => {
  const status = useLive<LmStatus>('/api/v1/status', 'status');
  const { value, problem } = useLive<Paged<PeerInfo>>('/api/v1/list/peers?limit=1000', 'peers');
  return (
    <section>
      <h2>License managers by subnet</h2>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {value === undefined ? (
        problem === undefined ? (
          <Waiting />
        ) : null
      ) : value.items.length === 0 ? (
        <Empty title="No other license manager was found.">
          Let the doctor look below, or name addresses under{' '}
          <a href={linkTo('configuration', { tab: 'remote' })}>Access to Remote License Managers</a>.
        </Empty>
      ) : (
        <ul class="map">
          <li class="subnet">
            <h3>This computer</h3>
            <ul>
              <li class="peer linked">
                <strong>{status.value?.name ?? ''}</strong>
                <br />
                {status.value?.tcp.join(', ') ?? ''}
              </li>
            </ul>
          </li>
          {bySubnet(value.items).map(([subnet, peers]) => (
            <li key={subnet} class="subnet">
              <h3>{subnet}</h3>
              <ul>
                {peers.map((peer) => (
                  <Peer key={peer.guid} of={peer} />
                ))}
              </ul>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
};
