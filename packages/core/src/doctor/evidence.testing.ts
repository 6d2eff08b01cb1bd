import type { AddressEvidence, Evidence, HostEvidence } from './evidence.ts';

// Evidence in which all is well, to be broken in one place or another.

export const OTHER = 'guid-of-keys';
export const ADDRESS = '192.0.2.7';

export const wellAddress: AddressEvidence = {
  address: ADDRESS,
  place: { kind: 'subnet', group: '192.0.2.255' },
  tcp: { kind: 'connected', ms: 1 },
  hello: { kind: 'license manager', guid: OTHER, name: 'keys', aheadSeconds: 0 },
  link: { kind: 'linked', as: 'itself', call: 'arrived', inbound: 'arrived', there: 'passed', back: 'passed' },
  udp: { kind: 'answered', from: ADDRESS, guid: OTHER, ms: 2 },
  direct: { kind: 'answered', from: ADDRESS, guid: OTHER, ms: 2 },
};
/** What the other side could not tell: nobody was linked. */
export const alone = ({ address, place, tcp, udp, direct }: AddressEvidence): AddressEvidence => ({ address, place, tcp, udp, direct });

export const hostOf = (...addresses: readonly AddressEvidence[]): HostEvidence => ({
  asked: addresses[0]?.address ?? '',
  host: addresses[0]?.address ?? '',
  port: 1947,
  name: { kind: 'address' },
  addresses,
});
export const namedHost = (name: string, ...addresses: readonly AddressEvidence[]): HostEvidence => ({
  ...hostOf(...addresses),
  asked: name,
  host: name,
  name: { kind: 'resolved' },
});

export const evidenceOf = (hosts: readonly HostEvidence[], more: Partial<Evidence> = {}): Evidence => ({
  self: {
    kind: 'license manager',
    name: 'office',
    guid: 'guid-of-office',
    port: 1947,
    remoteLicenses: true,
    remoteClients: true,
    broadcast: true,
    bound: false,
  },
  known: [],
  broadcasts: [{ interface: 'eth0', family: 4, to: '192.0.2.255', answers: [{ guid: OTHER, address: ADDRESS }] }],
  hosts,
  ...more,
});
