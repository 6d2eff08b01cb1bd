import { originOf } from '../peers/index.ts';

// Who may have one more connection (S14). Other computers together leave room for this one, so that its applications are served whatever anybody does over
// the network. Those that nobody knows leave room for those that have proven something: license managers with a link, and the administrator. One IPv6
// address comes with its whole /64, so unknown computers of one /64 count as one; each of them that is known counts by itself.

export type AdmissionLimits = {
  /** BOUNDED: connections at a time, of all kinds. */
  readonly connections: number;
  /** BOUNDED: connections at a time of one other computer. */
  readonly connectionsPerAddress: number;
};
export type Admission = {
  readonly count: number;
  /** Counts one more connection, until `leave`; or why there is none more. */
  take(address: string): { leave(): void } | { readonly refused: string };
};

/** Of all connections: what other computers may have; what those that are unknown may have; and what one network of theirs may have. */
const sharesOf = (connections: number) => ({
  others: Math.floor((connections * 7) / 8),
  unknown: Math.floor((connections * 3) / 4),
  network: Math.floor((connections * 3) / 8),
});
/** How often it is looked who of all unknown ones has become known. */
const REVIEW_MS = 1_000;

type Entry = { readonly address: string; readonly origin: string; unknown: boolean };

/** The /64 of an address, or of link-local ones the link: there, any computer can take any address. */
const networkOf = (origin: string): string => (/^fe[89ab]/.test(origin) ? `link ${origin.split('%')[1] ?? ''}` : origin);

const createCounts = () => {
  const counts = new Map<string, number>(); // BOUNDED by connections
  return {
    of: (name: string): number => counts.get(name) ?? 0,
    add(name: string, more: 1 | -1): void {
      const sum = (counts.get(name) ?? 0) + more;
      if (sum > 0) counts.set(name, sum);
      else counts.delete(name);
    },
  };
};

/** @param isKnown whether somebody at an address has proven something. @param now milliseconds, only forward */
export const createAdmission = (
  { connections, connectionsPerAddress }: AdmissionLimits,
  isKnown: (address: string) => boolean,
  now: () => number,
): Admission => {
  const shares = sharesOf(connections);
  const [ofAddress, ofNetwork] = [createCounts(), createCounts()];
  /** Of each origin. BOUNDED by connections. */
  const unknown = new Map<string, Set<Entry>>();
  let all = 0;
  let others = 0;
  let strangers = 0;
  let reviewed = Number.NEGATIVE_INFINITY;

  const forget = (entry: Entry): void => {
    if (!entry.unknown) return;
    entry.unknown = false;
    strangers -= 1;
    const of = unknown.get(entry.origin);
    of?.delete(entry);
    if (of?.size === 0) unknown.delete(entry.origin);
  };
  /** Whoever has proven something since it came is unknown no more. */
  const review = (of: Iterable<Entry>): void => {
    for (const entry of [...of]) if (isKnown(entry.address)) forget(entry);
  };
  const unknownFull = (origin: string): string | undefined => {
    const of = unknown.get(origin);
    if ((of?.size ?? 0) >= connectionsPerAddress) {
      review(of ?? []);
      if ((unknown.get(origin)?.size ?? 0) >= connectionsPerAddress) return 'too many connections of one computer';
    }
    if (strangers >= shares.unknown && now() - reviewed >= REVIEW_MS) {
      reviewed = now();
      review([...unknown.values()].flatMap((each) => [...each]));
    }
    return strangers >= shares.unknown ? 'too many connections of unknown computers' : undefined;
  };
  const refusalOf = (address: string, origin: string | undefined, known: boolean): string | undefined => {
    if (all >= connections) return 'too many connections';
    if (origin === undefined) return undefined;
    if (ofAddress.of(address) >= connectionsPerAddress) return 'too many connections of one computer';
    if (ofNetwork.of(networkOf(origin)) >= shares.network) return 'too many connections of one network';
    if (others >= shares.others) return 'too many connections of other computers';
    return known ? undefined : unknownFull(origin);
  };

  return {
    get count() {
      return all;
    },
    take(address) {
      const origin = originOf(address);
      const known = origin === undefined || isKnown(address);
      const refused = refusalOf(address, origin, known);
      if (refused !== undefined) return { refused };
      all += 1;
      if (origin === undefined)
        return {
          leave() {
            all -= 1;
          },
        };
      const entry: Entry = { address, origin, unknown: !known };
      others += 1;
      ofAddress.add(address, 1);
      ofNetwork.add(networkOf(origin), 1);
      if (!known) {
        strangers += 1;
        unknown.set(origin, (unknown.get(origin) ?? new Set<Entry>()).add(entry));
      }
      return {
        leave() {
          all -= 1;
          others -= 1;
          ofAddress.add(address, -1);
          ofNetwork.add(networkOf(origin), -1);
          forget(entry);
        },
      };
    },
  };
};
