import { isIPv6 } from 'node:net';
import { isBroadcast, type Random } from '@keyhaven/core/discovery';
import { type Clock, MINUTE } from '@keyhaven/core/time';
import type { LmEvent } from './lm/index.ts';
import { createTcpSearch, type Resolve, type SearchSettings } from './net/index.ts';
import type { Peers } from './peers/index.ts';
import type { Settings } from './settings.ts';

/** Without IPv6 its addresses are nowhere to be asked. */
const reachableOf = ({ search, access, ipv6 }: Settings): readonly string[] =>
  access.remoteLicenses ? search.addresses.filter((address) => ipv6 || !isIPv6(address)) : [];

/** What discovery by UDP goes by. With sockets for this computer only it reaches nobody, and does not try. */
export const searchSettingsOf = (settings: Settings): SearchSettings => ({
  broadcastSearch: settings.search.broadcast,
  searchAddresses: settings.localOnly ? [] : reachableOf(settings),
  intervalMs: settings.search.intervalMinutes * MINUTE,
});

export type AggressiveSearch = { follow(settings: Settings): void; close(): void };

/** "Aggressive Search for Remote Licenses": single addresses of the search are asked by TCP besides, for networks that let no UDP through. */
export const createAggressiveSearch = (options: {
  readonly clock: Clock;
  readonly random: Random;
  readonly port: number;
  readonly resolve: Resolve;
  readonly peers: Pick<Peers, 'look'>;
  readonly onEvent: (event: LmEvent) => void;
}): AggressiveSearch => {
  const { port, peers, onEvent } = options;
  const search = createTcpSearch({
    ...options,
    async ask(host, name) {
      if (isBroadcast(host)) return;
      onEvent({ level: 'debug', event: 'search by TCP', name, address: host, found: (await peers.look({ host, port })) ?? null });
    },
    onNoAddress: (name, error) => onEvent({ level: 'debug', event: 'a name of the search has no address', name, error }),
  });
  return {
    follow(settings) {
      const { aggressive, intervalMinutes } = settings.search;
      const singles = aggressive ? reachableOf(settings).filter((address) => !isBroadcast(address)) : [];
      void search.search(singles, intervalMinutes * MINUTE);
    },
    close: () => search.close(),
  };
};
