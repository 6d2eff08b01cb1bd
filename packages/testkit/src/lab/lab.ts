import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Capture, startCapture } from './capture.ts';
import { createHost, type Host, LOCALHOST } from './host.ts';
import type { LabProcess } from './lab-process.ts';
import { namePrefix, removeNamespaces, removeStale } from './namespaces.ts';
import { makeRouters } from './routers.ts';
import { ip, shell } from './tool.ts';
import { createWiring } from './wiring.ts';

// Several computers on one machine: a network namespace per host, cabled to a switch in a namespace of its own. For tests with real
// processes. A host speaks to the hosts of its subnets and to nobody else; the computer's own network is neither seen nor changed.
// Everything ends with `close`; what a killed test run left behind is removed by the next lab.

export type LabOptions = {
  /** Names of the hosts; each is also its host name. */
  readonly hosts: readonly string[];
  /** The subnets of a host (1 to 254), an interface for each; subnet 1 unless given. */
  readonly subnets?: Readonly<Record<string, readonly number[]>>;
  /** Machine ids by host, 32 hexadecimal digits; random unless given. */
  readonly machineIds?: Readonly<Record<string, string>>;
  /**
   * Hosts that forward between their subnets, IPv4 and IPv6, as routers do; with `directedBroadcasts` also to the broadcast addresses of
   * subnets. Every other host with one interface on a subnet of theirs has its default route by them.
   */
  readonly routers?: readonly string[];
  readonly directedBroadcasts?: boolean;
  /** Gives each host a default route by eth0, without which 255.255.255.255 is unreachable. Off unless given; nobody routes. */
  readonly defaultRoute?: boolean;
};

export type Lab = {
  /** The host of that name; an unknown name is an error. */
  host(name: string): Host;
  readonly hosts: readonly Host[];
  /**
   * Parts the network: frames pass only within a group, and hosts that no group names form one more. Cables stay in, frames are
   * lost in silence. Without groups everything is whole again.
   */
  partition(...groups: readonly (readonly string[])[]): Promise<void>;
  /** Records every frame that a host sends from now on, also into a partition, once each. */
  capture(): Promise<Capture>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

const HOST_NAME = /^[a-z][a-z0-9-]{0,30}$/;
// Addresses must be usable at once (no duplicate detection), and the kernel itself should stay quiet on the wire.
const QUIET = `
cd /proc/sys/net/ipv6/conf/default
echo 0 > accept_dad; echo 0 > dad_transmits; echo 0 > accept_ra; echo 0 > router_solicitations
ip link set lo up`;
// The switch has no addresses; its loopback carries the marker that ends a capture.
const SILENT = `
cd /proc/sys/net/ipv6/conf
echo 1 > default/disable_ipv6; echo 1 > all/disable_ipv6
ip link set lo up`;

export const createLab = async (options: LabOptions): Promise<Lab> => {
  const faults = faultsOf(options);
  if (faults.length > 0) throw new Error(`no such lab: ${faults.join('; ')}`);
  await removeStale();

  const prefix = namePrefix();
  const directory = join(tmpdir(), `${prefix}files`);
  await mkdir(directory, { mode: 0o700 });
  const names = [`${prefix}switch`, ...options.hosts.map((_, index) => `${prefix}${index}`)];
  const processes: LabProcess[] = [];
  const captures: Capture[] = [];

  const remove = async (): Promise<void> => {
    for (const process of processes) process.kill('SIGKILL');
    await Promise.all(processes.map((process) => process.exited));
    await Promise.all(captures.map((capture) => capture[Symbol.asyncDispose]()));
    await removeNamespaces(names);
    await rm(directory, { recursive: true, force: true });
  };

  try {
    return await build();
  } catch (error) {
    await remove();
    throw error;
  }

  async function build(): Promise<Lab> {
    await ip(
      undefined,
      names.map((name) => `netns add ${name}`),
    );
    const wiring = createWiring(`${prefix}switch`);
    await Promise.all(names.map((name) => shell(name, name === wiring.namespace ? SILENT : QUIET)));
    const [high = 0, low = 0] = randomBytes(2);
    const hosts = new Map<string, Host>();
    for (const [index, name] of options.hosts.entries()) {
      const machineId = options.machineIds?.[name] ?? randomBytes(16).toString('hex');
      const machineIdFile = join(directory, name, 'machine-id');
      await mkdir(join(directory, name, 'overlay'), { recursive: true });
      await writeFile(machineIdFile, `${machineId}\n`);
      const [hostsFile, sharedDirectory] = [join(directory, name, 'hosts'), join(directory, name, 'shared')];
      await writeFile(hostsFile, LOCALHOST);
      const host = createHost({
        identity: { namespace: `${prefix}${index}`, hostname: name, machineIdFile, hostsFile, sharedDirectory },
        machineId,
        index,
        labBytes: [high, low],
        wiring,
        started: (process) => processes.push(process),
        capturing: (capture) => captures.push(capture),
      });
      for (const subnet of options.subnets?.[name] ?? [1]) await host.addInterface(subnet);
      if (options.defaultRoute === true) await ip(host.namespace, ['route add default dev eth0']);
      hosts.set(name, host);
    }
    await makeRouters([...hosts.values()], options);
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => {
      closing ??= remove();
      return closing;
    };
    const known = (name: string): Host => {
      const host = hosts.get(name);
      if (host === undefined) throw new Error(`the lab has no host ${name}; it has ${[...hosts.keys()].join(', ')}`);
      return host;
    };
    return {
      host: known,
      hosts: [...hosts.values()],
      async partition(...groups) {
        for (const name of groups.flat()) known(name);
        await wiring.group((host) => groups.findIndex((group) => group.includes(host)) + 1);
      },
      async capture() {
        const capture = await startCapture(wiring.namespace, 'switch', wiring.bridgeIndexes);
        captures.push(capture);
        return capture;
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  }
};

const faultsOf = ({ hosts, subnets = {}, machineIds = {}, routers = [], defaultRoute }: LabOptions): readonly string[] => [
  ...hosts.filter((name) => !HOST_NAME.test(name)).map((name) => `${name} is no host name (a-z, 0-9, -)`),
  ...(new Set(hosts).size === hosts.length && hosts.length > 0 && hosts.length <= 200 ? [] : ['1 to 200 hosts, each named once']),
  ...[...Object.keys(subnets), ...Object.keys(machineIds), ...routers]
    .filter((name) => !hosts.includes(name))
    .map((name) => `${name} is no host`),
  ...Object.values(subnets)
    .flat()
    .filter((subnet) => !Number.isInteger(subnet) || subnet < 1 || subnet > 254)
    .map((subnet) => `subnet ${subnet}`),
  ...Object.values(machineIds)
    .filter((id) => !/^[0-9a-f]{32}$/.test(id))
    .map((id) => `machine id ${id}`),
  ...(defaultRoute === true && Object.values(subnets).some((list) => list.length === 0) ? ['a default route needs an interface'] : []),
];
