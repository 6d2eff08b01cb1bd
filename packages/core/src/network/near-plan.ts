import { isBroadcast } from '../discovery/index.ts';
import { isIp, networkOf } from './addresses.ts';
import { type Place, placesOf } from './places.ts';
import { type Flow, type Plan, toProxy } from './plan.ts';
import type { InterfaceAddress, NetworkSettings, SearchEntry } from './settings.ts';

// What the External and Integrated LMs of this computer send and receive (R2). They listen on nothing: by TCP they connect to single addresses, by UDP
// they ask broadcast addresses from a port that the system picks, and the answers come to that port.

export type NearNetwork = {
  readonly port: number;
  readonly remoteLicenses: boolean;
  /** Their subnets are asked by broadcast, too. */
  readonly broadcast: boolean;
  readonly search: readonly SearchEntry[];
  readonly intervalMinutes: number;
  /** Other license managers are connected through it; absent = straight. */
  readonly proxy?: NetworkSettings['proxy'];
};

const subnetsOf = (near: NearNetwork, interfaces: readonly InterfaceAddress[]): Extract<Place, { kind: 'subnet' }>[] => {
  const { proxy: _proxy, ...of } = near;
  const here: NetworkSettings = {
    ...of,
    search: [],
    bind: [],
    remoteClients: false,
    clients: [],
    remoteAdministration: false,
    tls: false,
  };
  return placesOf(here, interfaces).flatMap((place) => (place.kind === 'subnet' ? [place] : []));
};

const asked = (network: string, on: string | undefined, { port, intervalMinutes }: NearNetwork, there: string): Flow[] => {
  const where = { ...(on === undefined ? {} : { interface: on }), remote: [network], remotePort: port } as const;
  return [
    {
      direction: 'out',
      transport: 'udp',
      kinds: ['search'],
      ...where,
      every: `${intervalMinutes} minutes and up to a fifth more`,
      reason: `applications search for license managers ${there}`,
    },
    {
      direction: 'in',
      transport: 'udp',
      kinds: ['answer'],
      ...where,
      reason: `answers to searches of applications ${there}, to a port that the system picks`,
    },
    { direction: 'out', transport: 'tcp', kinds: ['link'], ...where, reason: `applications connect to the license managers ${there}` },
  ];
};

export const planOfNear = (near: NearNetwork, interfaces: readonly InterfaceAddress[]): Plan => {
  const { port, remoteLicenses } = near;
  if (!remoteLicenses) return { flows: [], remarks: ['These applications use no license of other computers.'] };
  const subnets = subnetsOf(near, interfaces);
  const straight: Flow[] = [];
  const remarks: string[] = [];
  for (const { interface: on, network, broadcast } of subnets) {
    if (near.broadcast || near.search.some(({ entry }) => entry === broadcast))
      straight.push(...asked(network, on, near, `in the subnet of ${on}`));
  }
  for (const { entry, addresses } of near.search) {
    if (addresses.length === 0) remarks.push(`The search parameter ${entry} has no address now, so that no rule speaks of it.`);
    if (subnets.some(({ broadcast }) => broadcast === entry)) continue;
    const network = isBroadcast(entry) ? networkOf(`${entry}/24`) : undefined;
    if (network !== undefined) straight.push(...asked(network, undefined, near, `in the subnet behind ${entry} (taken as ${network})`));
    else if (addresses.length > 0) {
      const reason = `applications connect to the license manager at the search parameter ${entry}`;
      straight.push({ direction: 'out', transport: 'tcp', kinds: ['link'], remote: addresses, remotePort: port, reason });
    }
  }
  const { proxy } = near;
  // Datagrams go as they are; connections go to the proxy alone.
  const flows =
    proxy === undefined || straight.length === 0
      ? straight
      : [...straight.filter(({ transport }) => transport !== 'tcp'), ...toProxy({ proxy })];
  if (proxy?.addresses.length === 0) remarks.push(`The proxy ${proxy.host} has no address now, so that no rule speaks of it.`);
  if (flows.length > 0 && proxy === undefined) {
    const reason = 'what license managers send on connections that applications made to them';
    flows.unshift({ direction: 'in', transport: 'tcp', kinds: ['link'], remote: [], remotePort: port, reply: true, reason });
  }
  if (
    [...near.search.map(({ entry }) => entry), ...(proxy === undefined || straight.length === 0 ? [] : [proxy.host])].some(
      (name) => !isIp(name),
    )
  ) {
    const dns = { transport: 'dns', kinds: ['names'], remote: [], remotePort: 53 } as const;
    flows.push(
      { direction: 'out', ...dns, reason: 'looks up the host names among the search parameters' },
      { direction: 'in', ...dns, reply: true, reason: 'what name servers answer' },
    );
  }
  if (flows.some(({ remote }) => remote.some((address) => address.includes(':')))) {
    const reason = 'IPv6 finds hardware addresses by it and does not work without';
    for (const direction of ['in', 'out'] as const)
      flows.push({ direction, transport: 'icmpv6', kinds: ['neighbours'], remote: [], reason });
  }
  return { flows, remarks };
};
