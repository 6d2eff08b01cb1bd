// One spelling for every IPv4 and IPv6 address, so that addresses can be compared as text. A zone (`%eth0`) is left out, because it
// means something only on the computer that wrote it; an IPv4 address inside IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.

/** The address in its canonical spelling; undefined for a text that is none. */
export function canonicalAddress(text: string): string | undefined {
  const [bare = ''] = text.trim().split('%');
  return bare.includes(':') ? canonicalIpv6(bare) : canonicalIpv4(bare);
}

function canonicalIpv4(text: string): string | undefined {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255) ? text : undefined;
}

function canonicalIpv6(text: string): string | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  const [high = 0, low = 0] = groups.slice(6);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  }
  return groups.map((group) => group.toString(16)).join(':');
}

// An IPv4 address may only stand at the very end.
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const ipv4 = last && index === parts.length - 1 ? canonicalIpv4(part) : undefined;
    if (ipv4 === undefined) return undefined;
    const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
    groups.push(a * 256 + b, c * 256 + d);
  }
  return groups;
}
