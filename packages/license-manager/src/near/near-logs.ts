import { join } from 'node:path';
import type { NearSettings } from '@keyhaven/core/near-settings';
import type { Clock } from '@keyhaven/core/time';
import type { Ledger } from '@keyhaven/ledger';
import { createLogs, type Logs } from '../log/logs.ts';
import { watchLedger } from '../metrics/watched-ledger.ts';
import { openNearLogFile } from './near-log-file.ts';

// The request log and the error log of an External or Integrated LM: `logs` in the directory of the keys, where they are on. The lines are those of an Admin
// LM (docs/guide/monitoring.md): what its keys granted, refused and got back; and of keys of other computers, which decide there, when a session began and
// ended here.

export type NearLogs = Pick<Logs, 'event' | 'flush' | 'close'> & {
  /** The ledger of the user's keys; its grants, refusals and releases are lines. */
  watch(ledger: Ledger): Ledger;
  /** Where sessions at other license managers are kept; their begin and end are lines. */
  watchForwarded(ledger: Ledger): Ledger;
};

const FORWARDED = /^lm\/forwarded\/(.+)$/;

export const openNearLogs = (options: {
  readonly directory: string;
  readonly clock: Clock;
  readonly settings: Pick<NearSettings, 'requestLog' | 'errorLog' | 'logPattern'>;
  readonly onProblem: (problem: string, error: unknown) => void;
}): NearLogs => {
  const { clock, settings, onProblem } = options;
  const { requestLog, errorLog, logPattern } = settings;
  const never = { daily: false, accessMaxKb: 0, errorMaxKb: 0, compressDays: 0, deleteDays: 0, directory: undefined, json: false };
  const of = { ...never, access: requestLog, local: true, remote: true, admin: true, errors: errorLog, pattern: logPattern };
  const logs = createLogs({ directory: join(options.directory, 'logs'), clock, settings: () => of, onProblem, open: openNearLogFile });
  const quiet = { committed: () => undefined, refused: () => undefined };
  return {
    event: logs.event,
    flush: logs.flush,
    close: logs.close,
    watch: (ledger) =>
      requestLog
        ? watchLedger(ledger, clock, { ...quiet, decided: (entries, at) => entries.forEach((entry) => logs.decided(entry, at)) })
        : ledger,
    watchForwarded: (ledger) =>
      requestLog
        ? {
            ...ledger,
            update: (keys, decide, how) =>
              ledger.update(
                keys,
                (rows, now) => {
                  const decision = decide(rows, now);
                  for (const { key, row } of decision.changes) {
                    const session = FORWARDED.exec(key)?.[1];
                    if (session === undefined) continue;
                    const peer = row !== undefined && 'peer' in row && typeof row.peer === 'string' ? { licenseManager: row.peer } : {};
                    logs.decided({ kind: row === undefined ? 'released' : 'granted', scope: 'remote', detail: { session, ...peer } }, now);
                  }
                  return decision;
                },
                how,
              ),
          }
        : ledger,
  };
};
