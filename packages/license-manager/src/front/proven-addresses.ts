// From where the administrator has proven himself of late: there is room for his connections (admission.ts).

/** BOUNDED: addresses that are remembered, and for how long. */
const MAX_REMEMBERED = 64;
const REMEMBERED_MS = 12 * 3_600_000;

/** @param now milliseconds, only forward */
export const createProvenAddresses = (now: () => number) => {
  const addresses = new Map<string, number>(); // BOUNDED by MAX_REMEMBERED, the latest last
  return {
    note(address: string): void {
      addresses.delete(address);
      addresses.set(address, now());
      const [oldest] = addresses.keys();
      if (addresses.size > MAX_REMEMBERED && oldest !== undefined) addresses.delete(oldest);
    },
    has: (address: string): boolean => now() - (addresses.get(address) ?? Number.NEGATIVE_INFINITY) < REMEMBERED_MS,
  };
};
