import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Peer, PeerAddress, Peers } from '../peers/index.ts';
import type { OnlineRow } from './online-rows.ts';

// The license managers that lend to this one: where they are, and which of them has a key.

export type Owner = { readonly guid: string; readonly hostname: string; readonly address: PeerAddress | undefined; readonly key: string };

export const ownerIn = ({ guid, hostname, host, port, key }: OnlineRow): Owner => ({ guid, hostname, address: { host, port }, key });

/** Who shows this key now; undefined where nobody that is linked does. */
export const ownerWith = (peers: Pick<Peers, 'all'>, key: string): Owner | undefined => {
  const peer = peers.all().find(({ state, catalog }) => state === 'linked' && catalog.some((each) => each.key === key));
  return peer === undefined ? undefined : { guid: peer.guid, hostname: peer.hostname, address: peer.address, key };
};

/** The one that lent, or where that is not linked who shows its key now: it has a new LM id, or the key has moved. */
export const ownerNow = (peers: Pick<Peers, 'get' | 'all'>, row: OnlineRow): Owner =>
  peers.get(row.guid)?.state === 'linked' ? ownerIn(row) : (ownerWith(peers, row.key) ?? ownerIn(row));

/** @throws LicensingError REMOTE_COMM_ERR (40) where nothing is known of it any more */
export const peerOf = (peers: Pick<Peers, 'get' | 'found'>, { guid, address }: Pick<Owner, 'guid' | 'address'>): Peer => {
  if (peers.get(guid) === undefined && address !== undefined) peers.found(guid, address);
  const peer = peers.get(guid);
  if (peer !== undefined) return peer;
  throw new LicensingError(Status.REMOTE_COMM_ERR, {
    detail: `No license manager with the id ${guid.slice(0, 40)} is known here.`,
    remedy: 'See which ones are in reach with: keyhaven peers; where it is on but not there: keyhaven net doctor',
  });
};

/** Whether what was asked may have been done although no answer says so. */
export const isUncertain = (error: unknown): boolean =>
  !(error instanceof LicensingError) ||
  error.status === Status.REMOTE_COMM_ERR ||
  error.status === Status.INT_ERR ||
  error.status === Status.DEVICE_ERR;
