import type { FeatureInfo } from './shapes.ts';

/** For a person: `expiration, ends 2027-12-31T23:59:59.999Z`. */
export const sayLicense = (license: FeatureInfo['license']): string => {
  const parts = [license.type === 'period' && license.trial === true ? 'trial' : license.type];
  if (license.type === 'period')
    parts.push(license.firstUse === undefined ? `${license.days} days from first use` : `${license.days} days`);
  if (license.type === 'executions') parts.push(`${license.used ?? 0} of ${license.count} used`);
  if (license.from !== undefined) parts.push(`from ${license.from}`);
  if (license.firstUse !== undefined) parts.push(`first used ${license.firstUse}`);
  if (license.ends !== undefined) parts.push(`ends ${license.ends}`);
  if (license.graceEnds !== undefined) parts.push(`grace until ${license.graceEnds}`);
  return parts.join(', ');
};
