import { BlockList, isIPv4 } from 'node:net';
import { familyOf, type Interface, isLoopback, withoutZone, zoneOf } from '@keyhaven/core/discovery';
import type { AddressEvidence } from '@keyhaven/core/doctor';

/** Where an address is, seen from the interfaces of this computer. `networks`: the own addresses with the length of their networks. */
export const placeOf = (
  address: string,
  interfaces: readonly Interface[],
  networks: readonly { readonly name: string; readonly cidr: string }[],
): AddressEvidence['place'] => {
  const plain = withoutZone(address);
  if (isLoopback(plain) || interfaces.some((own) => withoutZone(own.address) === plain)) return { kind: 'own' };
  const family = familyOf(plain);
  const groupOn = (name: string): string | undefined =>
    interfaces.find((own) => own.name === name && own.family === family && own.broadcast !== undefined)?.broadcast;
  const zone = zoneOf(address);
  const near = networks.find(({ name, cidr }) => {
    const [network = '', length] = cidr.split('/');
    if (familyOf(network) !== family || (zone !== undefined && zone !== name)) return false;
    const list = new BlockList();
    list.addSubnet(withoutZone(network), Number(length), isIPv4(network) ? 'ipv4' : 'ipv6');
    return list.check(plain, family === 4 ? 'ipv4' : 'ipv6') && groupOn(name) !== undefined;
  });
  const group = near === undefined ? undefined : groupOn(near.name);
  return group === undefined ? { kind: 'elsewhere' } : { kind: 'subnet', group };
};
