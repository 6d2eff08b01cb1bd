import { Buffer } from 'node:buffer';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Entropy } from '@keyhaven/core/crypto';
import { isBroadcast, type Random, withoutZone } from '@keyhaven/core/discovery';
import type { NearSettings } from '@keyhaven/core/near-settings';
import { type Clock, MINUTE, type Mono, SECOND } from '@keyhaven/core/time';
import type { LmEvent } from '../lm/index.ts';
import { createTcpSearch, discoveryInterfaces, type Resolve, type RunningDiscovery, startDiscovery } from '../net/index.ts';
import type { PeerAddress, Peers } from '../peers/index.ts';
import { adminPeers, type KnownPeer } from './admin-peers.ts';

// The search of an External or Integrated LM (R2): a TCP request to each single address, a UDP broadcast only where an address is one, and
// whoever the Admin LM of this computer knows. It listens nowhere: answers to its broadcasts come to a port that the system picked. Nobody is
// asked twice within five minutes (R4); who was found is asked for its keys by `peers`, and held as long as it lives.

export type RemoteSearchOptions = {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly settings: NearSettings;
  /** The LM's own, as in its links. */
  readonly guid: string;
  readonly peers: Pick<Peers, 'found' | 'look' | 'settled'>;
  /** Where an Admin LM of this computer would be; absent = none is asked. */
  readonly adminAddress?: PeerAddress | undefined;
  /** Where the others listen, UDP and TCP. */
  readonly port?: number | undefined;
  readonly resolve?: Resolve | undefined;
  readonly askAdmin?: ((address: PeerAddress) => Promise<readonly KnownPeer[]>) | undefined;
  readonly onEvent: (event: LmEvent) => void;
};

export type RemoteSearch = {
  /** Resolves when everybody of the first round was asked and has answered or not, at most after FIRST_MS. */
  readonly first: Promise<void>;
  nextSearch(): Mono | undefined;
  close(): Promise<void>;
};

/** What an application waits at most for license managers that do not answer. */
const FIRST_MS = 1.5 * SECOND;
/** Answers to a broadcast come within this time: 20 ms of spread (D10), and the way. */
const BROADCAST_MS = 300;

const ownAddresses = (): ReadonlySet<string> =>
  new Set(
    discoveryInterfaces(networkInterfaces()).flatMap(({ address, broadcast }) => [
      withoutZone(address),
      ...(broadcast === undefined ? [] : [broadcast]),
    ]),
  );

export const startRemoteSearch = (options: RemoteSearchOptions): RemoteSearch => {
  const { clock, settings, peers, adminAddress, onEvent, port = 1947, resolve, askAdmin = adminPeers } = options;
  const random: Random = () => Buffer.from(options.entropy.bytes(6)).readUIntBE(0, 6) / 2 ** 48;
  let discovery: RunningDiscovery | undefined;
  let closed = false;
  let refused = false;
  const intervalMs = settings.searchMinutes * MINUTE;

  const links = new Set(
    discoveryInterfaces(networkInterfaces()).flatMap(({ family, broadcast }) =>
      family === 4 && broadcast !== undefined ? [broadcast] : [],
    ),
  );
  const everybody = (address: string): boolean => isBroadcast(address) || links.has(address);
  const broadcasts = settings.remoteLicenses ? settings.addresses.filter((address) => isIP(address) === 4 && everybody(address)) : [];
  const singles = settings.remoteLicenses ? settings.addresses.filter((address) => !broadcasts.includes(address)) : [];

  const askAddress = async (host: string, name: string): Promise<void> => {
    // R2: a name may not make a broadcast of what has to be a request by TCP.
    if (everybody(host)) return;
    const guid = await peers.look({ host, port });
    onEvent({ level: 'debug', event: 'search by TCP', name, address: host, found: guid ?? null });
  };
  const askLocalAdmin = async (address: PeerAddress): Promise<void> => {
    const known = await askAdmin(address).catch((error: unknown) => {
      // Once: the next search finds the same.
      if (!refused) onEvent({ level: 'warn', event: 'the license managers that the Admin LM knows are not used', error });
      refused = true;
      return [];
    });
    if (closed) return;
    if (known.length > 0) onEvent({ level: 'debug', event: 'search by the Admin LM of this computer', found: known.length });
    for (const each of known) peers.found(each.guid, each.address);
  };
  const common = {
    clock,
    random,
    onNoAddress: (name: string, error: unknown) => onEvent({ level: 'warn', event: 'a name of the search has no address', name, error }),
  };
  const byTcp = createTcpSearch({ ...common, resolve, ask: askAddress });
  // Its address is not one that anybody else is asked at, so it has its own place in time.
  const byAdmin = createTcpSearch({ ...common, ask: () => askLocalAdmin(adminAddress ?? { host: '127.0.0.1', port }) });

  const openBroadcasts = async (): Promise<void> => {
    if (!settings.remoteLicenses || (broadcasts.length === 0 && !settings.broadcast)) return;
    try {
      const opened = await startDiscovery({
        clock,
        entropy: random,
        guid: options.guid,
        bootCount: 0,
        tcpPort: 0,
        udpPort: port,
        localPort: 0,
        bind: ['0.0.0.0'],
        settings: { broadcastSearch: settings.broadcast, searchAddresses: broadcasts, intervalMs },
        onFound({ guid, address, port: at }) {
          // The keys of an Admin LM of this computer are reached by the application itself.
          if (ownAddresses().has(withoutZone(address))) return;
          onEvent({ level: 'debug', event: 'search by broadcast', address, found: guid });
          peers.found(guid, { host: address, port: at });
        },
        onHeard: () => undefined,
        onClone: () => undefined,
        onProblem: (problem) => onEvent({ level: 'debug', event: 'discovery', ...problem }),
      });
      if (closed) await opened.stop();
      else discovery = opened;
    } catch (error) {
      onEvent({ level: 'warn', event: 'nothing can be broadcast', error });
    }
  };

  const admins = settings.remoteLicenses && adminAddress !== undefined ? [adminAddress.host] : [];
  const opening = openBroadcasts();
  const answers = opening.then(() =>
    discovery === undefined ? undefined : new Promise<void>((done) => void clock.after(BROADCAST_MS, done)),
  );
  const asked = Promise.all([byAdmin.search(admins, intervalMs), byTcp.search(singles, intervalMs), answers]).then(() => peers.settled());
  const late = new Promise<void>((done) => {
    if (admins.length > 0 || singles.length > 0 || broadcasts.length > 0 || settings.broadcast) clock.after(FIRST_MS, done);
  });

  return {
    first: Promise.race([asked, late]),
    nextSearch() {
      const times = [byAdmin.nextSearch(), byTcp.nextSearch(), discovery?.nextSearch()].filter((at) => at !== undefined);
      return times.reduce<Mono | undefined>((first, at) => (first === undefined || at < first ? at : first), undefined);
    },
    async close() {
      closed = true;
      byAdmin.close();
      byTcp.close();
      await opening;
      await discovery?.stop();
    },
  };
};
