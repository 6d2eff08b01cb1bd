import { isLoopback } from '@keyhaven/core/discovery';

// Where a request comes from, as far as limits per computer go (S14). Whoever has one IPv6 address has its whole /64, so that counts as one;
// on a link (fe80::/10) all computers share theirs, so there each address counts. This computer itself is not limited.

/** BOUNDED: of one origin at a time; further ones push out the oldest of the same origin, never another's. */
export const MAX_HANDSHAKES_PER_ORIGIN = 64;
export const MAX_LINKS_PER_ORIGIN = 256;

/** undefined = without a limit. */
export const originOf = (address: string): string | undefined => {
  const plain = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
  if (isLoopback(plain)) return undefined;
  if (!plain.includes(':') || /^fe[89ab]/.test(plain)) return plain;
  const [head = '', tail] = plain.split('%', 1)[0]?.split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  const behind = tail === undefined || tail === '' ? [] : tail.split(':');
  const all =
    tail === undefined
      ? groups
      : [...groups, ...Array.from({ length: Math.max(0, 8 - groups.length - behind.length) }, () => '0'), ...behind];
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
};

/** Of entries in the order of their age, how many an origin has. */
export const createOriginCount = () => {
  const counts = new Map<string, number>(); // BOUNDED by what is counted
  return {
    of: (origin: string | undefined): number => (origin === undefined ? 0 : (counts.get(origin) ?? 0)),
    add(origin: string | undefined, more: 1 | -1): void {
      if (origin === undefined) return;
      const sum = (counts.get(origin) ?? 0) + more;
      if (sum === 0) counts.delete(origin);
      else counts.set(origin, sum);
    },
  };
};
