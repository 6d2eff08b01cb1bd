import { Buffer } from 'node:buffer';
import { fingerprintOf, isVirtualMachine } from '@keyhaven/core/fingerprint';
import { describe, expect, it } from 'vitest';
import { linuxSurroundings } from './linux-surroundings.ts';
import { observeMachine } from './observe.ts';
import { madeUpSystem } from './system.testing.ts';

// K1: licenses that exclude virtual machines are refused in a container on one, too. Each computer below is tried as it is, and with each container
// around the license manager: neither question changes the answer to the other one.

type Files = Readonly<Record<string, string>>;
type Env = Readonly<Record<string, string>>;

const dmi = (names: Readonly<Record<string, string>>): Files =>
  Object.fromEntries(Object.entries(names).map(([name, value]) => [`/sys/class/dmi/id/${name}`, `${value}\n`]));
const flags = (more = ''): Files => ({ '/proc/cpuinfo': `processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu vme${more} avx\n\n` });
const clocks = (names: string): Files => ({ '/sys/devices/system/clocksource/clocksource0/available_clocksource': `${names} \n` });
const tree = (files: Files): Files =>
  Object.fromEntries(Object.entries(files).map(([name, value]) => [`/proc/device-tree/${name}`, value]));
const release = (text: string): Files => ({ '/proc/sys/kernel/osrelease': `${text}\n` });
const characteristics = (second: number): Files => ({
  '/sys/firmware/dmi/entries/0-0/raw': `${'\0'.repeat(0x13)}${String.fromCharCode(second)}`,
});

const computers: readonly (readonly [name: string, files: Files, virtual: string | undefined])[] = [
  ['a workstation', { ...flags(), ...dmi({ sys_vendor: 'Dell Inc.', product_name: 'Precision 5860' }), ...clocks('tsc hpet') }, undefined],
  ['a laptop of Microsoft', { ...flags(), ...dmi({ sys_vendor: 'Microsoft Corporation', product_name: 'Surface Laptop 6' }) }, undefined],
  ['a laptop of Google', { ...flags(), ...dmi({ sys_vendor: 'Google', product_name: 'Eve', bios_vendor: 'coreboot' }) }, undefined],
  [
    'a board without firmware tables',
    { '/proc/cpuinfo': 'processor\t: 0\nCPU part\t: 0xd08\n', ...tree({ model: 'Raspberry Pi 4\0' }) },
    undefined,
  ],
  [
    'bare metal of Amazon',
    { ...flags(), ...dmi({ sys_vendor: 'Amazon EC2', product_name: 'c5.metal', bios_vendor: 'Amazon EC2' }) },
    undefined,
  ],
  ['bare metal of Google', { ...flags(), ...dmi({ sys_vendor: 'Google', product_name: 'Google Compute Engine bare metal' }) }, undefined],
  [
    'the host of Xen guests',
    { ...flags(' hypervisor'), '/sys/hypervisor/type': 'xen\n', '/proc/xen/capabilities': 'control_d\n' },
    undefined,
  ],
  ['firmware that says it is none', { ...flags(), ...characteristics(0x0d) }, undefined],
  ['KVM by its processor alone', flags(' hypervisor'), 'hypervisor'],
  ['KVM that hides the flag, by its clock', { ...flags(), ...clocks('tsc kvm-clock acpi_pm') }, 'kvm'],
  ['Hyper-V that hides the flag, by its clock', { ...flags(), ...clocks('hyperv_clocksource_tsc_page acpi_pm') }, 'hyper-v'],
  ['QEMU', { ...flags(), ...dmi({ sys_vendor: 'QEMU', product_name: 'Standard PC (Q35 + ICH9, 2009)' }) }, 'qemu'],
  ['QEMU by its firmware', { ...flags(), ...dmi({ sys_vendor: 'Acme', product_name: 'Server', bios_vendor: 'SeaBIOS' }) }, 'qemu'],
  ['Hyper-V', { ...flags(), ...dmi({ sys_vendor: 'Microsoft Corporation', product_name: 'Virtual Machine' }) }, 'hyper-v'],
  ['VMware', { ...flags(), ...dmi({ sys_vendor: 'VMware, Inc.', product_name: 'VMware7,1' }) }, 'vmware'],
  ['VirtualBox', { ...flags(), ...dmi({ sys_vendor: 'innotek GmbH', product_name: 'VirtualBox' }) }, 'virtualbox'],
  [
    'Parallels',
    { ...flags(), ...dmi({ sys_vendor: 'Parallels International GmbH.', product_name: 'Parallels Virtual Platform' }) },
    'parallels',
  ],
  ['a Xen guest', { ...flags(), '/sys/hypervisor/type': 'xen\n' }, 'xen'],
  ['Amazon EC2', { ...flags(), ...dmi({ sys_vendor: 'Amazon EC2', product_name: 'm7i.large' }) }, 'amazon ec2'],
  ['Google Cloud', { ...flags(), ...dmi({ sys_vendor: 'Google', product_name: 'Google Compute Engine' }) }, 'google'],
  ['DigitalOcean', { ...flags(), ...dmi({ sys_vendor: 'DigitalOcean', product_name: 'Droplet' }) }, 'kvm'],
  ['Hetzner Cloud', { ...flags(), ...dmi({ sys_vendor: 'Hetzner', product_name: 'vServer' }) }, 'kvm'],
  [
    'a cloud that writes only on the board',
    { ...flags(), ...dmi({ sys_vendor: 'x', product_name: 'y', board_vendor: 'OpenStack Foundation' }) },
    'kvm',
  ],
  ['ARM under KVM, by its tree of devices', { ...tree({ 'hypervisor/compatible': 'linux,kvm\0' }) }, 'kvm'],
  ['ARM under QEMU, by its tree of devices', { ...tree({ 'fw-cfg@9020000/compatible': 'qemu,fw-cfg-mmio\0' }) }, 'qemu'],
  ['POWER under QEMU', { ...tree({ compatible: 'qemu,pseries\0' }) }, 'qemu'],
  ['a partition of POWER', { ...tree({ 'ibm,partition-name': 'lp1\0', 'hmc-managed?': '' }) }, 'powervm'],
  ['a mainframe under KVM', { '/proc/sysinfo': 'Manufacturer: IBM\nVM00 Control Program: KVM/Linux\n' }, 'kvm/linux'],
  ['a mainframe without', { '/proc/sysinfo': 'Manufacturer: IBM\nLPAR Number: 3\n' }, undefined],
  ['User Mode Linux', { '/proc/cpuinfo': 'processor\t: 0\nvendor_id\t: User Mode Linux\n' }, 'user mode linux'],
  ['WSL 2', { ...flags(' hypervisor'), ...release('5.15.153.1-microsoft-standard-WSL2') }, 'wsl2'],
  ['firmware that says it is one', { ...flags(), ...characteristics(0x1c) }, 'hypervisor'],
];

const id = 'a'.repeat(64);
const mounted = (root: string): Files => ({
  '/proc/self/mountinfo': `601 520 0:52 / / rw,relatime - overlay overlay rw,lowerdir=${root}/1/fs\n`,
});
const containers: readonly (readonly [name: string, files: Files, env: Env, container: string | undefined])[] = [
  ['no container', { '/proc/self/cgroup': '0::/system.slice/keyhaven.service\n' }, {}, undefined],
  ['Docker', { '/.dockerenv': '', '/proc/self/cgroup': '0::/\n' }, {}, 'docker'],
  ['Docker by its groups', { '/proc/self/cgroup': `12:pids:/docker/${id}\n` }, {}, 'docker'],
  ['Podman', { '/run/.containerenv': 'engine="podman-5.0"\n' }, { container: 'podman' }, 'podman'],
  ['systemd-nspawn', { '/run/systemd/container': 'systemd-nspawn\n' }, {}, 'systemd-nspawn'],
  ['LXC', {}, { container: 'lxc' }, 'lxc'],
  ['Kubernetes', {}, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 'kubernetes'],
  ['Kubernetes without service links', { '/var/run/secrets/kubernetes.io/serviceaccount/token': 'x' }, {}, 'kubernetes'],
  [
    'containerd by the mount of its root',
    { '/proc/self/cgroup': '0::/\n', ...mounted('/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs') },
    {},
    'container',
  ],
  ['gVisor', { '/proc/version': 'Linux version 4.4.0 (gVisor)\n' }, {}, 'gvisor'],
];

describe.each(computers)('%s', (_, computer, virtual) => {
  it.each(containers)('and %s', async (__, around, env, container) => {
    const system = madeUpSystem({ files: { ...computer, ...around }, env });
    const found = await linuxSurroundings(system);
    expect(found).toEqual({ ...(virtual === undefined ? {} : { virtual }), ...(container === undefined ? {} : { container }) });
    const observed = await observeMachine([], system, 'linux');
    expect([isVirtualMachine(observed), observed.container]).toEqual([virtual !== undefined, container ?? null]);
  });
});

describe('WSL 1', () => {
  it('is a container, and no virtual machine because its Windows computer isolates its kernel', async () => {
    const found = await linuxSurroundings(madeUpSystem({ files: { ...flags(' hypervisor'), ...release('4.4.0-19041-Microsoft') } }));
    expect(found).toEqual({ container: 'wsl1' });
  });
});

describe('what is found of a container on a virtual machine', () => {
  it('is in no fingerprint: keys that were made before have the same', async () => {
    const files = { ...flags(' hypervisor'), '/.dockerenv': '', '/etc/machine-id': 'abc\n' };
    const { virtual, container, ...before } = await observeMachine(['name'], madeUpSystem({ files }), 'linux');
    expect([virtual, container, before.host]).toEqual(['hypervisor', 'docker', 'container']);
    const vendor = Buffer.alloc(32, 1);
    expect(fingerprintOf({ ...before, virtual: 'kvm' }, vendor)).toEqual(fingerprintOf(before, vendor));
  });
});
