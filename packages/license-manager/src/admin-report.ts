import type { LmStatus } from '@keyhaven/core/admin';
import type { Clock } from '@keyhaven/core/time';
import type { Ledger } from '@keyhaven/ledger';
import { aboutComputer } from './admin-start.ts';
import { createDiagnostics, type Report } from './diagnostics/index.ts';
import type { Lm } from './lm/index.ts';
import { networkPlan, type Scheduled, upcomingOf } from './network/index.ts';
import type { Settings } from './settings.ts';

/** All that somebody who helps an administrator from afar asks for first (C3); what of it cannot be gathered is left out and says why. */
export const createAdminReport = (options: {
  readonly lm: Lm;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly settings: () => Settings;
  readonly settingRows: () => unknown;
  readonly status: () => LmStatus;
  readonly scheduled: () => Scheduled[];
  readonly remarks: (settings: Settings) => unknown;
}): (() => Promise<Report>) => {
  const { ledger, clock, settings } = options;
  const { overview } = options.lm;
  return createDiagnostics({
    now: clock.wall,
    status: options.status,
    computer: aboutComputer,
    sections: {
      settings: options.settingRows,
      keys: () => overview.keys(),
      features: () => overview.features(),
      damage: () => ledger.damage(),
      clients: () => new Set(overview.sessions().map(({ host, address }) => `${host} ${address}`)).size,
      peers: () => overview.peers(),
      network: () => networkPlan(settings()),
      upcoming: () => upcomingOf(clock, options.scheduled()),
      remarks: () => options.remarks(settings()),
      refused: () => ledger.audit({ kind: 'refused', limit: 50 }),
      audit: () => ledger.audit({ scope: 'lm', limit: 100 }),
    },
  });
};
