import type { Observation } from '@keyhaven/core/fingerprint';
import { linuxSurroundings } from './linux-surroundings.ts';
import { bestById, boardSerialIn, containerIdIn, cpuOf, fullNameIn, isContainerGroup, serialInPage80 } from './linux-text.ts';
import { cloudInitInstanceIn, ec2InstanceIn, generationIdIn } from './linux-virtual.ts';
import type { SystemReader } from './system-reader.ts';
import { hasHypervisorFlag, isVirtualMachineName } from './virtual-machine.ts';

// Collector for Linux. Serial numbers of boards, and the UUID and the generation id of a virtual machine, can only be read by root: a license manager
// that runs as an ordinary user goes by disks, addresses and the machine id.

const DMI = '/sys/class/dmi/id';
const NET = '/sys/class/net';
const BLOCK = '/sys/block';
const PCI = '/sys/bus/pci/devices';
/** The kernel tells programs nothing of the generation id; the device of QEMU, which makes it, does. */
const GENERATION = '/sys/firmware/qemu_fw_cfg/by_name/etc/vmgenid_guid/raw';
const CLOUD_INIT = '/run/cloud-init/instance-data.json';
const ETHERNET = '1';
const RANDOM_ADDRESS = '1';

const trimmed = async (system: SystemReader, path: string): Promise<string | undefined> =>
  (await system.file(path))?.replaceAll('\0', '').trim() || undefined;
const some = (...values: readonly (string | undefined)[]): string[] => values.filter((value) => value !== undefined);

const disks = async (system: SystemReader): Promise<{ disk: string[]; optical: string[] }> => {
  const byId = new Map<string, string[]>();
  for (const name of await system.names('/dev/disk/by-id')) {
    const device = (await system.target(`/dev/disk/by-id/${name}`))?.split('/').at(-1);
    if (device !== undefined) byId.set(device, [...(byId.get(device) ?? []), name]);
  }
  const found = { disk: [] as string[], optical: [] as string[] };
  for (const name of await system.names(BLOCK)) {
    const at = `${BLOCK}/${name}`;
    if (/^sr\d/u.test(name)) {
      const drive = some(await trimmed(system, `${at}/device/vendor`), await trimmed(system, `${at}/device/model`)).join(' ');
      found.optical.push(drive);
      continue;
    }
    const place = await system.target(at);
    // Virtual: loops, RAM disks, volumes. What can be unplugged is not of the computer.
    if (place === undefined || /\/virtual\/|\/usb\d/u.test(place) || (await trimmed(system, `${at}/removable`)) === '1') continue;
    const id =
      (await trimmed(system, `${at}/serial`)) ??
      (await trimmed(system, `${at}/device/serial`)) ??
      serialInPage80((await system.file(`${at}/device/vpd_pg80`)) ?? '') ??
      (await trimmed(system, `${at}/device/cid`)) ??
      bestById(byId.get(name) ?? []) ??
      (await trimmed(system, `${at}/device/wwid`)) ??
      (await trimmed(system, `${at}/wwid`));
    if (id !== undefined) found.disk.push(id);
  }
  return found;
};

const ethernetAddresses = async (system: SystemReader): Promise<string[]> => {
  const found: string[] = [];
  for (const name of await system.names(NET)) {
    const at = `${NET}/${name}`;
    // Bridges, tunnels and the ends of containers have no device.
    if (!(await system.exists(`${at}/device`)) || (await trimmed(system, `${at}/type`)) !== ETHERNET) continue;
    const own = (await trimmed(system, `${at}/bonding_slave/perm_hwaddr`)) ?? (await trimmed(system, `${at}/phy80211/macaddress`));
    if (own === undefined && (await trimmed(system, `${at}/addr_assign_type`)) === RANDOM_ADDRESS) continue;
    found.push(...some(own ?? (await trimmed(system, `${at}/address`))));
  }
  return found;
};

/** Storage, network, display and sound. */
const CARD = /^0x0[1-4]/u;
const cards = async (system: SystemReader): Promise<string[]> => {
  const found: string[] = [];
  for (const name of await system.names(PCI)) {
    const at = `${PCI}/${name}`;
    if (!CARD.test((await trimmed(system, `${at}/class`)) ?? '')) continue;
    const parts = await Promise.all(
      ['vendor', 'device', 'subsystem_vendor', 'subsystem_device'].map((part) => trimmed(system, `${at}/${part}`)),
    );
    found.push(some(...parts).join(':'));
  }
  return found;
};

const isContainer = async (system: SystemReader, cgroup: string): Promise<boolean> =>
  (await system.exists('/.dockerenv')) ||
  (await system.exists('/run/.containerenv')) ||
  (system.env['container'] ?? '') !== '' ||
  system.env['KUBERNETES_SERVICE_HOST'] !== undefined ||
  isContainerGroup(cgroup);

export const observeLinux = async (system: SystemReader): Promise<Observation> => {
  const dmi = (name: string): Promise<string | undefined> => trimmed(system, `${DMI}/${name}`);
  const cpuinfo = (await system.file('/proc/cpuinfo')) ?? '';
  const cgroup = (await system.file('/proc/self/cgroup')) ?? '';
  const container = await isContainer(system, cgroup);
  const xen =
    (await trimmed(system, '/sys/hypervisor/type')) === 'xen' &&
    !((await system.file('/proc/xen/capabilities')) ?? '').includes('control_d');
  const virtual = xen || hasHypervisorFlag(cpuinfo) || isVirtualMachineName(await dmi('sys_vendor'), await dmi('product_name'));
  const serial = (await dmi('board_serial')) ?? (await dmi('product_serial'));
  const uuid =
    (await dmi('product_uuid')) ?? (await trimmed(system, '/sys/hypervisor/uuid')) ?? (await trimmed(system, '/proc/device-tree/vm,uuid'));
  const boardSerial = (await trimmed(system, '/proc/device-tree/serial-number')) ?? boardSerialIn(cpuinfo);
  const board = serial === undefined ? boardSerial : some(await dmi('board_vendor'), await dmi('board_name'), serial).join(' ');
  const around = await linuxSurroundings(system);
  return {
    host: container ? 'container' : virtual ? 'virtual' : 'physical',
    virtual: around.virtual ?? null,
    container: around.container ?? null,
    values: {
      machine_id: some((await trimmed(system, '/etc/machine-id')) ?? (await trimmed(system, '/var/lib/dbus/machine-id'))),
      // A virtual board has the serial number that the image gives it.
      board: virtual ? [] : some(board ?? uuid),
      ...(await disks(system)),
      cpu: some(cpuOf(cpuinfo)),
      ethernet_address: await ethernetAddresses(system),
      pci: virtual ? [] : await cards(system),
      fqdn: [fullNameIn((await system.file('/etc/hosts')) ?? '', system.hostname)],
      vm_uuid: virtual ? some(uuid) : [],
      vm_generation_id: virtual ? some(generationIdIn(await system.bytes(GENERATION))) : [],
      cloud_instance: some(
        ec2InstanceIn(await dmi('sys_vendor'), await dmi('board_asset_tag')),
        cloudInitInstanceIn((await system.file(CLOUD_INIT)) ?? ''),
      ),
      container: container ? some(containerIdIn(cgroup, (await system.file('/proc/self/mountinfo')) ?? '')) : [],
    },
  };
};
