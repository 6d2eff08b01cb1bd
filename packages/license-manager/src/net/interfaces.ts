import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { directedBroadcast, type Interface } from '@keyhaven/core/discovery';
import { type Clock, SECOND } from '@keyhaven/core/time';

// The interfaces of this computer as discovery needs them, and a watch over them: cables are plugged, radio networks come and go,
// virtual private networks open while the LM runs. Node has no event for that, so they are read every three seconds.

const EVERY = 3 * SECOND;

export type ReadInterfaces = () => NodeJS.Dict<NetworkInterfaceInfo[]>;
type Platform = typeof process.platform;

/** Where one datagram reaches everybody on the link of this address. */
const broadcastOf = (name: string, info: NetworkInterfaceInfo, platform: Platform): string | undefined => {
  if (info.internal) return undefined;
  if (info.family === 'IPv4') return directedBroadcast(info.address, info.netmask);
  // Zones are numbers on Windows and names elsewhere. D5.
  return `ff02::1%${platform === 'win32' ? info.scopeid : name}`;
};

/** The list of `os.networkInterfaces()` in discovery's terms, always in the same order. */
export const discoveryInterfaces = (raw: ReturnType<ReadInterfaces>, platform: Platform = process.platform): Interface[] => {
  const list = Object.entries(raw).flatMap(([name, infos]) =>
    (infos ?? []).map((info): Interface => {
      const broadcast = broadcastOf(name, info, platform);
      return {
        name,
        address: info.address,
        family: info.family === 'IPv4' ? 4 : 6,
        ...(broadcast === undefined ? {} : { broadcast }),
        ...(info.family === 'IPv6' && info.scopeid !== 0 ? { scopeId: info.scopeid } : {}),
      };
    }),
  );
  const key = ({ name, family, address }: Interface): string => `${name} ${family} ${address}`;
  return list.sort((a, b) => (key(a) < key(b) ? -1 : 1));
};

export type InterfaceWatch = { readonly current: readonly Interface[]; stop(): void };

/** Reads at once and then every three seconds; `onChange` gets the whole list whenever it differs from the last. */
export const watchInterfaces = (options: {
  readonly clock: Clock;
  readonly onChange: (list: readonly Interface[]) => void;
  readonly read?: ReadInterfaces | undefined;
}): InterfaceWatch => {
  const { clock, onChange, read = networkInterfaces } = options;
  const look = (): Interface[] | undefined => {
    try {
      return discoveryInterfaces(read());
    } catch {
      // Some sandboxes forbid the question. What was known last is then the best that is known.
      return undefined;
    }
  };
  let current: readonly Interface[] = look() ?? [];
  let cancel = (): void => {};
  const again = (): void => {
    cancel = clock.after(EVERY, () => {
      const list = look();
      again();
      if (list === undefined || JSON.stringify(list) === JSON.stringify(current)) return;
      current = list;
      onChange(list);
    });
  };
  again();
  return {
    get current() {
      return current;
    },
    stop: () => cancel(),
  };
};
