import type { LmStatus, PeerInfo } from '@keyhaven/core/admin';
import { linkTo } from '../../router.ts';
import { PeerLink } from '../../ui/bits.tsx';
import { sayNumber } from '../../ui/format.ts';
import { Empty } from '../../ui/notice.tsx';
import { bySubnet } from './subnets.ts';

const Peer = ({ of: { hostname, address, state, keys, guid } }: { readonly of: PeerInfo }) => (
  <li class={`peer ${state}`} title={guid}>
    <strong>
      <PeerLink hostname={hostname} address={address} />
    </strong>{' '}
    <span class="quiet">{address}</span>
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

const sayPeers = (there: readonly PeerInfo[]): string => {
  const lost = there.filter(({ state }) => state === 'lost').length;
  return `${sayNumber(there.length)}${lost === 0 ? '' : `, ${sayNumber(lost)} lost`}`;
};

/** Other license managers, by the subnets that they are in. */
export const PeersMap = ({ self, peers }: { readonly self: LmStatus; readonly peers: readonly PeerInfo[] }) => (
  <section>
    <h2>License managers by subnet</h2>
    {peers.length === 0 ? (
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
              <strong>{self.name}</strong>
              <br />
              {self.tcp.join(', ')}
            </li>
          </ul>
        </li>
        {bySubnet(peers).map(([subnet, there]) => (
          <li key={subnet} class="subnet">
            <h3>
              {subnet} <span class="quiet">({sayPeers(there)})</span>
            </h3>
            <ul>
              {there.map((peer) => (
                <Peer key={peer.guid} of={peer} />
              ))}
            </ul>
          </li>
        ))}
      </ul>
    )}
  </section>
);
