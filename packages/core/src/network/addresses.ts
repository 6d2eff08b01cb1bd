import { type AddressPattern, matchesAddress, parseAddressPattern } from '../users/address-pattern.ts';

// Networks in text form (`10.1.2.0/24`), from addresses and from rules of the settings.

const WIDTH = { 4: 32n, 6: 128n } as const;

const textOf = (family: 4 | 6, bits: bigint): string => {
  const part = (index: number, size: bigint, count: number): bigint => (bits >> (size * BigInt(count - 1 - index))) & ((1n << size) - 1n);
  if (family === 4) return Array.from({ length: 4 }, (_, index) => part(index, 8n, 4)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => part(index, 16n, 8).toString(16));
  // The longest run of zeros becomes `::` (RFC 5952).
  const runs = groups.map((_, start) => groups.slice(start).findIndex((group) => group !== '0'));
  const lengths = runs.map((length, start) => (length < 0 ? 8 - start : length));
  const longest = Math.max(...lengths);
  if (longest < 2) return groups.join(':');
  const start = lengths.indexOf(longest);
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + longest).join(':')}`;
};

/** `10.0.0.0/8`; a single address without its length. */
export const sayPattern = ({ family, bits, length }: AddressPattern): string =>
  BigInt(length) === WIDTH[family] ? textOf(family, bits) : `${textOf(family, bits)}/${length}`;

/** The network of an address with its length (`10.1.2.3/24` is in `10.1.2.0/24`); undefined for what is none. */
export const networkOf = (cidr: string): string | undefined => {
  const [address = '', length = ''] = cidr.split('/');
  const pattern = parseAddressPattern(address);
  if (pattern === undefined || !/^\d{1,3}$/.test(length) || BigInt(length) > WIDTH[pattern.family]) return undefined;
  const rest = WIDTH[pattern.family] - BigInt(length);
  return `${textOf(pattern.family, (pattern.bits >> rest) << rest)}/${length}`;
};

export const isWithin = (address: string, network: string): boolean => {
  const pattern = parseAddressPattern(network);
  return pattern !== undefined && matchesAddress(pattern, address);
};

export const isIp = (text: string): boolean => {
  const pattern = parseAddressPattern(text.split('%', 1)[0] ?? '');
  return pattern !== undefined && BigInt(pattern.length) === WIDTH[pattern.family] && !text.includes('/');
};
