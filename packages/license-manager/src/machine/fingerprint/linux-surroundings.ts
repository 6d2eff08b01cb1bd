import { isContainerGroup } from './linux-text.ts';
import type { SystemReader } from './system-reader.ts';
import { hasHypervisorFlag, hypervisorByName } from './virtual-machine.ts';

// Whether a Linux computer is a virtual machine, and whether the license manager is in a container: two questions, for a container on a virtual
// machine is both. Each is answered by what an ordinary user of a container can read, too: containers see the processor, the firmware's names and
// the clock sources of their host. The answers decide about licenses that exclude virtual machines (27, 51, 74). What the computer is recognised by
// (linux.ts) does not depend on them: other signs here change no fingerprint.

/** What was found; absent = nothing says so. */
export type Surroundings = { readonly virtual?: string; readonly container?: string };

const DMI = '/sys/class/dmi/id';
const TREE = '/proc/device-tree';
/** The clock that a hypervisor gives to its guests; it is there also where the flag of the processor is hidden. */
const GUEST_CLOCKS: readonly (readonly [clock: RegExp, name: string])[] = [
  [/\bkvm-clock\b/u, 'kvm'],
  [/\bhyperv_clocksource/u, 'hyper-v'],
];
/** `Characteristics extension byte 2` of the BIOS in the firmware's tables; bit 4: this is a virtual machine. Root alone can read it. */
const BIOS_EXTENSION_2 = 0x13;
const IS_VIRTUAL = 0x10;

const trimmed = async (system: SystemReader, path: string): Promise<string | undefined> =>
  (await system.file(path))?.replaceAll('\0', ' ').trim() || undefined;

const wsl = (release: string): 'wsl1' | 'wsl2' | undefined => {
  if (!/microsoft|wsl/iu.test(release)) return undefined;
  // The first one translates calls for a Windows computer; the second one is a virtual machine.
  return /wsl2|microsoft-standard/iu.test(release) ? 'wsl2' : 'wsl1';
};

const firmwareName = async (system: SystemReader): Promise<string | undefined> => {
  const read = (name: string): Promise<string | undefined> => trimmed(system, `${DMI}/${name}`);
  const [vendor, product] = [await read('sys_vendor'), await read('product_name')];
  const found = hypervisorByName(vendor, product);
  if (found !== undefined) return found;
  // Bare metal of a cloud has the cloud's firmware, too.
  if (/metal/iu.test(product ?? '')) return undefined;
  const bios = `${(await read('bios_vendor')) ?? ''} ${(await read('bios_version')) ?? ''}`;
  if (/seabios|ovmf|bochs/iu.test(bios)) return 'qemu';
  if (/hyper-v/iu.test(bios)) return 'hyper-v';
  if (/innotek|virtualbox/iu.test(bios)) return 'virtualbox';
  return hypervisorByName(await read('board_vendor'), undefined);
};

/** Boards without firmware tables: what the hypervisor wrote into the tree of devices. */
const treeName = async (system: SystemReader): Promise<string | undefined> => {
  const hypervisor = await trimmed(system, `${TREE}/hypervisor/compatible`);
  if (hypervisor !== undefined) return hypervisor.replace(/^linux,/u, '').split(' ')[0];
  if ((await trimmed(system, `${TREE}/compatible`))?.includes('qemu,pseries') === true) return 'qemu';
  if ((await system.exists(`${TREE}/ibm,partition-name`)) && (await system.exists(`${TREE}/hmc-managed?`))) return 'powervm';
  return (await system.names(TREE)).some((name) => name.startsWith('fw-cfg')) ? 'qemu' : undefined;
};

const virtualName = async (system: SystemReader, cpuinfo: string): Promise<string | undefined> => {
  const xenHost = ((await system.file('/proc/xen/capabilities')) ?? '').includes('control_d');
  if (!xenHost && (await trimmed(system, '/sys/hypervisor/type')) === 'xen') return 'xen';
  // The host of Xen guests runs on Xen itself: the flag of its processor says nothing.
  if (xenHost) return undefined;
  const kind = wsl((await trimmed(system, '/proc/sys/kernel/osrelease')) ?? '');
  if (kind === 'wsl2') return kind;
  if (/^vendor_id\s*:\s*User Mode Linux$/mu.test(cpuinfo)) return 'user mode linux';
  const named = (await firmwareName(system)) ?? (await treeName(system));
  if (named !== undefined) return named;
  const zvm = /^VM\d\d Control Program:\s*(\S+)/mu.exec((await system.file('/proc/sysinfo')) ?? '')?.[1];
  if (zvm !== undefined) return zvm.toLowerCase();
  const clocks = (await system.file('/sys/devices/system/clocksource/clocksource0/available_clocksource')) ?? '';
  const guest = GUEST_CLOCKS.find(([clock]) => clock.test(clocks))?.[1];
  if (guest !== undefined) return guest;
  // The first WSL shows the processor of its Windows computer, which has the flag wherever Windows isolates its own kernel.
  if (hasHypervisorFlag(cpuinfo) && kind === undefined) return 'hypervisor';
  if ((await system.names('/sys/bus/vmbus/devices')).length > 0) return 'hyper-v';
  const bios = await system.bytes('/sys/firmware/dmi/entries/0-0/raw');
  return bios !== undefined && ((bios[BIOS_EXTENSION_2] ?? 0) & IS_VIRTUAL) !== 0 ? 'hypervisor' : undefined;
};

const containerName = async (system: SystemReader): Promise<string | undefined> => {
  const manager = (await trimmed(system, '/run/systemd/container')) ?? (await trimmed(system, '/run/host/container-manager'));
  if (manager !== undefined) return manager;
  if (await system.exists('/run/.containerenv')) return 'podman';
  if (await system.exists('/.dockerenv')) return 'docker';
  if (system.env['KUBERNETES_SERVICE_HOST'] !== undefined || (await system.exists('/var/run/secrets/kubernetes.io'))) return 'kubernetes';
  const told = system.env['container'];
  if (told !== undefined && told !== '') return told;
  const cgroup = (await system.file('/proc/self/cgroup')) ?? '';
  if (isContainerGroup(cgroup)) return /docker|kubepods|libpod|lxc|crio|garden|buildkit|containerd/u.exec(cgroup)?.[0] ?? 'container';
  // In a container with a tree of groups of its own, its runtime shows in where the root of the files comes from.
  const root = /^\d+ \d+ \S+ (\S+) \/ .*$/mu.exec((await system.file('/proc/self/mountinfo')) ?? '')?.[0] ?? '';
  if (/\/(?:var\/lib\/)?(?:docker|containers|containerd|kubelet)\//u.test(root)) return 'container';
  if (/gvisor/iu.test((await system.file('/proc/version')) ?? '')) return 'gvisor';
  if ((await system.exists('/proc/vz')) && !(await system.exists('/proc/bc'))) return 'openvz';
  return wsl((await trimmed(system, '/proc/sys/kernel/osrelease')) ?? '') === 'wsl1' ? 'wsl1' : undefined;
};

export const linuxSurroundings = async (system: SystemReader): Promise<Surroundings> => {
  const virtual = await virtualName(system, (await system.file('/proc/cpuinfo')) ?? '');
  const container = await containerName(system);
  return { ...(virtual === undefined ? {} : { virtual }), ...(container === undefined ? {} : { container }) };
};
