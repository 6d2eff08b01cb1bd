import type { License } from '@keyhaven/core/license';

/** Whether what a license gives depends on the date: only perpetual and counted licenses without a start do not. */
export const hasTimeLimit = (license: License): boolean =>
  !((license.type === 'perpetual' || license.type === 'executions') && !('from' in license));
