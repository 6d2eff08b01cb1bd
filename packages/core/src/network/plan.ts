import { namesIn, parseClientRules } from '../users/index.ts';
import { isIp } from './addresses.ts';
import { type Clients, clientsOf } from './clients.ts';
import type { Kind } from './kinds.ts';
import { listensToOthers, nameless, type Place, placesOf } from './places.ts';
import type { InterfaceAddress, NetworkSettings } from './settings.ts';

// What a license manager with these settings on a computer with these interfaces sends and receives (R10). Pure: the same settings
// and interfaces give the same flows. The firewall rules are made of this and of nothing else.

export type Flow = {
  readonly direction: 'in' | 'out';
  readonly transport: 'udp' | 'tcp' | 'icmpv6' | 'dns';
  /** Rows of the table of traffic. */
  readonly kinds: readonly Kind[];
  /** `lo`, or where a subnet or link is; absent = by the routes of the computer. */
  readonly interface?: string;
  /** Addresses and networks of the other side; empty = any. */
  readonly remote: readonly string[];
  readonly localPort?: number;
  readonly remotePort?: number;
  /** Only as the answer to what came before on the same connection, or from the same address. */
  readonly reply?: true;
  /** Datagrams of these kinds go to these addresses by themselves, so often. */
  readonly every?: string;
  readonly reason: string;
};

export type Plan = {
  readonly flows: readonly Flow[];
  /** What a reader should know besides. */
  readonly remarks: readonly string[];
};

const DATAGRAMS: readonly Kind[] = ['search', 'hint', 'answer', 'started', 'stopping', 'changed'];
const ADMINISTRATION: readonly Kind[] = ['administration', 'health'];

const there = (place: Place): string => {
  switch (place.kind) {
    case 'subnet':
      return `in the subnet of ${place.interface}`;
    case 'link':
      return `on the IPv6 link of ${place.interface}`;
    case 'addresses':
      return `at the search parameter ${place.entry}`;
    case 'remote subnet':
      return `in the subnet behind the search parameter ${place.entry} (taken as ${place.network})`;
  }
};

const reachOf = (place: Place): readonly string[] => {
  switch (place.kind) {
    case 'subnet':
    case 'remote subnet':
      return [place.network];
    case 'link':
      return [place.network, place.broadcast];
    case 'addresses':
      return place.addresses;
  }
};
const hostsOf = (place: Place): readonly string[] => (place.kind === 'link' ? [place.network] : reachOf(place));
const where = (place: Place): { readonly interface?: string } => ('interface' in place ? { interface: place.interface } : {});

/** Without broadcast search nothing is broadcast; what others ask there is answered all the same (D5). */
const datagramsTo = (place: Place, { port, intervalMinutes, broadcast }: NetworkSettings): Flow => {
  const flow = { direction: 'out', transport: 'udp', ...where(place), localPort: port } as const;
  if (!broadcast && 'interface' in place) {
    const reason = `answers the searches of license managers ${there(place)}, and tells them of changes`;
    return { ...flow, kinds: DATAGRAMS.filter((kind) => kind !== 'search'), remote: hostsOf(place), reason };
  }
  return {
    ...flow,
    kinds: DATAGRAMS,
    remote: reachOf(place),
    every: `${intervalMinutes} minutes and up to a fifth more`,
    reason: `searches for license managers ${there(place)}, answers their searches and tells them of changes`,
  };
};

const toPlace = (place: Place, settings: NetworkSettings): Flow[] => {
  const datagrams = datagramsTo(place, settings);
  // A proxy does not get to a link of this computer.
  if (settings.proxy !== undefined && place.kind !== 'link') return [datagrams];
  const connections: Flow = {
    direction: 'out',
    transport: 'tcp',
    kinds: ['link'],
    ...where(place),
    remote: hostsOf(place),
    remotePort: settings.port,
    reason: `connects to the license managers ${there(place)}, for their keys`,
  };
  return [datagrams, connections];
};

export const toProxy = ({ proxy }: Pick<NetworkSettings, 'proxy'>): Flow[] =>
  proxy === undefined || proxy.addresses.length === 0
    ? []
    : (['out', 'in'] as const).map((direction) => ({
        direction,
        transport: 'tcp',
        kinds: ['link'],
        remote: proxy.addresses,
        remotePort: proxy.port,
        ...(direction === 'in' ? { reply: true as const } : {}),
        reason:
          direction === 'out'
            ? `connects to other license managers through the proxy ${proxy.host}`
            : `what other license managers answer through the proxy ${proxy.host}`,
      }));

const fromOthers = (settings: NetworkSettings, clients: Clients, places: readonly Place[]): Flow[] => {
  const { port } = settings;
  const flows: Flow[] = [];
  const anybody = clients.networks === 'anybody';
  const served = anybody ? [] : clients.networks;
  const serves = anybody || served.length > 0;
  const sources = anybody ? [] : [...new Set([...places.flatMap(hostsOf), ...served])];
  if (anybody || sources.length > 0) {
    flows.push({
      direction: 'in',
      transport: 'udp',
      kinds: DATAGRAMS,
      remote: sources,
      localPort: port,
      reason: 'searches of other license managers, their answers and what they tell of changes',
    });
  }
  if (!serves) return flows;
  flows.push({
    direction: 'in',
    transport: 'tcp',
    kinds: ['link'],
    remote: served,
    localPort: port,
    reason: 'license managers of other computers use the licenses of this one',
  });
  // Who is in a subnet of this computer is answered by what goes there anyway.
  const elsewhere = served.filter((network) => !places.some((place) => 'interface' in place && place.network === network));
  if (anybody || elsewhere.length > 0) {
    flows.push({
      direction: 'out',
      transport: 'udp',
      kinds: ['answer'],
      remote: elsewhere,
      localPort: port,
      reply: true,
      reason: 'answers searches that came from other subnets to the address of this computer',
    });
  }
  return flows;
};

/** Administration from elsewhere: a port of its own, or the same one, unless license managers of everywhere are let in there already. */
const administration = ({ remoteAdministration, port, adminPort, tls }: NetworkSettings, clients: Clients): Flow[] =>
  !remoteAdministration || (adminPort === undefined && clients.networks === 'anybody')
    ? []
    : [
        {
          direction: 'in',
          transport: 'tcp',
          kinds: tls ? [...ADMINISTRATION, 'tls'] : ADMINISTRATION,
          remote: [],
          localPort: adminPort ?? port,
          reason: 'administration from other computers, which access.remoteAdministration allows',
        },
        ...(adminPort === undefined ? [] : [repliesFrom(adminPort, ADMINISTRATION)]),
      ];

const onThisComputer = (port: number, kinds: readonly Kind[], reason: string): Flow[] =>
  (['in', 'out'] as const).map((direction) => ({
    direction,
    transport: 'tcp',
    kinds,
    interface: 'lo',
    remote: [],
    ...(direction === 'in' ? { localPort: port } : { remotePort: port }),
    reason,
  }));
const byLoopback = ({ port, adminPort }: NetworkSettings): Flow[] =>
  adminPort === undefined
    ? onThisComputer(
        port,
        ['local', ...ADMINISTRATION],
        'applications and commands of this computer speak to its license manager, by loopback only',
      )
    : [
        ...onThisComputer(port, ['local', 'health'], 'applications of this computer speak to its license manager, by loopback only'),
        ...onThisComputer(adminPort, ADMINISTRATION, 'commands and pages of this computer speak to its license manager at adminPort'),
        ...replies(adminPort, ADMINISTRATION).map((flow) => ({ ...flow, interface: 'lo' })),
      ];

const repliesFrom = (port: number, kinds: readonly Kind[]): Flow => ({
  direction: 'out',
  transport: 'tcp',
  kinds,
  remote: [],
  localPort: port,
  reply: true,
  reason: 'what this license manager sends on connections that were made to it',
});
const replies = (port: number, kinds: readonly Kind[] = ['local', 'link', ...ADMINISTRATION]): Flow[] => [
  {
    direction: 'in',
    transport: 'tcp',
    kinds,
    remote: [],
    remotePort: port,
    reply: true,
    reason: 'what license managers send on connections that were made to them',
  },
  repliesFrom(port, kinds),
];

const neighbours = (places: readonly Place[]): Flow[] =>
  !places.some((place) => hostsOf(place).some((address) => address.includes(':')))
    ? []
    : (['in', 'out'] as const).map((direction) => ({
        direction,
        transport: 'icmpv6',
        kinds: ['neighbours'],
        remote: [],
        reason: 'IPv6 finds hardware addresses by it and does not work without',
      }));

const names = (settings: NetworkSettings): Flow[] => {
  const { search, remoteLicenses, remoteClients, clients, proxy } = settings;
  const searched = remoteLicenses && search.some(({ entry }) => !isIp(entry));
  const ruled = remoteClients && namesIn(parseClientRules(clients).rules).length > 0;
  const proxied = proxy !== undefined && !isIp(proxy.host);
  if (!searched && !ruled && !proxied) return [];
  const among = [
    ...(searched ? ['search parameters'] : []),
    ...(ruled ? ['rules of access.clients'] : []),
    ...(proxied ? ['settings of the proxy'] : []),
  ].join(' and the ');
  return (['out', 'in'] as const).map((direction) => ({
    direction,
    transport: 'dns',
    kinds: ['names'],
    remote: [],
    remotePort: 53,
    ...(direction === 'in' ? { reply: true as const } : {}),
    reason: direction === 'out' ? `looks up the host names among the ${among}` : 'what name servers answer',
  }));
};

const remarksOn = (settings: NetworkSettings, clients: Clients, reached: boolean): string[] => [
  ...nameless(settings).map((entry) => `The search parameter ${entry} has no address now, so that no rule speaks of it.`),
  ...(clients.remark === undefined ? [] : [clients.remark]),
  ...(settings.proxy?.addresses.length === 0 ? [`The proxy ${settings.proxy.host} has no address now, so that no rule speaks of it.`] : []),
  ...(reached ? [] : ['The license manager listens to this computer only (setting localOnly or bind).']),
  ...(reached && settings.remoteAdministration ? ['Administration from other computers is on (access.remoteAdministration).'] : []),
  ...(!reached || settings.broadcast ? [] : ['Broadcast search is off: license managers are found by the search parameters only.']),
];

export const planOf = (settings: NetworkSettings, interfaces: readonly InterfaceAddress[]): Plan => {
  const reached = listensToOthers(settings, interfaces);
  const clients = clientsOf(settings.remoteClients, settings.clients);
  const places = reached ? placesOf(settings, interfaces) : [];
  const others = reached
    ? [
        ...fromOthers(settings, clients, places),
        ...administration(settings, clients),
        ...places.flatMap((place) => toPlace(place, settings)),
        ...toProxy(settings),
        ...neighbours(places),
        ...names(settings),
      ]
    : [];
  return {
    flows: [...byLoopback(settings), ...replies(settings.port), ...others],
    remarks: remarksOn(settings, clients, reached),
  };
};
