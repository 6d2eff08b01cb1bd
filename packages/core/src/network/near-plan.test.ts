import { describe, expect, it } from 'vitest';
import { type InterfaceAddress, type NearNetwork, planOfNear, type SearchEntry } from './index.ts';

const wire: InterfaceAddress = { name: 'eth0', address: '10.1.2.3', family: 4, cidr: '10.1.2.3/24', internal: false };
const link: InterfaceAddress = { name: 'eth0', address: 'fe80::3', family: 6, cidr: 'fe80::3/64', internal: false };
const one = (entry: string, ...addresses: string[]): SearchEntry => ({ entry, addresses: addresses.length === 0 ? [entry] : addresses });
const plan = (more: Partial<NearNetwork>) =>
  planOfNear({ port: 1947, remoteLicenses: true, broadcast: false, search: [], intervalMinutes: 5, ...more }, [wire, link]);
const said = (more: Partial<NearNetwork>): string[] =>
  plan(more).flows.map(({ direction, transport, remote, reply }) =>
    [direction, transport, remote.join(',') || 'any', ...(reply === true ? ['reply'] : [])].join(' '),
  );

describe('what an External or Integrated LM sends and receives (R2)', () => {
  it('by default nothing, and nothing where it uses no license of others', () => {
    expect(said({})).toEqual([]);
    expect(said({ remoteLicenses: false, broadcast: true, search: [one('192.0.2.9')] })).toEqual([]);
  });

  it('to single addresses and names: TCP only', () => {
    expect(said({ search: [one('192.0.2.9'), one('licenses', '198.51.100.1')] })).toEqual([
      'in tcp any reply',
      'out tcp 192.0.2.9',
      'out tcp 198.51.100.1',
      'out dns any',
      'in dns any reply',
    ]);
  });

  it('to broadcast addresses: UDP, answered to a port that nobody knows before, and TCP to whoever answers', () => {
    const found = plan({ search: [one('203.0.113.255')] });
    expect(said({ search: [one('203.0.113.255')] })).toEqual([
      'in tcp any reply',
      'out udp 203.0.113.0/24',
      'in udp 203.0.113.0/24',
      'out tcp 203.0.113.0/24',
    ]);
    for (const { localPort, remotePort } of found.flows) expect([localPort, remotePort]).toEqual([undefined, 1947]);
  });

  it('to its own subnets where that is set, or where their broadcast address is named', () => {
    const both = [said({ broadcast: true }), said({ search: [one('10.1.2.255')] })];
    for (const flows of both)
      expect(flows).toEqual(['in tcp any reply', 'out udp 10.1.2.0/24', 'in udp 10.1.2.0/24', 'out tcp 10.1.2.0/24']);
  });

  it('through a proxy: connections go to that alone, datagrams as they are', () => {
    const proxy = { host: 'proxy.example', port: 3_128, addresses: ['198.51.100.9'] };
    const search = [one('192.0.2.9'), one('203.0.113.255')];
    expect(said({ search, proxy })).toEqual([
      'out udp 203.0.113.0/24',
      'in udp 203.0.113.0/24',
      'out tcp 198.51.100.9',
      'in tcp 198.51.100.9 reply',
      'out dns any',
      'in dns any reply',
    ]);
    expect(said({ proxy })).toEqual([]);
    expect(plan({ search, proxy: { ...proxy, addresses: [] } }).remarks).toEqual([expect.stringContaining('proxy.example has no address')]);
  });

  it('lets nobody in: no flow opens a port of this computer', () => {
    const { flows } = plan({ broadcast: true, search: [one('203.0.113.255'), one('2001:db8::1')] });
    for (const flow of flows) expect(flow.localPort).toBeUndefined();
    expect(flows.some(({ direction, transport, reply }) => direction === 'in' && transport === 'tcp' && reply !== true)).toBe(false);
  });
});
