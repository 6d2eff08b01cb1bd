import type { Duplicate } from '@keyhaven/core/admin';
import { type Clock, MINUTE, type Wall } from '@keyhaven/core/time';

// Other computers with the GUID of this one, for people to see (R5, K9): a datagram that only says so, or a proof by the private key of the
// identity, which is a copy of this computer's state.

/** How long one counts after it was last heard. A copy says something at every search. */
const REMEMBERED_MS = 15 * MINUTE;
/** BOUNDED: those that are known; anybody can invent addresses, and what is proven stays before what is said. */
const MAX_KNOWN = 16;

type Known = { readonly address: string; readonly host: string | undefined; readonly at: Wall; readonly until: number };

export type Duplicates = {
  /** @returns whether that is news */
  heard(address: string): boolean;
  proven(host: string, address: string): boolean;
  list(): readonly Duplicate[];
};

export const createDuplicates = (clock: Clock): Duplicates => {
  const known = new Map<string, Known>(); // BOUNDED by MAX_KNOWN
  const forgetOld = (): void => {
    for (const [name, { until }] of known) if (until <= clock.mono()) known.delete(name);
  };
  const put = (address: string, host: string | undefined): boolean => {
    forgetOld();
    const before = known.get(address);
    const name = host ?? before?.host;
    known.delete(address);
    known.set(address, { address, host: name, at: clock.wall(), until: clock.mono() + REMEMBERED_MS });
    const [least] = [...known.values()].toSorted((a, b) => Number(a.host !== undefined) - Number(b.host !== undefined));
    if (known.size > MAX_KNOWN && least !== undefined) known.delete(least.address);
    return known.has(address) && (before === undefined || before.host !== name);
  };
  return {
    heard: (address) => put(address, undefined),
    proven: (host, address) => put(address, host),
    list() {
      forgetOld();
      return [...known.values()].map(({ address, host, at }) => ({
        address,
        host: host ?? null,
        proven: host !== undefined,
        at: new Date(at).toISOString(),
      }));
    },
  };
};
