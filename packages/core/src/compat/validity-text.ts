import type { LicenseState } from '../admin/index.ts';
import type { License } from '../license/index.ts';

// Until when a license is good, in the words that monitoring scripts read the date out of (C6). They know two: what never ends, and what ends at
// a moment, whose day of the week they check. Every other text makes one of them give up the whole key, so other kinds are empty.

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

/** `Fri Jun 5, 2037 19:55`, in UTC. @param at milliseconds since 1970 */
export const momentText = (at: number): string => {
  const of = new Date(at);
  const day = `${DAYS[of.getUTCDay()] ?? ''} ${MONTHS[of.getUTCMonth()] ?? ''} ${of.getUTCDate()}, ${of.getUTCFullYear()}`;
  return `${day} ${two(of.getUTCHours())}:${two(of.getUTCMinutes())}`;
};

/** Whether it is over, with its days of grace, and whether it has begun. @param now milliseconds since 1970, by the license time */
export const licenseStateAt = (license: License & LicenseState, now: number): { readonly expired: boolean; readonly begun: boolean } => {
  const last = license.graceEnds ?? license.ends;
  const usedUp = license.type === 'executions' && (license.used ?? 0) >= license.count;
  return {
    expired: usedUp || (last !== undefined && Date.parse(last) < now),
    begun: license.from === undefined || Date.parse(license.from) <= now,
  };
};

const endOf = (license: License & LicenseState): number | undefined => {
  if (license.ends !== undefined) return Date.parse(license.ends);
  return license.type === 'expiration' ? Date.parse(license.until) : undefined;
};

export const validityText = (license: License & LicenseState): string => {
  const end = endOf(license);
  if (end !== undefined && Number.isFinite(end)) return `Expiration Date<br><nobr>&nbsp;${momentText(end)}</nobr>`;
  return license.type === 'perpetual' ? 'Perpetual' : '';
};
