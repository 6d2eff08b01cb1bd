import { planOf } from './plan.ts';
import { type Rule, rulesOf } from './rules.ts';
import type { InterfaceAddress, NetworkSettings } from './settings.ts';

// Sites as docs/network.md tells of them, by the addresses that are set aside for documentation (RFC 5737, RFC 3849).

type Example = { readonly settings: Partial<NetworkSettings>; readonly interfaces: readonly InterfaceAddress[] };

const DEFAULTS: NetworkSettings = {
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
const at = (name: string, cidr: string): InterfaceAddress => ({
  name,
  address: cidr.split('/')[0] ?? '',
  family: cidr.includes(':') ? 6 : 4,
  cidr,
  internal: false,
});
const one = (entry: string, address = entry) => ({ entry, addresses: [address] });
const office = at('eth0', '192.0.2.10/24');

const sites: Readonly<Record<string, Example>> = {
  'one subnet': { settings: {}, interfaces: [office, at('eth0', 'fe80::10/64')] },
  'several subnets': { settings: { search: [one('198.51.100.7'), one('203.0.113.255')] }, interfaces: [office] },
  VPN: {
    settings: { search: [one('licenses.example.org', '198.51.100.7')], clients: ['allow=192.0.2.0/24', 'allow=198.51.100.0/24', 'deny=*'] },
    interfaces: [office, at('tun0', '10.8.0.2/32')],
  },
  'no broadcast': { settings: { broadcast: false, search: [one('192.0.2.7')], remoteClients: false }, interfaces: [office] },
  container: { settings: { search: [one('192.0.2.7')], remoteClients: false }, interfaces: [at('eth0', '172.17.0.5/16')] },
};

export const exampleSites = Object.keys(sites);

/** @throws RangeError for a site that is not among them. */
export const exampleRules = (site: string): readonly Rule[] => {
  const example = sites[site];
  if (example === undefined) throw new RangeError(`no example ${site}`);
  return rulesOf(planOf({ ...DEFAULTS, ...example.settings }, example.interfaces));
};
