// Addresses in rules (field-facts 2.5): `10.23.*`, `192.168.0.0/16`, `fe80::/10`, `2001:db8::7`. An address is compared as its bits, so that
// every way to write it is the same address, and an IPv4 address inside IPv6 (`::ffff:10.0.0.1`, as sockets show it) is the IPv4 address.

/** The first `length` bits of an address are those of `bits`. */
export type AddressPattern = { readonly family: 4 | 6; readonly bits: bigint; readonly length: number };

const WIDTH = { 4: 32, 6: 128 } as const;
const MAPPED = 0xffffn;

const octetsOf = (text: string): bigint[] | undefined => {
  const octets = text.split('.');
  return octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) <= 255) ? octets.map(BigInt) : undefined;
};

const joined = (parts: readonly bigint[], width: bigint): bigint => parts.reduce((bits, part) => (bits << width) | part, 0n);

const bitsOf4 = (text: string): bigint | undefined => {
  const octets = octetsOf(text);
  return octets?.length === 4 ? joined(octets, 8n) : undefined;
};

/** Groups of one side of `::`; an IPv4 address at its end counts as two. */
const groupsOf = (text: string): bigint[] | undefined => {
  if (text === '') return [];
  const groups: bigint[] = [];
  for (const [index, part] of text.split(':').entries()) {
    const last = index === text.split(':').length - 1;
    const four = last && part.includes('.') ? bitsOf4(part) : undefined;
    if (four !== undefined) groups.push(four >> 16n, four & 0xffffn);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
};

const bitsOf6 = (text: string): bigint | undefined => {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = [groupsOf(halves[0] ?? ''), groupsOf(halves[1] ?? '')];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return joined([...head, ...Array.from({ length: missing }, () => 0n), ...tail], 16n);
};

const parseAddress = (text: string): { readonly family: 4 | 6; readonly bits: bigint } | undefined => {
  const four = bitsOf4(text);
  if (four !== undefined) return { family: 4, bits: four };
  const six = text.includes(':') ? bitsOf6(text.split('%', 1)[0] ?? '') : undefined;
  if (six === undefined) return undefined;
  return six >> 32n === MAPPED ? { family: 4, bits: six & 0xffff_ffffn } : { family: 6, bits: six };
};

/** Whether a person who wrote this meant an address, right or wrong: no name of a computer looks like it. */
export const looksLikeAddress = (text: string): boolean => /^[\d.*/]*\d[\d.*/]*$/.test(text) || text.includes(':') || text.includes('/');

/** undefined where it is none. */
export const parseAddressPattern = (text: string): AddressPattern | undefined => {
  const [address = '', prefix, ...rest] = text.split('/');
  if (rest.length > 0) return undefined;
  const wild = /^((?:\d+\.){1,3})\*(?:\.\*)*$/.exec(text);
  if (wild !== null) {
    const octets = octetsOf((wild[1] ?? '').slice(0, -1));
    const stars = text.split('.').length;
    if (octets === undefined || stars > 4) return undefined;
    return { family: 4, bits: joined(octets, 8n) << BigInt(32 - 8 * octets.length), length: 8 * octets.length };
  }
  const parsed = address.includes('%') ? undefined : parseAddress(address);
  if (parsed === undefined) return undefined;
  if (prefix === undefined) return { ...parsed, length: WIDTH[parsed.family] };
  const length = /^(0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (!(length <= WIDTH[parsed.family]) || (parsed.family === 4 && address.includes(':'))) return undefined;
  // `10.1.2.3/8` is a mistake of one of its halves, and nobody knows of which.
  const rest4 = parsed.bits & ((1n << BigInt(WIDTH[parsed.family] - length)) - 1n);
  return rest4 === 0n ? { ...parsed, length } : undefined;
};

/** Whether two texts are the same address, however each is written. */
export const sameAddress = (a: string, b: string): boolean => {
  const [one, other] = [parseAddress(a), parseAddress(b)];
  return one !== undefined && other !== undefined && one.family === other.family && one.bits === other.bits;
};

/** Of an address as a socket tells it; what is no address matches nothing. */
export const matchesAddress = (pattern: AddressPattern, address: string): boolean => {
  const parsed = parseAddress(address);
  if (parsed === undefined || parsed.family !== pattern.family) return false;
  const shift = BigInt(WIDTH[pattern.family] - pattern.length);
  return parsed.bits >> shift === pattern.bits >> shift;
};
