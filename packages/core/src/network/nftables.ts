import { withoutZone } from '../discovery/index.ts';
import { plainText, type Rule } from './rules.ts';

// Rules as nftables reads them: two chains to jump to from the chains that the site has, loaded again as often as one likes.

const TABLE = 'inet filter';
const CHAINS = { in: 'keyhaven-in', out: 'keyhaven-out' } as const;

const set = (addresses: readonly string[]): string => {
  const all = addresses.map(withoutZone);
  return all.length === 1 ? (all[0] ?? '') : `{ ${all.join(', ')} }`;
};

const ports = ({ transport, localPort, remotePort, direction }: Rule): string => {
  const [source, destination] = direction === 'in' ? [remotePort, localPort] : [localPort, remotePort];
  const protocol = transport === 'dns' ? 'th' : transport;
  return [
    ...(transport === 'dns' ? ['meta l4proto { tcp, udp }'] : []),
    ...(source === undefined ? [] : [`${protocol} sport ${source}`]),
    ...(destination === undefined ? [] : [`${protocol} dport ${destination}`]),
  ].join(' ');
};

const nftablesRule = (rule: Rule): string => {
  const incoming = rule.direction === 'in';
  return [
    ...(rule.interface === undefined ? [] : [`${incoming ? 'iifname' : 'oifname'} "${plainText(rule.interface)}"`]),
    ...(rule.remote.length === 0 ? [] : [`${rule.family === 6 ? 'ip6' : 'ip'} ${incoming ? 'saddr' : 'daddr'} ${set(rule.remote)}`]),
    rule.transport === 'icmpv6' ? 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }' : ports(rule),
    ...(rule.reply === true ? ['ct state established'] : []),
    `accept comment "${rule.kinds.join(' ')}"`,
  ].join(' ');
};

const chain = (direction: 'in' | 'out', rules: readonly Rule[]): string[] => [
  `  chain ${CHAINS[direction]} {`,
  ...rules
    .filter((rule) => rule.direction === direction)
    .flatMap((rule) => [`    # ${plainText(rule.reason)}`, `    ${nftablesRule(rule)}`]),
  '  }',
];

export const nftables = (rules: readonly Rule[], remarks: readonly string[] = []): string => {
  const both = ['in', 'out'] as const;
  return [
    '# What the license manager Keyhaven needs. Load it with: nft -f FILE',
    '# It lets packets through and drops none: jump to its chains from your own, before they drop:',
    `#   nft add rule ${TABLE} input jump ${CHAINS.in}`,
    `#   nft add rule ${TABLE} output jump ${CHAINS.out}      (only where you filter what leaves)`,
    ...remarks.map((remark) => `# ${plainText(remark)}`),
    ...both.map((direction) => `add table ${TABLE}\nadd chain ${TABLE} ${CHAINS[direction]}\nflush chain ${TABLE} ${CHAINS[direction]}`),
    `table ${TABLE} {`,
    ...both.flatMap((direction) => chain(direction, rules)),
    '}',
    '',
  ].join('\n');
};
