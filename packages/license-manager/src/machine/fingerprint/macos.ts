import type { Observation } from '@keyhaven/core/fingerprint';
import type { SystemReader } from './system-reader.ts';
import { isVirtualMachineName } from './virtual-machine.ts';

// Collector for macOS, from what ioreg, system_profiler, networksetup, sysctl and scutil print.

/** A property of `ioreg -rd1 -c IOPlatformExpertDevice`: `"Name" = "value"`, or `<"value">`. */
export const readIoregProperty = (text: string, name: string): string | undefined =>
  new RegExp(`"${name}" = <?"([^"]*)"`, 'u').exec(text)?.[1];

/** `device_serial` of every disk inside the computer, in what `system_profiler -json SPNVMeDataType SPSerialATADataType` prints. */
export const readDiskSerials = (json: string): string[] => {
  const found: string[] = [];
  let open: unknown[];
  try {
    const document: unknown = JSON.parse(json);
    open = [document];
  } catch {
    return [];
  }
  // Nested as controllers and buses are; without recursion, whatever the depth.
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    if (typeof item !== 'object' || item === null) continue;
    const fields = new Map<string, unknown>(Object.entries(item));
    const serial = fields.get('device_serial');
    const detachable = fields.get('detachable_drive') === 'yes' || fields.get('removable_media') === 'yes';
    if (typeof serial === 'string' && !detachable) found.push(serial.trim());
    open.push(...fields.values());
  }
  return found.sort();
};

/** Addresses of the built-in ports, in what `networksetup -listallhardwareports` prints; the address of the hardware, not one made up for a network. */
export const readHardwarePorts = (text: string): string[] =>
  text.split(/\n\s*\n/u).flatMap((block) => {
    const port = /^Hardware Port: (.*)$/mu.exec(block)?.[1] ?? '';
    const address = /^Ethernet Address: ([0-9a-f:]{17})\s*$/imu.exec(block)?.[1];
    return address === undefined || /bridge|usb|bluetooth|vlan|adapter/iu.test(port) ? [] : [address];
  });

export const observeMacos = async (system: SystemReader): Promise<Observation> => {
  const platform = (await system.run('/usr/sbin/ioreg', ['-rd1', '-c', 'IOPlatformExpertDevice'])) ?? '';
  const disks = (await system.run('/usr/sbin/system_profiler', ['-json', 'SPNVMeDataType', 'SPSerialATADataType'])) ?? '';
  const ports = (await system.run('/usr/sbin/networksetup', ['-listallhardwareports'])) ?? '';
  const value = async (program: string, ...args: readonly string[]): Promise<string | undefined> =>
    (await system.run(program, args))?.trim() || undefined;
  const cpu = await value('/usr/sbin/sysctl', '-n', 'machdep.cpu.brand_string');
  const monitored = (await value('/usr/sbin/sysctl', '-n', 'kern.hv_vmm_present')) === '1';
  const name = await value('/usr/sbin/scutil', '--get', 'LocalHostName');
  const virtual = monitored || isVirtualMachineName(readIoregProperty(platform, 'manufacturer'), readIoregProperty(platform, 'model'));
  const uuid = readIoregProperty(platform, 'IOPlatformUUID');
  const serial = readIoregProperty(platform, 'IOPlatformSerialNumber');
  return {
    host: virtual ? 'virtual' : 'physical',
    virtual: virtual ? 'hypervisor' : null,
    container: null,
    values: {
      machine_id: uuid === undefined ? [] : [uuid],
      board: virtual || serial === undefined ? [] : [serial],
      disk: readDiskSerials(disks),
      cpu: cpu === undefined ? [] : [cpu],
      ethernet_address: readHardwarePorts(ports),
      fqdn: [name ?? system.hostname],
      vm_uuid: virtual && uuid !== undefined ? [uuid] : [],
    },
  };
};
