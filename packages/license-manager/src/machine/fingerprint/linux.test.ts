import { fingerprintOf, matches, type Observation } from '@keyhaven/core/fingerprint';
import { describe, expect, it } from 'vitest';
import { observeMachine } from './index.ts';
import { bestById, containerIdIn, cpuOf, fullNameIn, isContainerGroup, serialInPage80 } from './linux-text.ts';
import { madeUpSystem } from './system.testing.ts';
import { isVirtualMachineName } from './virtual-machine.ts';

// All fixtures here are made by hand in the formats that proc(5), sysfs and udev document; none was recorded.

const cpuinfo = `processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 158
model name\t: Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz
stepping\t: 10
microcode\t: 0xf0
cpu MHz\t\t: 800.012
flags\t\t: fpu vme de pse tsc msr

processor\t: 1
vendor_id\t: GenuineIntel
cpu MHz\t\t: 3200.000
`;
const dmi = '/sys/class/dmi/id';
const workstation = {
  '/etc/machine-id': '0123456789abcdef0123456789abcdef\n',
  '/etc/hosts': '127.0.0.1 localhost\n127.0.1.1\tsurvey.example.org survey # the workstation\n',
  '/proc/cpuinfo': cpuinfo,
  [`${dmi}/sys_vendor`]: 'Made Ltd\n',
  [`${dmi}/product_name`]: 'Tower 5\n',
  [`${dmi}/board_vendor`]: 'Made Ltd\n',
  [`${dmi}/board_name`]: 'X370\n',
  [`${dmi}/board_serial`]: 'MB-0815\n',
  [`${dmi}/product_uuid`]: '4c4c4544-0042-3510-8051-b4c04f4d3532\n',
  '/sys/block/sda/removable': '0\n',
  '/sys/block/sda/device/vpd_pg80': '\0\ufffd\0\u0014      S3Z9NB0K123456X',
  '/sys/block/nvme0n1/removable': '0\n',
  '/sys/block/nvme0n1/device/serial': 'S5GXNX0T123456     \n',
  '/sys/block/nvme0n1/wwid': 'eui.0025385b01401234\n',
  '/sys/block/sdb/removable': '0\n',
  '/sys/block/sdb/device/serial': 'STICK-1\n',
  '/sys/block/sdc/removable': '1\n',
  '/sys/block/sdc/device/serial': 'CARD-1\n',
  '/sys/block/sr0/device/vendor': 'HL-DT-ST\n',
  '/sys/block/sr0/device/model': 'DVDRAM GH24NSD5 \n',
  '/sys/class/net/eno1/type': '1\n',
  '/sys/class/net/eno1/address': '00:1b:21:0a:0b:0c\n',
  '/sys/class/net/eno1/addr_assign_type': '0\n',
  '/sys/class/net/eno1/device/vendor': '0x8086\n',
  '/sys/class/net/wlp3s0/type': '1\n',
  '/sys/class/net/wlp3s0/address': '8e:11:22:33:44:55\n',
  '/sys/class/net/wlp3s0/addr_assign_type': '1\n',
  '/sys/class/net/wlp3s0/device/vendor': '0x8086\n',
  '/sys/class/net/wlp3s0/phy80211/macaddress': '3c:6a:a7:01:02:03\n',
  '/sys/class/net/eth9/type': '1\n',
  '/sys/class/net/eth9/address': '12:34:56:78:9a:bc\n',
  '/sys/class/net/eth9/addr_assign_type': '1\n',
  '/sys/class/net/eth9/device/vendor': '0x1af4\n',
  '/sys/class/net/docker0/type': '1\n',
  '/sys/class/net/docker0/address': '02:42:ac:11:00:01\n',
  '/sys/class/net/ib0/type': '32\n',
  '/sys/class/net/ib0/address': '80:00\n',
  '/sys/class/net/ib0/device/vendor': '0x15b3\n',
  '/sys/bus/pci/devices/0000:01:00.0/class': '0x030000\n',
  '/sys/bus/pci/devices/0000:01:00.0/vendor': '0x10de\n',
  '/sys/bus/pci/devices/0000:01:00.0/device': '0x1b81\n',
  '/sys/bus/pci/devices/0000:01:00.0/subsystem_vendor': '0x1458\n',
  '/sys/bus/pci/devices/0000:01:00.0/subsystem_device': '0x3717\n',
  '/sys/bus/pci/devices/0000:00:1f.0/class': '0x060100\n',
  '/sys/bus/pci/devices/0000:00:1f.0/vendor': '0x8086\n',
};
const links = {
  '/sys/block/loop0': '../devices/virtual/block/loop0',
  '/sys/block/sda': '../devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda',
  '/sys/block/nvme0n1': '../devices/pci0000:00/0000:00:1b.0/0000:02:00.0/nvme/nvme0/nvme0n1',
  '/sys/block/sdb': '../devices/pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.0/host6/target6:0:0/6:0:0:0/block/sdb',
  '/sys/block/sdc': '../devices/pci0000:00/0000:00:17.0/ata3/host2/target2:0:0/2:0:0:0/block/sdc',
  '/sys/block/sdd': '../devices/pci0000:00/0000:00:17.0/ata4/host3/target3:0:0/3:0:0:0/block/sdd',
  '/dev/disk/by-id/ata-WDC_WD40EFRX_WD-WCC7K0': '../../sdd',
  '/dev/disk/by-id/ata-WDC_WD40EFRX_WD-WCC7K0-part1': '../../sdd1',
  '/dev/disk/by-id/wwn-0x50014ee2b1234567': '../../sdd',
};
const observe = (files: Readonly<Record<string, string>>, more: Partial<Parameters<typeof madeUpSystem>[0]> = {}): Promise<Observation> =>
  observeMachine([], madeUpSystem({ files, ...more }), 'linux');

describe('the Linux collector, on a made-up workstation (K6)', () => {
  it('reads what is built in, and nothing that is plugged in or made up', async () => {
    expect(await observe(workstation, { links, addresses: ['192.0.2.7', 'fe80::1', '2001:db8::7', '169.254.3.3'] })).toEqual({
      host: 'physical',
      virtual: null,
      container: null,
      values: {
        machine_id: ['0123456789abcdef0123456789abcdef'],
        board: ['Made Ltd X370 MB-0815'],
        disk: ['S5GXNX0T123456', 'S3Z9NB0K123456X', 'ata-WDC_WD40EFRX_WD-WCC7K0'],
        optical: ['HL-DT-ST DVDRAM GH24NSD5'],
        cpu: ['vendor_id=GenuineIntel cpu family=6 model=158 model name=Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz stepping=10'],
        ethernet_address: ['00:1b:21:0a:0b:0c', '3c:6a:a7:01:02:03'],
        pci: ['0x10de:0x1b81:0x1458:0x3717'],
        fqdn: ['survey.example.org'],
        vm_uuid: [],
        vm_generation_id: [],
        cloud_instance: [],
        container: [],
        ip_address: ['192.0.2.7', '2001:db8::7'],
        custom: [],
      },
    });
  });

  it('is the same computer after an update of kernel and microcode, with a stick and a tunnel', async () => {
    const later = {
      ...workstation,
      '/proc/cpuinfo': cpuinfo.replace('0xf0', '0xf8').replace('800.012', '3100.5').replace('msr', 'msr arch_capabilities'),
      '/sys/class/net/wg0/type': '65534\n',
    };
    const salt = Buffer.alloc(32);
    const [before, after] = [await observe(workstation, { links }), await observe(later, { links })];
    expect(fingerprintOf(after, salt)).toEqual(fingerprintOf(before, salt));
  });

  it('goes on without what only root may read', async () => {
    const { [`${dmi}/board_serial`]: _serial, [`${dmi}/product_uuid`]: _uuid, ...readable } = workstation;
    const unprivileged = await observe(readable, { links });
    expect(unprivileged.values.board).toEqual([]);
    const salt = Buffer.alloc(32);
    const [whole, part] = [fingerprintOf(await observe(workstation, { links }), salt), fingerprintOf(unprivileged, salt)];
    expect(matches(whole, part, 'PMType1')).toBe(true);
    expect(matches(part, whole, 'PMType1')).toBe(true);
  });

  it('observes an empty computer as one', async () => {
    const nothing = await observe({});
    expect(fingerprintOf(nothing, Buffer.alloc(32)).components.map(({ kind }) => kind)).toEqual(['fqdn']);
  });
});

describe('what a computer is', () => {
  it.each<[string, Readonly<Record<string, string>>, Readonly<Record<string, string>>, Observation['host']]>([
    ['a workstation', workstation, {}, 'physical'],
    [
      'KVM by its processor',
      { ...workstation, '/proc/cpuinfo': cpuinfo.replace('flags\t\t: fpu', 'flags\t\t: fpu hypervisor') },
      {},
      'virtual',
    ],
    [
      'VMware by its name',
      { ...workstation, [`${dmi}/sys_vendor`]: 'VMware, Inc.\n', [`${dmi}/product_name`]: 'VMware7,1\n' },
      {},
      'virtual',
    ],
    ['a Xen guest', { ...workstation, '/sys/hypervisor/type': 'xen\n' }, {}, 'virtual'],
    [
      'the host of Xen guests',
      { ...workstation, '/sys/hypervisor/type': 'xen\n', '/proc/xen/capabilities': 'control_d\n' },
      {},
      'physical',
    ],
    ['Docker', { ...workstation, '/.dockerenv': '' }, {}, 'container'],
    ['Podman', { ...workstation, '/run/.containerenv': 'engine="podman-5.0"\n' }, {}, 'container'],
    ['systemd-nspawn', workstation, { container: 'systemd-nspawn' }, 'container'],
    ['Kubernetes', workstation, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 'container'],
    ['LXC by its control group', { ...workstation, '/proc/self/cgroup': '1:name=systemd:/lxc/web/init.scope\n' }, {}, 'container'],
    ['a service of systemd', { ...workstation, '/proc/self/cgroup': '0::/system.slice/keyhaven.service\n' }, {}, 'physical'],
  ])('%s', async (_, files, env, expected) => {
    expect((await observe(files, { links, env })).host).toBe(expected);
  });

  it('a virtual machine has its UUID, and no board or cards of its own', async () => {
    const { values } = await observe(
      { ...workstation, [`${dmi}/sys_vendor`]: 'QEMU\n', [`${dmi}/product_name`]: 'Standard PC (Q35 + ICH9, 2009)\n' },
      { links },
    );
    expect([values.vm_uuid, values.board, values.pci]).toEqual([['4c4c4544-0042-3510-8051-b4c04f4d3532'], [], []]);
  });

  const qemu = { ...workstation, [`${dmi}/sys_vendor`]: 'QEMU\n', [`${dmi}/product_name`]: 'Standard PC (Q35 + ICH9, 2009)\n' };
  const generation = '/sys/firmware/qemu_fw_cfg/by_name/etc/vmgenid_guid/raw';
  /** The blob of QEMU: room for a table header, then the GUID, then nothing up to the end of its page. */
  const blobOf = (guid: string): string => `${'\0'.repeat(40)}${Buffer.from(guid, 'hex').toString('latin1')}${'\0'.repeat(4_040)}`;

  it('a virtual machine of QEMU has its generation id, and another one when it went back to a snapshot', async () => {
    const of = async (files: Readonly<Record<string, string>>) => (await observe({ ...qemu, ...files }, { links })).values.vm_generation_id;
    expect(await of({ [generation]: blobOf('af6e4e32d1d1f64bbf41b9bb6c91fb87') })).toEqual(['af6e4e32d1d1f64bbf41b9bb6c91fb87']);
    expect(await of({ [generation]: blobOf('00ff11ee22dd33cc44bb55aa66997788') })).toEqual(['00ff11ee22dd33cc44bb55aa66997788']);
    expect(await of({ [generation]: 'short' })).toEqual([]);
    expect(await of({})).toEqual([]);
    const salt = Buffer.alloc(32);
    const printOf = async (guid: string) => fingerprintOf(await observe({ ...qemu, [generation]: blobOf(guid) }, { links }), salt);
    const [before, after] = [await printOf('af6e4e32d1d1f64bbf41b9bb6c91fb87'), await printOf('00ff11ee22dd33cc44bb55aa66997788')];
    expect([matches(before, before, 'VMType2'), matches(before, after, 'VMType2')]).toEqual([true, false]);
  });

  it('an instance of a cloud has the id that the cloud gives it', async () => {
    const of = async (files: Readonly<Record<string, string>>) => (await observe(files, { links })).values.cloud_instance;
    const ec2 = { ...workstation, [`${dmi}/sys_vendor`]: 'Amazon EC2\n', [`${dmi}/product_name`]: 'm7i.large\n' };
    const file = '/run/cloud-init/instance-data.json';
    const told = (cloud: unknown, id: unknown): string => JSON.stringify({ v1: { cloud_name: cloud, instance_id: id }, ds: {} });
    expect(await of({ ...ec2, [`${dmi}/board_asset_tag`]: 'i-0abc1234def567890\n' })).toEqual(['aws i-0abc1234def567890']);
    expect(await of({ ...ec2, [`${dmi}/board_asset_tag`]: 'Not Specified\n' })).toEqual([]);
    expect(await of({ ...workstation, [`${dmi}/board_asset_tag`]: 'i-0abc1234def567890\n' })).toEqual([]);
    expect(await of({ ...qemu, [file]: told('azure', '11112222-3333-4444-5555-666677778888') })).toEqual([
      'azure 11112222-3333-4444-5555-666677778888',
    ]);
    for (const other of [told('nocloud', 'i-1'), told('azure', ''), told('azure', 7), told('', 'x'), '{', '7', 'null', '{"v1":null}'])
      expect(await of({ ...qemu, [file]: other }), other).toEqual([]);
  });

  it.each<[string, string, boolean]>([
    ['QEMU', 'Standard PC (i440FX + PIIX, 1996)', true],
    ['innotek GmbH', 'VirtualBox', true],
    ['Microsoft Corporation', 'Virtual Machine', true],
    ['Microsoft Corporation', 'Surface Laptop 5', false],
    ['Amazon EC2', 'm7i.large', true],
    ['Amazon EC2', 'm7i.metal-24xl', false],
    ['Google', 'Google Compute Engine', true],
    ['Google', 'Octopus', false],
    ['Alibaba Cloud', 'Alibaba Cloud ECS', true],
    ['Parallels International GmbH.', 'Parallels ARM Virtual Machine', true],
    ['Apple Inc.', 'VirtualMac2,1', true],
    ['Apple Inc.', 'Mac14,2', false],
    ['Dell Inc.', 'Precision 5570', false],
    ['LENOVO', '21CB', false],
    ['HUAWEI', 'MateBook', false],
  ])('%s / %s', (vendor, product, expected) => {
    expect(isVirtualMachineName(vendor, product)).toBe(expected);
  });
});

describe('texts of Linux', () => {
  it('processors of other kinds', () => {
    expect(
      cpuOf(
        'processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n',
      ),
    ).toBe('CPU implementer=0x41 CPU architecture=8 CPU variant=0x0 CPU part=0xd08 CPU revision=3');
    expect(cpuOf('')).toBeUndefined();
  });

  it('host names', () => {
    expect(fullNameIn('192.0.2.1 a.example a\n192.0.2.2 b.example b\n', 'b')).toBe('b.example');
    expect(fullNameIn('192.0.2.1 a # a.example\n', 'a')).toBe('a');
    expect(fullNameIn('', 'a.example')).toBe('a.example');
  });

  it('containers', () => {
    const id = 'ab'.repeat(32);
    expect(containerIdIn(`12:cpu:/docker/${id}\n`, '')).toBe(id);
    expect(containerIdIn(`0::/system.slice/docker-${id}.scope\n`, '')).toBe(id);
    expect(containerIdIn('0::/\n', `36 35 8:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n`)).toBe(id);
    expect(containerIdIn('0::/\n', '')).toBeUndefined();
    expect(isContainerGroup('0::/kubepods.slice/kubepods-burstable.slice/kubepods-pod1.slice\n')).toBe(true);
    expect(isContainerGroup('0::/user.slice/docker-fan.service\n')).toBe(true); // A name is all that there is.
    expect(isContainerGroup('0::/init.scope\n')).toBe(false);
  });

  it('disks', () => {
    expect(serialInPage80('\0\ufffd\0\u0008  ABC123')).toBe('ABC123');
    expect(serialInPage80('')).toBeUndefined();
    expect(bestById(['wwn-0x5', 'scsi-0ATA_X', 'ata-X_1', 'ata-X_1-part2'])).toBe('ata-X_1');
    expect(bestById(['nvme-eui.00', 'nvme-X_2'])).toBe('nvme-X_2');
    expect(bestById(['dm-name-root', 'usb-X', 'lvm-pv-1'])).toBeUndefined();
  });
});

describe.runIf(process.platform === 'linux')('this computer', () => {
  it('is observed twice alike, and recognised by what was found', async () => {
    const salt = Buffer.alloc(32, 3);
    const [first, second] = [fingerprintOf(await observeMachine(['site-7']), salt), fingerprintOf(await observeMachine(['site-7']), salt)];
    expect(second).toEqual(first);
    expect(first.components.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['fqdn', 'custom']));
    expect(matches(first, second, { criteria: ['fqdn', 'custom'], minimum: 2 })).toBe(true);
  });
});
