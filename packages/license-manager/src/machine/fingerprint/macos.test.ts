import { describe, expect, it } from 'vitest';
import { observeMachine } from './index.ts';
import { readDiskSerials, readHardwarePorts, readIoregProperty } from './macos.ts';
import { madeUpSystem } from './system.testing.ts';

// All fixtures here are made by hand in the formats that ioreg(8), system_profiler(8) and networksetup(8) print; none was recorded.

const ioreg = `+-o J314sAP  <class IOPlatformExpertDevice, id 0x100000227, registered, matched, active, busy 0 (0 ms), retain 36>
    {
      "manufacturer" = <"Apple Inc.">
      "model" = <"MacBookPro18,3">
      "IOPlatformUUID" = "01234567-89AB-CDEF-0123-456789ABCDEF"
      "IOPlatformSerialNumber" = "C02XK0AAJGH5"
    }
`;
const disks = JSON.stringify({
  SPNVMeDataType: [
    { _name: 'Apple SSD Controller', _items: [{ _name: 'APPLE SSD AP0512R', device_serial: '0ba0123456789abc', detachable_drive: 'no' }] },
  ],
  SPSerialATADataType: [{ _items: [{ device_serial: 'EXTERNAL-1', detachable_drive: 'yes' }, { _name: 'no serial' }] }],
});
const ports = `
Hardware Port: Ethernet Adapter (en4)
Device: en4
Ethernet Address: 00:e0:4c:68:00:01

Hardware Port: Wi-Fi
Device: en0
Ethernet Address: f8:4d:89:01:02:03

Hardware Port: Thunderbolt Bridge
Device: bridge0
Ethernet Address: 36:c8:40:00:00:00

VLAN Configurations
===================
`;
const programs = (monitored: string) => ({
  ioreg: () => ioreg,
  system_profiler: () => disks,
  networksetup: () => ports,
  sysctl: ([, name]: readonly string[]) => (name === 'kern.hv_vmm_present' ? `${monitored}\n` : 'Apple M1 Pro\n'),
  scutil: () => 'surveys-macbook\n',
});

describe('the macOS collector, on made-up texts (K6)', () => {
  it('reads what is built in', async () => {
    expect(await observeMachine([], madeUpSystem({ programs: programs('0') }), 'darwin')).toEqual({
      host: 'physical',
      virtual: null,
      container: null,
      values: {
        machine_id: ['01234567-89AB-CDEF-0123-456789ABCDEF'],
        board: ['C02XK0AAJGH5'],
        disk: ['0ba0123456789abc'],
        cpu: ['Apple M1 Pro'],
        ethernet_address: ['f8:4d:89:01:02:03'],
        fqdn: ['surveys-macbook'],
        vm_uuid: [],
        ip_address: [],
        custom: [],
      },
    });
  });

  it('knows a virtual machine by its kernel', async () => {
    const { host, values } = await observeMachine([], madeUpSystem({ programs: programs('1') }), 'darwin');
    expect([host, values.vm_uuid, values.board]).toEqual(['virtual', ['01234567-89AB-CDEF-0123-456789ABCDEF'], []]);
  });

  it('goes on where nothing answers', async () => {
    expect((await observeMachine([], madeUpSystem({ hostname: 'mac' }), 'darwin')).values).toMatchObject({
      fqdn: ['mac'],
      disk: [],
      board: [],
    });
  });

  it('bad texts say nothing', () => {
    expect([readDiskSerials('no JSON'), readDiskSerials('[]'), readHardwarePorts(''), readIoregProperty('', 'model')]).toEqual([
      [],
      [],
      [],
      undefined,
    ]);
    const deep = `${'['.repeat(2_000)}{"device_serial":"A"}${']'.repeat(2_000)}`;
    expect(readDiskSerials(deep)).toEqual(['A']);
  });
});
