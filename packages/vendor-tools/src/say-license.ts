import type { LegacyTerms, License, Trial } from '@keyhaven/core/license';

/** What was sold, for a person to read. */
export const sayLicense = (license: License): string => {
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

export const sayTrial = ({ vendor, trial, issued, days, memory }: Trial): string[] => [
  `Trial ${trial} of vendor ${vendor}: ${days} days from the first use on each computer`,
  `Issued ${issued}; memory ${memory.readWrite} bytes read-write, ${memory.readOnly} bytes read-only`,
];

export const sayLegacy = (key: string, { vendor, license, counter, issued, memory, fingerprint }: LegacyTerms): string[] => [
  `Legacy license ${license} of vendor ${vendor}, version ${counter}, for one ${fingerprint.host} computer (${fingerprint.components.map(({ kind }) => kind).join(', ')}); its key is ${key}`,
  `Issued ${issued}; memory ${memory.readWrite} bytes read-write, ${memory.readOnly} bytes read-only`,
];
