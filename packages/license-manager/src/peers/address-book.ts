import { familyOf } from '@keyhaven/core/discovery';
import type { PeerAddress } from './post.ts';

// Where one other LM may be: the addresses that discovery heard its GUID from, of both families and in several subnets (R3). A datagram is a hint,
// so anybody can put an address in; the ones where the LM has proven itself stay longest.

/** BOUNDED: addresses of one LM. */
export const MAX_ADDRESSES = 8;

type Entry = { readonly address: PeerAddress; proven: boolean; failed: boolean };

export type AddressBook = {
  /** The one in use, or that was last, or the first that was heard of. */
  readonly current: PeerAddress;
  /** Heard of now. */
  heard(address: PeerAddress): void;
  /** The LM proved itself there: in use from now on. */
  proven(address: PeerAddress): void;
  failed(address: PeerAddress): void;
  /** In the order to try them: those that failed last come last, the one in use first, and families by turns (RFC 8305 section 4). */
  order(): readonly PeerAddress[];
};

export const sameAddress = (a: PeerAddress, b: PeerAddress): boolean => a.host === b.host && a.port === b.port;

/** Takes one of each by turns, beginning with the family of the first. */
const byTurns = (list: readonly PeerAddress[]): PeerAddress[] => {
  const first = familyOf(list[0]?.host ?? '');
  const [same, other] = [list.filter(({ host }) => familyOf(host) === first), list.filter(({ host }) => familyOf(host) !== first)];
  return Array.from({ length: Math.max(same.length, other.length) }).flatMap((_, index) =>
    [same[index], other[index]].filter((each) => each !== undefined),
  );
};

export const createAddressBook = (first: PeerAddress): AddressBook => {
  let entries: Entry[] = [{ address: first, proven: false, failed: false }]; // BOUNDED by MAX_ADDRESSES; the latest last
  let current = first;
  const find = (address: PeerAddress): Entry | undefined => entries.find((each) => sameAddress(each.address, address));
  const put = (address: PeerAddress): Entry => {
    const entry = find(address) ?? { address, proven: false, failed: false };
    entries = [...entries.filter((each) => each !== entry), entry];
    if (entries.length > MAX_ADDRESSES) {
      const spare = entries.filter((each) => each !== entry && !sameAddress(each.address, current));
      const out = spare.find(({ proven }) => !proven) ?? spare[0];
      entries = entries.filter((each) => each !== out);
    }
    return entry;
  };
  return {
    get current() {
      return current;
    },
    heard(address) {
      put(address).failed = false;
    },
    proven(address) {
      const entry = put(address);
      entry.proven = true;
      entry.failed = false;
      current = entry.address;
    },
    failed(address) {
      const entry = find(address);
      if (entry !== undefined) entry.failed = true;
    },
    order() {
      const rank = ({ address, failed, proven }: Entry): number =>
        (failed ? 4 : 0) + (sameAddress(address, current) ? 0 : 2) + (proven ? 0 : 1);
      const ranked = entries.toReversed().toSorted((a, b) => rank(a) - rank(b));
      const addressesOf = (failed: boolean): PeerAddress[] => ranked.filter((each) => each.failed === failed).map(({ address }) => address);
      return [...byTurns(addressesOf(false)), ...byTurns(addressesOf(true))];
    },
  };
};
