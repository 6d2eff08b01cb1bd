import type { Feature, KeyType, License, MemorySizes } from '../license/index.ts';
import { DAY, SECOND } from '../time/index.ts';
import type { FeatureInfo, LicenseInfo, MemoryInfo } from './info-data.ts';

// From what a vendor signed to what is told of it; for whoever holds a certificate: the license manager of a key, and an application.

/** Type and configuration of a key as the XML spells them. */
export const keyTypeNames = {
  'sl-adminmode': { type: 'HASP-SL-AdminMode', configuration: 'haspsl-adminmode' },
  'sl-usermode': { type: 'HASP-SL-UserMode', configuration: 'haspsl-usermode' },
  'sl-legacy': { type: 'HASP-SL', configuration: 'haspsl-legacy' },
  'hl-driverless': { type: 'HASP-HL', configuration: 'sentinelhl,driverless' },
  'hl-hasp': { type: 'HASP-HL', configuration: 'hasphl,sentinelhl' },
} as const satisfies Readonly<Record<KeyType, { readonly type: string; readonly configuration: string }>>;

/** @param firstUse of a license that counts its days from there; undefined before it. */
export const licenseInfoOf = (license: License, usedExecutions: number | undefined, firstUse?: number): LicenseInfo => {
  switch (license.type) {
    case 'perpetual':
      return { type: 'perpetual' };
    case 'expiration':
      return { type: 'expiration', expires: Math.floor(Date.parse(license.until) / SECOND) };
    case 'period':
      return {
        type: 'trial',
        duration: (license.days * DAY) / SECOND,
        ...(firstUse === undefined ? {} : { started: Math.floor(firstUse / SECOND) }),
      };
    case 'executions':
      return { type: 'executions', total: license.count, ...(usedExecutions === undefined ? {} : { used: usedExecutions }) };
  }
};

/** All of a feature that does not change while it is used. */
export const featureInfoOf = (feature: Feature, usedExecutions: number | undefined, firstUse?: number): FeatureInfo => {
  const { network, remoteDesktop, virtualMachine, count, seats } = feature.concurrency;
  return {
    id: String(feature.id),
    ...(feature.name === '' ? {} : { name: feature.name }),
    locked: true,
    detachable: feature.detachable,
    virtualMachine,
    license: licenseInfoOf(feature.license, usedExecutions, firstUse),
    concurrency: {
      export: ['local', ...(network ? (['network'] as const) : []), ...(remoteDesktop ? (['display'] as const) : [])],
      count,
      seats,
    },
    maxLogins: seats,
    sessions: [],
  };
};

/** The files that every key has (field-facts 1.2), and those that its vendor gave it. */
export const memoryInfoOf = ({ readWrite, readOnly, dynamic = [] }: MemorySizes): readonly MemoryInfo[] => [
  { file: 0xfff4, size: readWrite, access: 'rw', name: 'Main' },
  { file: 0xfff5, size: readOnly, access: 'ro', name: 'Read only' },
  ...dynamic.map(({ id, size, access }) => ({ file: id, size, access, name: `File ${id}` })),
];
