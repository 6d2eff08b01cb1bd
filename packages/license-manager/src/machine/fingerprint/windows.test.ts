import { describe, expect, it } from 'vitest';
import { observeMachine } from './index.ts';
import { madeUpSystem } from './system.testing.ts';
import { machineSids, readCimJson, readRegistryValue, readWmicList } from './windows.ts';

// All fixtures here are made by hand in the formats that Microsoft documents for ConvertTo-Json, `wmic /format:list` and `reg query`; none was recorded.

const registry =
  '\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    6f9619ff-8b86-d011-b42d-00c04fc964ff\r\n\r\n';
const cim = {
  BaseBoard: [{ Manufacturer: 'Made Ltd', Product: 'X370', SerialNumber: 'MB-0815' }],
  ComputerSystem: [{ Manufacturer: 'Made Ltd', Model: 'Tower 5', DNSHostName: 'SURVEY', Domain: 'corp.example' }],
  ComputerSystemProduct: [{ UUID: '4C4C4544-0042-3510-8051-B4C04F4D3532' }],
  DiskDrive: [
    { SerialNumber: '  S3Z9NB0K123456X', InterfaceType: 'IDE', MediaType: 'Fixed hard disk media' },
    { SerialNumber: 'STICK-1', InterfaceType: 'USB', MediaType: 'Removable Media' },
    { SerialNumber: null, InterfaceType: 'SCSI', MediaType: 'Fixed hard disk media' },
  ],
  Processor: [
    { Manufacturer: 'GenuineIntel', Name: 'Intel(R) Xeon(R) E-2236', Description: 'Intel64 Family 6 Model 158 Stepping 10' },
    { Manufacturer: 'GenuineIntel', Name: 'Intel(R) Xeon(R) E-2236', Description: 'Intel64 Family 6 Model 158 Stepping 10' },
  ],
  NetworkAdapter: [
    { MACAddress: '00:1B:21:0A:0B:0C', PhysicalAdapter: true, PNPDeviceID: 'PCI\\VEN_8086&DEV_15BB' },
    { MACAddress: '02:00:4C:4F:4F:50', PhysicalAdapter: false, PNPDeviceID: 'ROOT\\NET\\0001' },
    { MACAddress: '00:E0:4C:68:00:01', PhysicalAdapter: true, PNPDeviceID: 'USB\\VID_0BDA&PID_8153' },
    { MACAddress: null, PhysicalAdapter: true, PNPDeviceID: 'PCI\\VEN_8086&DEV_2723' },
  ],
  CDROMDrive: [],
  UserAccount: [{ SID: 'S-1-5-21-3623811015-3361044348-30300820-500' }, { SID: 'S-1-5-21-3623811015-3361044348-30300820-1001' }],
};
const wmic: Readonly<Record<string, string>> = {
  Win32_BaseBoard: '\r\r\n\r\r\nManufacturer=Made Ltd\r\r\nProduct=X370\r\r\nSerialNumber=MB-0815\r\r\n\r\r\n\r\r\n',
  Win32_ComputerSystem: '\r\r\n\r\r\nDNSHostName=SURVEY\r\r\nDomain=corp.example\r\r\nManufacturer=Made Ltd\r\r\nModel=Tower 5\r\r\n\r\r\n',
  Win32_ComputerSystemProduct: '\r\r\n\r\r\nUUID=4C4C4544-0042-3510-8051-B4C04F4D3532\r\r\n\r\r\n',
  Win32_DiskDrive:
    '\r\r\n\r\r\nInterfaceType=IDE\r\r\nMediaType=Fixed hard disk media\r\r\nSerialNumber=  S3Z9NB0K123456X\r\r\n\r\r\n\r\r\nInterfaceType=USB\r\r\nMediaType=Removable Media\r\r\nSerialNumber=STICK-1\r\r\n',
  Win32_Processor:
    'Description=Intel64 Family 6 Model 158 Stepping 10\r\r\nManufacturer=GenuineIntel\r\r\nName=Intel(R) Xeon(R) E-2236\r\r\n',
  Win32_NetworkAdapter:
    'MACAddress=00:1B:21:0A:0B:0C\r\r\nPhysicalAdapter=TRUE\r\r\nPNPDeviceID=PCI\\VEN_8086&amp;DEV_15BB\r\r\n\r\r\nMACAddress=\r\r\nPhysicalAdapter=FALSE\r\r\nPNPDeviceID=ROOT\\KDNIC\\0000\r\r\n',
  Win32_CDROMDrive: '\r\r\n',
  Win32_UserAccount:
    '\r\r\n\r\r\nSID=S-1-5-21-3623811015-3361044348-30300820-500\r\r\n\r\r\n\r\r\nSID=S-1-5-21-3623811015-3361044348-30300820-1001\r\r\n',
};
const expected = {
  host: 'physical',
  virtual: null,
  container: null,
  values: {
    machine_id: ['6f9619ff-8b86-d011-b42d-00c04fc964ff'],
    board: ['Made Ltd X370 MB-0815'],
    cpu: ['GenuineIntel Intel(R) Xeon(R) E-2236 Intel64 Family 6 Model 158 Stepping 10'],
    ethernet_address: ['00:1B:21:0A:0B:0C'],
    optical: [],
    fqdn: ['SURVEY.corp.example'],
    sid: ['S-1-5-21-3623811015-3361044348-30300820'],
    vm_uuid: [],
    ip_address: [],
    custom: [],
  },
};
const observe = (programs: Parameters<typeof madeUpSystem>[0]['programs'] & {}) =>
  observeMachine([], madeUpSystem({ programs, env: { SystemRoot: 'C:\\Windows' } }), 'win32');

describe('the Windows collector, on made-up texts (K6)', () => {
  it('reads PowerShell', async () => {
    const found = await observe({ 'reg.exe': () => registry, 'powershell.exe': () => `\uFEFF${JSON.stringify(cim)}\r\n` });
    expect(found).toMatchObject(expected);
    expect(found.values.disk).toEqual(['S3Z9NB0K123456X']);
  });

  it('reads wmic where PowerShell does not answer, to the same fingerprint', async () => {
    const found = await observe({ 'reg.exe': () => registry, 'wmic.exe': ([, name = '']) => wmic[name] });
    expect(found).toMatchObject(expected);
    expect(found.values.disk).toEqual(['S3Z9NB0K123456X']);
  });

  it('asks for the accounts of this computer only, by which it knows the SID of the computer, and for nobody of a domain', async () => {
    const asked: string[] = [];
    const system = madeUpSystem({ env: { SystemRoot: 'C:\\Windows' } });
    await observeMachine([], { ...system, run: async (_, args) => void asked.push(args.join(' ')) }, 'win32');
    expect(asked.find((each) => each.includes('-Command'))).toContain("Win32_UserAccount -Filter 'LocalAccount=TRUE'");
    expect(asked).toContain('path Win32_UserAccount where LocalAccount=TRUE get SID /format:list');
    expect(machineSids(['S-1-5-21-1-2-3-500', 'S-1-5-21-1-2-3-1001', 'S-1-5-18', 'S-1-5-21-1-2', 'nonsense', 'S-1-12-1-1-2-3-4'])).toEqual([
      'S-1-5-21-1-2-3',
    ]);
  });

  it('asks programs of the system by their whole path, with a question that holds nothing from outside (S18)', async () => {
    const asked: string[] = [];
    const system = madeUpSystem({ env: { SystemRoot: 'D:\\Win' } });
    await observeMachine([], { ...system, run: async (program) => void asked.push(program) }, 'win32');
    for (const program of asked) expect(program).toMatch(/^D:\\Win\\System32\\/u);
  });

  it('knows a virtual machine by its maker, and not by a hypervisor that every Windows has', async () => {
    const virtual = {
      ...cim,
      ComputerSystem: [{ Manufacturer: 'Microsoft Corporation', Model: 'Virtual Machine', DNSHostName: 'VM', Domain: 'WORKGROUP' }],
    };
    const found = await observe({ 'powershell.exe': () => JSON.stringify(virtual) });
    expect(found).toMatchObject({
      host: 'virtual',
      values: { vm_uuid: ['4C4C4544-0042-3510-8051-B4C04F4D3532'], board: [], fqdn: ['VM'], machine_id: [] },
    });
  });

  it('knows a container by the registry, beside the machine that it is on', async () => {
    const virtual = { ...cim, ComputerSystem: [{ Manufacturer: 'QEMU', Model: 'Standard PC (Q35 + ICH9, 2009)' }] };
    const inContainer = (args: readonly string[]): string | undefined =>
      args.includes('ContainerType') ? '    ContainerType    REG_DWORD    0x2\r\n' : registry;
    const of = async (computer: object, registryOf: typeof inContainer) => {
      const found = await observe({ 'reg.exe': registryOf, 'powershell.exe': () => JSON.stringify(computer) });
      return [found.virtual, found.container];
    };
    expect(await of(virtual, inContainer)).toEqual(['qemu', 'windows']);
    expect(await of(cim, inContainer)).toEqual([null, 'windows']);
    expect(await of(virtual, () => registry)).toEqual(['qemu', null]);
  });

  it('takes one record for a list of one, and null for none', () => {
    const read = readCimJson('{"BaseBoard":{"Product":"X","SerialNumber":7},"DiskDrive":null}');
    expect(read?.BaseBoard).toEqual([{ Product: 'X', SerialNumber: '7' }]);
    expect([read?.DiskDrive, read?.Processor]).toEqual([[], []]);
  });

  it.each(['', 'not JSON', '[]', '7', '{"BaseBoard":[7]}'])('%j is no answer', (text) => {
    expect(readCimJson(text)).toBeUndefined();
  });

  it('reads no value that is not there', () => {
    expect(
      readRegistryValue('ERROR: The system was unable to find the specified registry key or value.\r\n', 'MachineGuid'),
    ).toBeUndefined();
    expect(readWmicList('No Instance(s) Available.\r\n')).toEqual([]);
    expect(readWmicList('A=1\r\r\nB=2\r\r\nA=3\r\r\n')).toEqual([{ A: '1', B: '2' }, { A: '3' }]);
  });
});
