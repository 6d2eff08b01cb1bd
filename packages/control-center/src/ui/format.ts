import type { CertifiedFeature, FeatureInfo } from '@keyhaven/core/admin';

// Values as people read them. Times in the reader's own zone.

const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const DAY = 86_400_000;
const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', DAY],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

export const sayMoment = (at: string | number): string => moment.format(new Date(at));
export const sayDay = (at: string | number): string => day.format(new Date(at));
export const sayNumber = (value: number): string => value.toLocaleString('en');

/** Of seats; null = any number. */
export const sayLimit = (limit: number | null): string => (limit === null ? 'Unlimited' : sayNumber(limit));

/** `in 3 days`, `2 hours ago`. */
const sayDistance = (at: string | number, now: number): string => {
  const distance = new Date(at).getTime() - now;
  const [unit, size] = UNITS.find(([, each]) => Math.abs(distance) >= each) ?? ['second', 1_000];
  return relative.format(Math.trunc(distance / size), unit);
};

/** Of a time in seconds: `2 d 3 h`, `5 min`. */
export const saySpan = (seconds: number): string => {
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [Math.floor(seconds) % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  return first === -1
    ? '0 s'
    : parts
        .slice(first, first + 2)
        .flatMap(([value, unit]) => (value > 0 ? [`${value} ${unit}`] : []))
        .join(' ');
};

export const sayBytes = (bytes: number): string =>
  bytes < 1_000 ? `${bytes} B` : bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;

export const sayLicense = (license: FeatureInfo['license'], now: number): string => {
  const until = (at: string): string => `${sayDay(at)} (${sayDistance(at, now)})`;
  const parts: string[] = [];
  switch (license.type) {
    case 'perpetual':
      parts.push('Perpetual');
      break;
    case 'expiration':
      parts.push(`Until ${until(license.ends ?? license.until)}`);
      break;
    case 'period':
      parts.push(`${license.trial === true ? 'Trial, ' : ''}${license.days} days from first use`);
      if (license.ends !== undefined) parts.push(`ends ${until(license.ends)}`);
      break;
    case 'executions':
      parts.push(`${sayNumber(license.used ?? 0)} of ${sayNumber(license.count)} executions used`);
      break;
  }
  if (license.from !== undefined) parts.push(`from ${sayDay(license.from)}`);
  if (license.graceEnds !== undefined) parts.push(`grace until ${sayDay(license.graceEnds)}`);
  return parts.join(', ');
};

/** As it was sold, whatever was used of it since. */
export const sayCertified = (license: CertifiedFeature['license']): string => {
  const parts: string[] = [];
  switch (license.type) {
    case 'perpetual':
      parts.push('Perpetual');
      break;
    case 'expiration':
      parts.push(`Until ${sayDay(license.until)}`);
      break;
    case 'period':
      parts.push(`${license.trial === true ? 'Trial, ' : ''}${license.days} days from first use`);
      break;
    case 'executions':
      parts.push(`${sayNumber(license.count)} executions`);
      break;
  }
  if (license.from !== undefined) parts.push(`from ${sayDay(license.from)}`);
  if ('graceDays' in license && license.graceDays !== undefined) parts.push(`${license.graceDays} days of grace`);
  return parts.join(', ');
};

/** Its start date is in the future. */
export const hasNotBegun = ({ from }: FeatureInfo['license'], now: number): boolean => from !== undefined && Date.parse(from) > now;

/** Days until the license ends; undefined where it does not. */
export const daysLeft = (license: FeatureInfo['license'], now: number): number | undefined => {
  const ends = license.graceEnds ?? license.ends ?? (license.type === 'expiration' ? license.until : undefined);
  return ends === undefined ? undefined : (new Date(ends).getTime() - now) / DAY;
};
export const hasEnded = (license: FeatureInfo['license'], now: number): boolean => {
  if (license.type === 'executions') return (license.used ?? 0) >= license.count;
  const left = daysLeft(license, now);
  return left !== undefined && left < 0;
};
