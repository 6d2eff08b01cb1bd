import type { Feature } from '@keyhaven/core/license';
import type { SeatTerms } from '@keyhaven/core/seats';
import { DAY, wall } from '@keyhaven/core/time';

/** When and where a feature may be used, as the rules of seats take it (K1, K8). */
export const validityTerms = ({
  license,
  concurrency,
}: Feature): Pick<SeatTerms, 'from' | 'periodMs' | 'trial' | 'graceMs' | 'remoteDesktop' | 'virtualMachine'> => ({
  ...(license.from === undefined ? {} : { from: wall(Date.parse(license.from)) }),
  ...(license.type === 'period' ? { periodMs: license.days * DAY } : {}),
  ...(license.type === 'period' && license.trial ? { trial: true as const } : {}),
  ...('graceDays' in license && license.graceDays !== undefined ? { graceMs: license.graceDays * DAY } : {}),
  ...(concurrency.remoteDesktop ? {} : { remoteDesktop: false }),
  ...(concurrency.virtualMachine ? {} : { virtualMachine: false }),
});
