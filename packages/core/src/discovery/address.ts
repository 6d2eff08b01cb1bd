// Arithmetic on addresses in text form, as the operating system writes them. Names are not addresses and are refused.

/** One address of one interface of this computer. `broadcast` reaches everybody on its link; loopback and /32 have none. */
export type Interface = {
  readonly name: string;
  readonly address: string;
  readonly family: 4 | 6;
  readonly broadcast?: string;
  readonly scopeId?: number;
};

const octets = (address: string): number[] | undefined => {
  const parts = address.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part))) return undefined;
  const numbers = parts.map(Number);
  return numbers.every((number) => number <= 255) ? numbers : undefined;
};

export const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

/** The zone of a link-local address (`fe80::1%eth0` has `eth0`). */
export const zoneOf = (address: string): string | undefined => {
  const at = address.indexOf('%');
  return at < 0 ? undefined : address.slice(at + 1);
};

/** Without its zone: the same on every interface. */
export const withoutZone = (address: string): string => address.split('%', 1)[0] ?? address;

export const isLoopback = (address: string): boolean => (familyOf(address) === 6 ? address === '::1' : octets(address)?.[0] === 127);

/**
 * The directed broadcast address of an IPv4 subnet; undefined where there is none: loopback, point to point (/31, /32), a mask
 * that is no mask. 255.255.255.255 is never used: without a default route it reaches nobody, with one only its interface.
 */
export const directedBroadcast = (address: string, netmask: string): string | undefined => {
  const own = octets(address);
  const mask = octets(netmask);
  if (own === undefined || mask === undefined || own[0] === 127) return undefined;
  const bits = mask.map((octet) => octet.toString(2).padStart(8, '0')).join('');
  if (!/^1{8,30}0{2,24}$/.test(bits)) return undefined;
  return own.map((octet, index) => octet | (~(mask[index] ?? 0) & 0xff)).join('.');
};

/** R2: whether everybody on a subnet is meant, as far as an address alone tells; else it is a single one. */
export const isBroadcast = (address: string): boolean => octets(address)?.[3] === 255;

/** Many computers are meant: the broadcast address or group of an interface, or what looks like a broadcast address. */
export const isGroup = ({ to, via }: { readonly to: string; readonly via: string | undefined }): boolean =>
  via !== undefined || isBroadcast(to) || (familyOf(to) === 6 && to.toLowerCase().startsWith('ff'));

/** Whether an answer may go there: addresses that can only be a lie (D11). */
export const canBeSource = (address: string, port: number): boolean => {
  if (port < 1 || port > 65_535) return false;
  if (familyOf(address) === 6) return address !== '::' && !address.toLowerCase().startsWith('ff');
  const first = octets(address)?.[0];
  return first !== undefined && first !== 0 && first < 224;
};
