import type { PeerInfo } from '@keyhaven/core/admin';

/** The subnet that an address is usually in: the first 24 bits, of IPv6 the first 64. */
export const subnetOf = (address: string): string => {
  const [plain = ''] = address.replace(/^::ffff:/i, '').split('%');
  const v4 = /^(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/.exec(plain);
  if (v4?.[1] !== undefined) return `${v4[1]}.0/24`;
  if (!plain.includes(':')) return 'Elsewhere';
  const [head = '', tail] = plain.toLowerCase().split('::');
  const parts = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const whole =
    tail === undefined ? parts : [...parts, ...Array.from({ length: Math.max(0, 8 - parts.length - after.length) }, () => '0'), ...after];
  return `${whole
    .slice(0, 4)
    .map((part) => part.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
};

/** License managers by subnet, in order. */
export const bySubnet = (peers: readonly PeerInfo[]): readonly (readonly [subnet: string, peers: readonly PeerInfo[]])[] => {
  const found = new Map<string, PeerInfo[]>(); // BOUNDED by the peers
  for (const peer of peers) {
    // An address of a peer has its port.
    const subnet = subnetOf(peer.address.replace(/:\d+$/, ''));
    found.set(subnet, [...(found.get(subnet) ?? []), peer]);
  }
  return [...found].toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
};
