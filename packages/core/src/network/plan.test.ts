import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isIp, networkOf } from './addresses.ts';
import { type InterfaceAddress, type NetworkSettings, nftables, type Plan, planOf, rulesOf, ufw, windows } from './index.ts';

const loopback: InterfaceAddress = { name: 'lo', address: '127.0.0.1', family: 4, cidr: '127.0.0.1/8', internal: true };
const wire: InterfaceAddress = { name: 'eth0', address: '10.1.2.3', family: 4, cidr: '10.1.2.3/24', internal: false };
const link: InterfaceAddress = { name: 'eth0', address: 'fe80::3', family: 6, cidr: 'fe80::3/64', internal: false };
const second: InterfaceAddress = { name: 'tun0', address: '172.16.4.2', family: 4, cidr: '172.16.4.2/22', internal: false };
const defaults: NetworkSettings = {
  port: 1947,
  bind: [],
  broadcast: true,
  search: [],
  intervalMinutes: 5,
  remoteClients: true,
  clients: [],
  remoteLicenses: true,
  remoteAdministration: false,
  tls: false,
};
const single = (entry: string, ...addresses: string[]) => ({
  entry,
  addresses: addresses.length === 0 && isIp(entry) ? [entry] : addresses,
});
const plan = (settings: Partial<NetworkSettings> = {}, interfaces = [loopback, wire]): Plan =>
  planOf({ ...defaults, ...settings }, interfaces);
/** One word per flow: direction, protocol, and the other side. */
const said = ({ flows }: Plan): string[] =>
  flows
    .filter((flow) => flow.interface !== 'lo' && flow.transport !== 'icmpv6' && !(flow.transport === 'tcp' && flow.reply === true))
    .map(({ direction, transport, interface: on, remote, reply }) =>
      [direction, transport, ...(on === undefined ? [] : [on]), remote.join(',') || 'any', ...(reply === true ? ['reply'] : [])].join(' '),
    );

describe('what a license manager sends and receives (R10)', () => {
  it('by default: its subnet is searched, and everybody may use its licenses', () => {
    expect(said(plan())).toEqual(['in udp any', 'in tcp any', 'out udp any reply', 'out udp eth0 10.1.2.0/24', 'out tcp eth0 10.1.2.0/24']);
  });

  it('on each subnet and link that it has; IPv6 by link-local multicast, and only then neighbour discovery', () => {
    const both = plan({}, [loopback, wire, link, second]);
    expect(said(both).slice(3)).toEqual([
      'out udp eth0 10.1.2.0/24',
      'out tcp eth0 10.1.2.0/24',
      'out udp eth0 fe80::/10,ff02::1',
      'out tcp eth0 fe80::/10',
      'out udp tun0 172.16.4.0/22',
      'out tcp tun0 172.16.4.0/22',
    ]);
    expect(both.flows.filter(({ transport }) => transport === 'icmpv6').map(({ direction }) => direction)).toEqual(['in', 'out']);
    expect(plan().flows.some(({ transport }) => transport === 'icmpv6')).toBe(false);
  });

  it('to search parameters: an address, a name with its addresses, a subnet elsewhere; what lies in an own subnet is there already', () => {
    const search = [single('192.0.2.7'), single('licenses', '198.51.100.1', '2001:db8::1'), single('203.0.113.255'), single('10.1.2.9')];
    const found = plan({ search }, [loopback, wire, link]);
    expect(said(found).slice(7, -2)).toEqual([
      'out udp 192.0.2.7',
      'out tcp 192.0.2.7',
      'out udp 198.51.100.1,2001:db8::1',
      'out tcp 198.51.100.1,2001:db8::1',
      'out udp 203.0.113.0/24',
      'out tcp 203.0.113.0/24',
    ]);
    expect(said(found).slice(-2)).toEqual(['out dns any', 'in dns any reply']);
  });

  it('asks no name server where no host name is searched', () => {
    expect(plan({ search: [single('192.0.2.7')] }).flows.some(({ transport }) => transport === 'dns')).toBe(false);
    expect(plan({ search: [single('x', '192.0.2.7')], remoteLicenses: false }).flows.some(({ transport }) => transport === 'dns')).toBe(
      false,
    );
  });

  it('says that a name has no address, and needs no rule for it', () => {
    expect(plan({ search: [single('gone')] }).remarks).toEqual([
      'The search parameter gone has no address now, so that no rule speaks of it.',
    ]);
  });

  it('where other computers may not use its licenses: hears answers to its own searches and takes no connection', () => {
    expect(said(plan({ remoteClients: false }))).toEqual(['in udp 10.1.2.0/24', 'out udp eth0 10.1.2.0/24', 'out tcp eth0 10.1.2.0/24']);
  });

  it('where access.clients are networks: from those; where they are names: from everybody, with a word why', () => {
    const narrow = plan({ clients: ['allow=192.0.2.0/24', 'allow=10.23.*', 'deny=*'] });
    expect(said(narrow).slice(0, 3)).toEqual([
      'in udp 10.1.2.0/24,192.0.2.0/24,10.23.0.0/16',
      'in tcp 192.0.2.0/24,10.23.0.0/16',
      'out udp 192.0.2.0/24,10.23.0.0/16 reply',
    ]);
    expect(said(plan({ clients: ['allow=10.1.2.0/24', 'deny=*'] }))).not.toContain('out udp 10.1.2.0/24 reply');
    expect(said(plan({ clients: ['deny=192.0.2.7', 'allow=*'] }))[1]).toBe('in tcp any');
    expect(said(plan({ clients: ['deny=192.0.2.7'] }))[1]).toBe('in tcp any');
    const byName = plan({ clients: ['allow=pc-*', 'deny=*'] });
    expect(said(byName)[1]).toBe('in tcp any');
    expect(byName.remarks).toHaveLength(1);
  });

  it('with remote administration: lets connections in though it serves nobody', () => {
    const found = plan({ remoteClients: false, remoteAdministration: true, tls: true });
    expect(
      found.flows.find(({ direction, transport, reply }) => direction === 'in' && transport === 'tcp' && reply !== true),
    ).toBeDefined();
    expect(said(found)[1]).toBe('in tcp any');
    expect(found.flows.find(({ kinds }) => kinds.includes('tls'))?.kinds).toEqual(['administration', 'health', 'tls']);
  });

  it('with a port for administration: that one for pages, from elsewhere only where it is allowed, and the other one as ever', () => {
    const ports = (found: Plan, on?: string) =>
      found.flows
        .filter(
          ({ transport, direction, interface: via, reply }) => transport === 'tcp' && direction === 'in' && via === on && reply !== true,
        )
        .map(({ localPort, kinds }) => `${localPort} ${kinds.join(' ')}`);
    const local = plan({ adminPort: 8443 });
    expect(ports(local)).toEqual(['1947 link']);
    expect(ports(local, 'lo')).toEqual(['1947 local health', '8443 administration health']);
    expect(ports(plan({ adminPort: 8443, remoteAdministration: true }))).toEqual(['1947 link', '8443 administration health']);
    expect(ports(plan({ remoteAdministration: true }))).toEqual(['1947 link']);
  });

  it('with computers named in rules: their names are looked up', () => {
    const asks = (clients: readonly string[], remoteClients = true) =>
      plan({ clients, remoteClients }).flows.filter(({ transport }) => transport === 'dns').length;
    expect([asks(['allow=pc-7', 'deny=*']), asks(['allow=pc-*', 'deny=10.*']), asks(['allow=pc-7'], false)]).toEqual([2, 0, 0]);
  });

  it('through a proxy: connections go to that alone, but on IPv6 links; datagrams go as ever', () => {
    const proxy = { host: 'proxy.example', port: 3_128, addresses: ['198.51.100.9'] };
    const found = plan({ proxy, search: [single('192.0.2.7')] }, [loopback, wire, link]);
    expect(said(found).slice(3)).toEqual([
      'out udp eth0 10.1.2.0/24',
      'out udp eth0 fe80::/10,ff02::1',
      'out tcp eth0 fe80::/10',
      'out udp 192.0.2.7',
      'out tcp 198.51.100.9',
      'out dns any',
      'in dns any reply',
    ]);
    expect(found.flows.filter(({ remotePort }) => remotePort === 3_128).map(({ direction, reply }) => [direction, reply])).toEqual([
      ['out', undefined],
      ['in', true],
    ]);
    expect(plan({ proxy: { ...proxy, addresses: [] } }).remarks).toEqual([
      expect.stringContaining('The proxy proxy.example has no address now'),
    ]);
  });

  it('bound to loopback: nothing of other computers', () => {
    for (const search of [[], [single('192.0.2.7')]]) {
      const found = plan({ bind: ['127.0.0.1', '::1'], search }, [loopback, wire, link]);
      expect(said(found)).toEqual([]);
      expect(found.remarks).toEqual(['The license manager listens to this computer only (setting localOnly or bind).']);
    }
  });

  it('bound to one address: the subnet of that only', () => {
    expect(said(plan({ bind: ['127.0.0.1', '172.16.4.2'] }, [loopback, wire, link, second])).slice(3)).toEqual([
      'out udp tun0 172.16.4.0/22',
      'out tcp tun0 172.16.4.0/22',
    ]);
  });

  it('without broadcast search: searches nobody there, and answers all the same', () => {
    const found = plan({ broadcast: false }, [loopback, wire, link]);
    const there = found.flows.filter(
      ({ transport, direction, interface: on }) => transport === 'udp' && direction === 'out' && on !== undefined,
    );
    expect(there.map(({ kinds, every, remote }) => ({ search: kinds.includes('search'), every, remote }))).toEqual([
      { search: false, every: undefined, remote: ['10.1.2.0/24'] },
      { search: false, every: undefined, remote: ['fe80::/10'] },
    ]);
  });
});

describe('firewall rules', () => {
  const everything = planOf(
    {
      ...defaults,
      search: [single('licenses', '198.51.100.1', '2001:db8::1')],
      clients: ['allow=192.0.2.0/24', 'allow=2001:db8::/32', 'deny=*'],
    },
    [loopback, wire, link],
  );

  it('have addresses of one family each', () => {
    const split = rulesOf(everything).filter(({ remote }) => remote.length > 0);
    expect(split.length).toBeGreaterThan(4);
    for (const { remote, family } of split)
      expect(new Set(remote.map((address) => (address.includes(':') ? 6 : 4)))).toEqual(new Set([family]));
  });

  it('are in every form as many as the form needs, each with its reason', () => {
    const rules = rulesOf(everything);
    const lines = nftables(rules).split('\n');
    for (const [index, line] of lines.entries()) if (line.includes(' accept ')) expect(lines[index - 1]).toMatch(/^ {4}# [a-zA-Z]/);
    expect(lines.filter((line) => line.includes(' accept '))).toHaveLength(rules.length);
    expect(
      ufw(rules).match(/^ufw allow (in|out)( on \w+)? proto (udp|tcp) from \S+( port \d+)? to \S+( port \d+)? comment '[^']+'$/gm),
    ).toHaveLength(
      ufw(rules)
        .split('\n')
        .filter((line) => line.startsWith('ufw ')).length,
    );
    expect(windows(rules)).toContain(
      "New-NetFirewallRule -Group Keyhaven -DisplayName 'Keyhaven 1 in UDP' -Direction Inbound -Action Allow -Protocol UDP -LocalPort 1947 -RemoteAddress 10.1.2.0/24,198.51.100.1,192.0.2.0/24 -Description '",
    );
  });

  it('let no word of the settings out of its comment', () => {
    const entry = `x\n  drop\n"; ufw reset' \`id\` $(id) \u2028 \\`;
    const nasty = planOf({ ...defaults, search: [single(entry, '192.0.2.7'), single(`gone\n${entry}`)] }, [
      { ...wire, name: 'e"\n$(id)\'' },
    ]);
    const rules = rulesOf(nasty);
    for (const text of [nftables(rules, nasty.remarks), ufw(rules, nasty.remarks), windows(rules, nasty.remarks)]) {
      for (const line of text.split('\n')) expect(line).not.toMatch(/^\s*(drop|"; ufw|ufw reset)/);
      expect(text).not.toMatch(/[`\\]|\$\(|\u2028/);
    }
  });
});

describe('networks in text', () => {
  it('are the address with the host bits taken away, for any address and length', () => {
    expect(
      ['10.1.2.3/24', '10.1.2.3/0', '10.1.2.3/32', 'fe80::1/64', '2001:db8:0:1::1/48', '::1/128', 'x/8', '10.1.2.3/33'].map(networkOf),
    ).toEqual(['10.1.2.0/24', '0.0.0.0/0', '10.1.2.3/32', 'fe80::/64', '2001:db8::/48', '::1/128', undefined, undefined]);
    fc.assert(
      fc.property(fc.ipV6(), fc.integer({ min: 0, max: 128 }), (address, length) => {
        const network = networkOf(`${address}/${length}`);
        expect(network).toBeDefined();
        expect(networkOf(network ?? '')).toBe(network);
      }),
    );
  });
});
