import type { Observation } from '@keyhaven/core/fingerprint';
import type { SystemReader } from './system-reader.ts';
import { hypervisorByName, isVirtualMachineName } from './virtual-machine.ts';

// Collector for Windows: the classes of CIM, through PowerShell as JSON, or through wmic on computers without it. HypervisorPresent is no
// sign: it is true on every computer that isolates its own kernel. The generation id of a virtual machine is told by a device only, to an
// administrator's program (IOCTL_VMGENCOUNTER_READ); neither CIM nor the registry has it, so it is not read here.

/** Class, and what is read of it. */
const CLASSES = {
  BaseBoard: ['Manufacturer', 'Product', 'SerialNumber'],
  ComputerSystem: ['Manufacturer', 'Model', 'DNSHostName', 'Domain'],
  ComputerSystemProduct: ['UUID'],
  DiskDrive: ['SerialNumber', 'InterfaceType', 'MediaType'],
  Processor: ['Manufacturer', 'Name', 'Description'],
  NetworkAdapter: ['MACAddress', 'PhysicalAdapter', 'PNPDeviceID'],
  CDROMDrive: ['Name'],
  UserAccount: ['SID'],
} as const;
type ClassName = keyof typeof CLASSES;
const classNames: readonly ClassName[] = [
  'BaseBoard',
  'ComputerSystem',
  'ComputerSystemProduct',
  'DiskDrive',
  'Processor',
  'NetworkAdapter',
  'CDROMDrive',
  'UserAccount',
];
/** In a domain there may be very many accounts; those of this computer are few. */
const CONDITIONS: Readonly<Partial<Record<ClassName, string>>> = { UserAccount: 'LocalAccount=TRUE' };

export type CimRecord = Readonly<Record<string, string>>;
type CimRecords = Readonly<Record<ClassName, readonly CimRecord[]>>;

const NOTHING: CimRecords = {
  BaseBoard: [],
  ComputerSystem: [],
  ComputerSystemProduct: [],
  DiskDrive: [],
  Processor: [],
  NetworkAdapter: [],
  CDROMDrive: [],
  UserAccount: [],
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const recordOf = (fields: Readonly<Record<string, unknown>>): CimRecord =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      ['string', 'number', 'boolean'].includes(typeof value) ? [[name, String(value)]] : [],
    ),
  );

/** ConvertTo-Json writes a list of one as the one, and an empty one as null. */
const recordsOf = (value: unknown): CimRecord[] | undefined => {
  const list: readonly unknown[] = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
  return list.every(isObject) ? list.map(recordOf) : undefined;
};

const documentOf = (value: unknown): CimRecords | undefined => {
  if (!isObject(value)) return undefined;
  const found: Partial<Record<ClassName, readonly CimRecord[]>> = {};
  for (const name of classNames) {
    const records = recordsOf(value[name]);
    if (records === undefined) return undefined;
    found[name] = records;
  }
  return { ...NOTHING, ...found };
};

/** What the PowerShell question prints; undefined where that is no such document. */
export const readCimJson = (text: string): CimRecords | undefined => {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/u, ''));
    return documentOf(value);
  } catch {
    return undefined;
  }
};

/** What `wmic PATH get ... /format:list` prints: `Name=Value` lines, records apart by empty lines, ends of line doubled. */
export const readWmicList = (text: string): CimRecord[] => {
  const found: Record<string, string>[] = [];
  let current: Record<string, string> | undefined;
  for (const line of text.replaceAll('\0', '').split(/\r*\n/u)) {
    const [, name, value] = /^\s*(\w+)=(.*?)\s*$/u.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      current = line.trim() === '' ? undefined : current;
      continue;
    }
    // Within a record no name comes twice.
    if (current === undefined || Object.hasOwn(current, name)) {
      current = {};
      found.push(current);
    }
    current[name] = value;
  }
  return found;
};

/** What `reg query ... /v NAME` prints. */
export const readRegistryValue = (text: string, name: string): string | undefined =>
  new RegExp(`^\\s*${name}\\s+REG_SZ\\s+(\\S.*?)\\s*$`, 'mu').exec(text)?.[1];

const joined = (...parts: readonly (string | undefined)[]): string => parts.filter((part) => part !== undefined && part !== '').join(' ');
/** The SID of the computer: that of each of its own accounts is this one with a number behind it. */
export const machineSids = (accounts: readonly string[]): string[] => [
  ...new Set(accounts.flatMap((sid) => /^(S-1-5-21-\d+-\d+-\d+)-\d+$/u.exec(sid.trim())?.[1] ?? [])),
];

/** `PCI\...`, and virtual network cards of the hypervisors; not what hangs on USB, nor tunnels. */
const ON_BOARD = /^(?:PCI|VMBUS|XENVIF|\{)/iu;

const windowsObservation = (cim: CimRecords, machineGuid: string | undefined, container: boolean): Observation => {
  const [system = {}] = cim.ComputerSystem;
  const [board = {}] = cim.BaseBoard;
  const virtual = isVirtualMachineName(system['Manufacturer'], system['Model']);
  const hypervisor = hypervisorByName(system['Manufacturer'], system['Model']);
  const uuids = cim.ComputerSystemProduct.flatMap(({ UUID }) => UUID ?? []);
  const domain = system['Domain'] ?? '';
  const host = system['DNSHostName'] ?? '';
  const serial = board['SerialNumber'] ?? '';
  return {
    host: virtual ? 'virtual' : 'physical',
    virtual: hypervisor ?? null,
    container: container ? 'windows' : null,
    values: {
      machine_id: machineGuid === undefined ? [] : [machineGuid],
      board: virtual || serial === '' ? [] : [joined(board['Manufacturer'], board['Product'], serial)],
      disk: cim.DiskDrive.flatMap(({ SerialNumber = '', InterfaceType = '', MediaType = '' }) =>
        InterfaceType === 'USB' || /removable|external/iu.test(MediaType) || SerialNumber.trim() === '' ? [] : [SerialNumber.trim()],
      ),
      cpu: [...new Set(cim.Processor.map(({ Manufacturer, Name, Description }) => joined(Manufacturer, Name, Description)))],
      ethernet_address: cim.NetworkAdapter.flatMap(({ MACAddress = '', PhysicalAdapter = '', PNPDeviceID = '' }) =>
        /^true$/iu.test(PhysicalAdapter) && MACAddress !== '' && ON_BOARD.test(PNPDeviceID) ? [MACAddress] : [],
      ),
      optical: cim.CDROMDrive.flatMap(({ Name }) => Name ?? []),
      // Without a domain Windows names the work group here.
      fqdn: host === '' ? [] : [domain.includes('.') ? `${host}.${domain}` : host],
      sid: machineSids(cim.UserAccount.flatMap(({ SID }) => SID ?? [])),
      vm_uuid: virtual ? uuids : [],
    },
  };
};

const QUESTION = [
  "$ErrorActionPreference='SilentlyContinue';[Console]::OutputEncoding=[Text.Encoding]::UTF8;@{",
  ...classNames.map((name) => {
    const condition = CONDITIONS[name];
    const where = condition === undefined ? '' : ` -Filter '${condition}'`;
    return `${name}=@(Get-CimInstance Win32_${name}${where} | Select-Object ${CLASSES[name].join(',')});`;
  }),
  '} | ConvertTo-Json -Depth 3 -Compress',
].join('');

export const observeWindows = async (system: SystemReader): Promise<Observation> => {
  const root = `${system.env['SystemRoot'] ?? 'C:\\Windows'}\\System32`;
  const registry = await system.run(`${root}\\reg.exe`, [
    'query',
    'HKLM\\SOFTWARE\\Microsoft\\Cryptography',
    '/v',
    'MachineGuid',
    '/reg:64',
  ]);
  const json = await system.run(`${root}\\WindowsPowerShell\\v1.0\\powershell.exe`, [
    '-NoProfile',
    '-NonInteractive',
    '-Command',
    QUESTION,
  ]);
  let cim = json === undefined ? undefined : readCimJson(json);
  if (cim === undefined) {
    const asked = async (name: ClassName): Promise<CimRecord[]> => {
      const condition = CONDITIONS[name];
      const where = condition === undefined ? [] : ['where', condition];
      const args = ['path', `Win32_${name}`, ...where, 'get', CLASSES[name].join(','), '/format:list'];
      return readWmicList((await system.run(`${root}\\wbem\\wmic.exe`, args)) ?? '');
    };
    cim = {
      BaseBoard: await asked('BaseBoard'),
      ComputerSystem: await asked('ComputerSystem'),
      ComputerSystemProduct: await asked('ComputerSystemProduct'),
      DiskDrive: await asked('DiskDrive'),
      Processor: await asked('Processor'),
      NetworkAdapter: await asked('NetworkAdapter'),
      CDROMDrive: await asked('CDROMDrive'),
      UserAccount: await asked('UserAccount'),
    };
  }
  // Set in containers alone, in those of Hyper-V, too.
  const control = ['query', 'HKLM\\SYSTEM\\CurrentControlSet\\Control', '/v', 'ContainerType'];
  const container = /^\s*ContainerType\s+REG_DWORD\s+0x[1-9a-f]/mu.test((await system.run(`${root}\\reg.exe`, control)) ?? '');
  return windowsObservation(cim, readRegistryValue(registry ?? '', 'MachineGuid'), container);
};
