import { join } from 'node:path';
import type { NearSettings } from '@keyhaven/core/near-settings';
import type { Clock, Wall } from '@keyhaven/core/time';
import type { Change, Decision, Ledger } from '@keyhaven/ledger';
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

/** What is read of a row of a session at another license manager (peers/remote-sessions.ts). */
type RemoteRow = {
  readonly peer?: string;
  readonly about?: { readonly key?: string; readonly application?: { readonly user: string; readonly host: string } };
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
  /** Sessions at other license managers whose begin was written. BOUNDED by the sessions of the application. */
  const begun = new Set<string>();
  const noteChange = ({ key, row }: Change, now: Wall): void => {
    const session = FORWARDED.exec(key)?.[1];
    if (session === undefined || begun.has(session) === (row !== undefined)) return;
    const kind = row === undefined ? 'released' : 'granted';
    if (row === undefined) begun.delete(session);
    else begun.add(session);
    const { peer = '', about = {} }: RemoteRow = row ?? {};
    const { user = '', host = '' } = about.application ?? {};
    const at = peer === '' ? {} : { licenseManager: peer };
    logs.decided({ kind, scope: about.key ?? 'remote', detail: { session, ...at, user, host } }, now);
  };
  const noted = <T>(decision: Decision<T>, now: Wall): Decision<T> => {
    for (const change of decision.changes) noteChange(change, now);
    return decision;
  };
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
        ? { ...ledger, update: (keys, decide, how) => ledger.update(keys, (rows, now) => noted(decide(rows, now), now), how) }
        : ledger,
  };
};
