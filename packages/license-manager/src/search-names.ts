import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isLoopback, withoutZone } from '@keyhaven/core/discovery';
import { type Resolve, systemResolve } from './net/index.ts';

// The host names of "Remote License Search Parameters" (R1), as this license manager asks them. A name that is of no use is told once, and again
// only when something else is wrong with it; it is looked up at each search all the same, for that may change.

/** BOUNDED: addresses of one name; whoever answers for it says how many there are. */
const MAX_ADDRESSES = 64;
/** BOUNDED: names of which something was told; the oldest is forgotten first. */
const MAX_TOLD = 1_024;

const ownAddresses = (): ReadonlySet<string> =>
  new Set(Object.values(networkInterfaces()).flatMap((infos) => (infos ?? []).map(({ address }) => address)));

/** `onTrouble` gets the name and what is wrong with it. */
export const createSearchNames = ({
  ipv6,
  onTrouble,
  resolve = systemResolve,
  own = ownAddresses,
}: {
  readonly ipv6: boolean;
  readonly onTrouble: (name: string, trouble: string) => void;
  readonly resolve?: Resolve;
  readonly own?: () => ReadonlySet<string>;
}): Resolve => {
  const told = new Map<string, string>(); // BOUNDED by MAX_TOLD
  const note = (name: string, trouble: string | undefined): void => {
    if (told.get(name) === trouble) return;
    told.delete(name);
    if (trouble === undefined) return;
    told.set(name, trouble);
    const [oldest] = told.keys();
    if (told.size > MAX_TOLD && oldest !== undefined) told.delete(oldest);
    onTrouble(name, trouble);
  };
  const troubleOf = (all: readonly string[], usable: readonly string[]): string | undefined => {
    if (all.length === 0) return 'it has no address';
    if (usable.length === 0) return 'it has addresses of IPv6 only, which is off';
    const here = own();
    if (usable.every((address) => isLoopback(address) || here.has(withoutZone(address)))) return 'it is a name of this computer itself';
    return usable.length > MAX_ADDRESSES ? `it has ${usable.length} addresses; ${MAX_ADDRESSES} of them are asked` : undefined;
  };
  return async (name) => {
    try {
      const all = await resolve(name);
      const usable = all.filter((address) => ipv6 || !isIPv6(address));
      note(name, troubleOf(all, usable));
      return usable.slice(0, MAX_ADDRESSES);
    } catch (error) {
      note(name, 'it has no address');
      throw error;
    }
  };
};
