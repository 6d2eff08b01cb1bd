import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { NearSettings } from '@keyhaven/core/near-settings';
import { type InterfaceAddress, type NetworkSettings, type Plan, planOf, planOfNear, type SearchEntry } from '@keyhaven/core/network';
import { admitsRemote } from '@keyhaven/core/users';
import { listenOn } from '../listen-on.ts';
import { type ReadInterfaces, type Resolve, resolveAll, systemResolve } from '../net/index.ts';
import type { Settings } from '../settings.ts';

// The plan of the network (R10) of these settings on this computer: the same for a running license manager and for a command without one.

/** L2. */
const PORT = 1947;

type PlanSurroundings = { readonly interfaces?: ReadInterfaces; readonly resolve?: Resolve };

const addressesOf = (raw: ReturnType<ReadInterfaces>): InterfaceAddress[] =>
  Object.entries(raw).flatMap(([name, infos]) =>
    (infos ?? []).map(({ address, family, cidr, internal }) => ({
      name,
      address,
      family: family === 'IPv4' ? 4 : 6,
      cidr: cidr ?? `${address}/${family === 'IPv4' ? 32 : 128}`,
      internal,
    })),
  );

const entriesOf = (list: readonly string[], resolve: Resolve): Promise<SearchEntry[]> =>
  Promise.all(
    list.map(async (entry) => ({
      entry,
      addresses: isIP(entry) === 0 ? await resolveAll([entry], resolve, () => undefined) : [entry],
    })),
  );

const networkSettingsOf = async (settings: Settings, resolve: Resolve): Promise<NetworkSettings> => ({
  port: settings.port,
  bind: listenOn(settings),
  broadcast: settings.search.broadcast,
  search: await entriesOf(settings.search.addresses, resolve),
  intervalMinutes: settings.search.intervalMinutes,
  remoteClients: admitsRemote(settings.access.remoteClients),
  clients: settings.access.clients,
  remoteLicenses: settings.access.remoteLicenses,
  remoteAdministration: settings.access.remoteAdministration,
  ...(settings.adminPort === undefined ? {} : { adminPort: settings.adminPort }),
  tls: settings.tls.certificate !== undefined,
  ...(settings.proxy.connect === 'none' || settings.proxy.host === undefined
    ? {}
    : {
        proxy: {
          host: settings.proxy.host,
          port: settings.proxy.port,
          addresses: (await entriesOf([settings.proxy.host], resolve)).flatMap(({ addresses }) => addresses),
        },
      }),
});

/** Looks up the host names among the search parameters; one that has no address now is among the remarks. Never rejects for the network. */
export const networkPlan = async (settings: Settings, surroundings: PlanSurroundings = {}): Promise<Plan> => {
  const { interfaces = networkInterfaces, resolve = systemResolve } = surroundings;
  return planOf(await networkSettingsOf(settings, resolve), addressesOf(interfaces()));
};

/** Likewise for the External and Integrated LMs with these settings. */
export const nearNetworkPlan = async (settings: NearSettings, surroundings: PlanSurroundings = {}): Promise<Plan> => {
  const { interfaces = networkInterfaces, resolve = systemResolve } = surroundings;
  const { remoteLicenses, broadcast, searchMinutes: intervalMinutes, proxy } = settings;
  const near = { port: PORT, remoteLicenses, broadcast, intervalMinutes, search: await entriesOf(settings.addresses, resolve) };
  if (proxy !== 'none') {
    const addresses = (await entriesOf([proxy.host], resolve)).flatMap((entry) => entry.addresses);
    return planOfNear({ ...near, proxy: { ...proxy, addresses } }, addressesOf(interfaces()));
  }
  return planOfNear(near, addressesOf(interfaces()));
};
