import { isIPv6 } from 'node:net';
import type { Link } from './answerer-links.ts';

// Which computer the LMs of several links run on (K34). Each link has proven its station, and a copied key of a station would prove it as well. So a
// station is believed from one IPv4 and one IPv6 address at a time: the LMs of one computer call from the same one, and a second computer
// does not, unless it is behind the same address translation.

export type Stations = {
  came(link: Link): void;
  left(link: Link): void;
  /** The GUID of the station, `local` for the computer of this LM; undefined = the link counts by its own LM. */
  of(link: Link): string | undefined;
};

const plain = (address: string): string => address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
const familyOf = (address: string): 4 | 6 => (isIPv6(address) ? 6 : 4);

/** @param self the GUID of this LM, which vouches for other LMs of its computer */
export const createStations = (self: string): Stations => {
  const linksOf = new Map<string, Set<Link>>(); // BOUNDED by the links

  const nameOf = ({ keys: { peer } }: Link): string => peer.station ?? peer.guid;
  const contradicts = (one: Link, other: Link): boolean => {
    const [own, others] = [plain(one.address), plain(other.address)];
    return own !== others && familyOf(own) === familyOf(others);
  };

  return {
    came(link) {
      const station = nameOf(link);
      const links = linksOf.get(station) ?? new Set();
      links.add(link);
      linksOf.set(station, links);
    },
    left(link) {
      const links = linksOf.get(nameOf(link));
      links?.delete(link);
      if (links?.size === 0) linksOf.delete(nameOf(link));
    },
    of(link) {
      const { station } = link.keys.peer;
      if (station === undefined) return undefined;
      if (station === self) return 'local';
      for (const other of linksOf.get(station) ?? []) if (contradicts(link, other)) return undefined;
      return station;
    },
  };
};
