import { directedBroadcast, familyOf, isBroadcast, withoutZone } from '../discovery/index.ts';
import { isWithin, networkOf } from './addresses.ts';
import type { InterfaceAddress, NetworkSettings } from './settings.ts';

// Where other license managers can be, as the settings and the interfaces say. The search goes there, answers come from there, and there
// the LMs are that are connected.

export type Place =
  /** An IPv4 subnet of this computer. */
  | { readonly kind: 'subnet'; readonly interface: string; readonly network: string; readonly broadcast: string }
  /** The link of an interface with IPv6: all nodes are asked, and answer from their link-local addresses. */
  | { readonly kind: 'link'; readonly interface: string; readonly network: string; readonly broadcast: string }
  /** A search parameter: single addresses. */
  | { readonly kind: 'addresses'; readonly entry: string; readonly addresses: readonly string[] }
  /** A search parameter that is the broadcast address of a subnet elsewhere; answers come from its computers. */
  | { readonly kind: 'remote subnet'; readonly entry: string; readonly network: string };

const ALL_NODES = 'ff02::1';
const LINK_LOCAL = 'fe80::/10';
const ANY = { 4: '0.0.0.0', 6: '::' } as const;

const maskOf = (cidr: string): string => {
  const length = Number(cidr.split('/')[1]);
  return [0, 1, 2, 3].map((octet) => 256 - 2 ** (8 - Math.min(8, Math.max(0, length - octet * 8)))).join('.');
};

/** Whether sockets of this address family are open at that address (settings `bind`). */
const boundTo = (bind: readonly string[], { address, family }: InterfaceAddress): boolean =>
  bind.length === 0 || bind.includes(ANY[family]) || bind.some((own) => withoutZone(own) === withoutZone(address));

/** Sockets that speak to other computers. */
const speaks = (bind: readonly string[], family: 4 | 6, interfaces: readonly InterfaceAddress[]): boolean =>
  interfaces.some((each) => each.family === family && !each.internal && boundTo(bind, each));

const ownPlaces = ({ bind }: NetworkSettings, interfaces: readonly InterfaceAddress[]): Place[] => {
  const places = interfaces.flatMap((each): Place[] => {
    if (each.internal || !boundTo(bind, each)) return [];
    if (each.family === 6) {
      return [{ kind: 'link', interface: each.name, network: LINK_LOCAL, broadcast: ALL_NODES }];
    }
    const network = networkOf(each.cidr);
    const everybody = directedBroadcast(each.address, maskOf(each.cidr));
    return network === undefined || everybody === undefined
      ? []
      : [{ kind: 'subnet', interface: each.name, network, broadcast: everybody }];
  });
  // Several addresses of one interface in one network are one place.
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()];
};

export const placesOf = (settings: NetworkSettings, interfaces: readonly InterfaceAddress[]): readonly Place[] => {
  const own = ownPlaces(settings, interfaces);
  const asked = settings.remoteLicenses ? settings.search : [];
  const more = asked.flatMap(({ entry, addresses }): Place[] => {
    const reached = addresses.filter((address) => speaks(settings.bind, familyOf(address), interfaces));
    const rest = reached.filter((address) => !own.some((place) => 'interface' in place && isWithin(address, place.network)));
    // R2 calls x.x.x.255 a broadcast address; how large the subnet behind it is, nobody here knows.
    const subnets = rest.filter(isBroadcast);
    const single = rest.filter((address) => !subnets.includes(address));
    return [
      ...subnets.map((address): Place => ({ kind: 'remote subnet', entry: address, network: networkOf(`${address}/24`) ?? address })),
      ...(single.length === 0 ? [] : [{ kind: 'addresses' as const, entry, addresses: single }]),
    ];
  });
  return [...own, ...more];
};

/** Search parameters that have no address now. */
export const nameless = (settings: NetworkSettings): readonly string[] =>
  settings.remoteLicenses ? settings.search.filter(({ addresses }) => addresses.length === 0).map(({ entry }) => entry) : [];

/** Whether other computers can reach the sockets of this LM at all. */
export const listensToOthers = ({ bind }: NetworkSettings, interfaces: readonly InterfaceAddress[]): boolean =>
  bind.length === 0 || speaks(bind, 4, interfaces) || speaks(bind, 6, interfaces);
