import type { Certificate, DynamicFile, Feature, LegacyTerms, License, Product, Trial, V2c } from '@keyhaven/core/license';
import { formatFingerprint, formatProtection } from './format-computer.ts';

// What was sold, for a person to read.

const formatLicense = (license: License): string => {
  const grace = 'graceDays' in license && license.graceDays !== undefined ? [`${license.graceDays} days of grace`] : [];
  const from = license.from === undefined ? [] : [`from ${license.from}`];
  const terms = (): string => {
    switch (license.type) {
      case 'perpetual':
        return 'perpetual';
      case 'expiration':
        return `until ${license.until}`;
      case 'period':
        return `${license.days} days from the first use`;
      case 'executions':
        return `${license.count} executions`;
    }
  };
  return [terms(), ...from, ...grace].join(', ');
};

export const formatTrial = ({ vendor, trial, issued, days, memory }: Trial): string[] => [
  `Trial ${trial} of vendor ${vendor}: ${days} days from the first use on each computer`,
  `Issued ${issued}; memory ${memory.readWrite} bytes read-write, ${memory.readOnly} bytes read-only`,
];

export const formatLegacy = (key: string, { vendor, license, counter, issued, memory, fingerprint }: LegacyTerms): string[] => [
  `Legacy license ${license} of vendor ${vendor}, version ${counter}, for one ${fingerprint.host} computer (${fingerprint.components.map(({ kind }) => kind).join(', ')}); its key is ${key}`,
  ...formatFingerprint('Bound to', fingerprint),
  `Issued ${issued}; memory ${memory.readWrite} bytes read-write, ${memory.readOnly} bytes read-only`,
];

export const formatUpdate = ({ base, acknowledge }: Omit<V2c, 'certificate' | 'sealed'>): string[] => [
  ...(base === undefined ? [] : ['Computed from what the key has; a key in another state refuses it']),
  ...(acknowledge === true ? ['Asks for an acknowledgement'] : []),
];
const formatFile = ({ id, size, access }: DynamicFile): string => `Memory file ${id}: ${size} bytes, ${access}`;

export const formatCertificate = (certificate: Certificate): string[] => [
  `For key ${certificate.key} (${certificate.type}) of vendor ${certificate.vendor}, update counter ${certificate.counter}`,
  `Issued ${certificate.issued}; memory ${certificate.memory.readWrite} bytes read-write, ${certificate.memory.readOnly} bytes read-only`,
  formatRehost(certificate),
  ...(certificate.final === true ? ['The last update of this key: no other is applied after it'] : []),
  ...(certificate.memory.dynamic ?? []).map(formatFile),
  ...(certificate.fingerprint === undefined ? [] : formatFingerprint('Bound to', certificate.fingerprint)),
  ...certificate.products.flatMap(formatProduct),
];
const formatRehost = ({ type, rehost }: Certificate): string => {
  if (rehost === true) return 'The customer may move the key to another computer (rehost)';
  return type === 'sl-adminmode'
    ? 'The key may not move to another computer (no rehost)'
    : `A key of type ${type} does not move to another computer`;
};
export const formatProduct = (product: Product): string[] => [
  `Product ${product.id} ${product.name}`,
  ...(product.protection === undefined ? [] : [formatProtection(product.protection)]),
  ...product.features.map(formatFeature),
];

export const formatSeats = (seats: number): string => `${seats} ${seats === 1 ? 'seat' : 'seats'}`;

const formatFeature = ({ id, name, license, concurrency, detachable, detachDays }: Feature): string => {
  const seats = concurrency.seats === 'unlimited' ? 'unlimited seats' : `${formatSeats(concurrency.seats)} per ${concurrency.count}`;
  const parts = [
    formatLicense(license),
    seats,
    concurrency.network ? 'over the network' : 'local only',
    concurrency.remoteDesktop ? 'remote desktop allowed' : 'no remote desktop',
    concurrency.virtualMachine ? 'virtual machines allowed' : 'no virtual machines',
    ...(detachable ? [detachDays === undefined ? 'detachable' : `detachable for ${detachDays} days at a time`] : []),
  ];
  return `  Feature ${id} ${name}: ${parts.join(', ')}`;
};
