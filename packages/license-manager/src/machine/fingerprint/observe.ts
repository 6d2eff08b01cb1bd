import type { Observation } from '@keyhaven/core/fingerprint';
import { observeLinux } from './linux.ts';
import { observeMacos } from './macos.ts';
import { type SystemReader, thisSystem } from './system-reader.ts';
import { observeWindows } from './windows.ts';

/** BOUNDED: custom values that count (field-facts 4.6). */
const MAX_CUSTOM = 2;

const ofPlatform = (system: SystemReader, platform: string): Promise<Observation> => {
  switch (platform) {
    case 'win32':
      return observeWindows(system);
    case 'darwin':
      return observeMacos(system);
    default:
      return observeLinux(system);
  }
};

const routable = (address: string): boolean => !/^(?:169\.254\.|fe80:|127\.|::1$)/iu.test(address);

/**
 * What this computer is recognised by (K6). `custom` is what its administrator names it for licenses, which is the only thing that a
 * container has of its own. Never rejects: what cannot be read is absent.
 */
export const observeMachine = async (
  custom: readonly string[] = [],
  system: SystemReader = thisSystem,
  platform: string = process.platform,
): Promise<Observation> => {
  const { values, ...of } = await ofPlatform(system, platform);
  return { ...of, values: { ...values, ip_address: system.addresses.filter(routable), custom: custom.slice(0, MAX_CUSTOM) } };
};
