import { join } from 'node:path';
import { openMetrics, prometheusText } from '@keyhaven/core/metrics';
import type { Note } from '@keyhaven/core/network';
import { type Clock, SECOND } from '@keyhaven/core/time';
import type { UsageItem } from '@keyhaven/core/usage';
import type { AuditEntry, AuditVerdict, Ledger } from '@keyhaven/ledger';
import type { Acts, AuditWriter } from './acts/index.ts';
import type { Authority } from './authority/index.ts';
import { type History, openHistory, type UsageQuery } from './history/index.ts';
import type { LmEvent } from './lm/index.ts';
import { type AnsweredRequest, createLogs, openLogFile } from './log/index.ts';
import { createCounters, type MetricSources, metricFamilies, processFigures, watchLedger } from './metrics/index.ts';
import type { Settings, SettingsFault } from './settings.ts';

// What an Admin LM writes down of what happens (C5): its logs, its metrics, the history of use, and what it says of the audit. All of it listens;
// nothing that is licensed waits for any of it.

/** For the doors. */
export type RecordFaces = {
  /** Other computers may read the metrics without a password (S19). */
  readonly remoteMetrics: boolean;
  request(request: AnsweredRequest): void;
  verifyAudit(): Promise<AuditVerdict>;
  usage(query: UsageQuery): Promise<readonly UsageItem[]>;
  logLines(log: 'access' | 'error', lines: number): Promise<readonly string[]>;
  /** As a reader of this Accept header wants them. */
  metrics(accept: string): { readonly type: string; readonly text: string };
  /** Why it does not serve; empty = it does. */
  unready(): Promise<readonly string[]>;
  /** What is wrong although it serves; empty = nothing. `full`: with what only people who may read may know, such as the text of the settings file. */
  degraded(full: boolean): readonly string[];
};

export type Records = {
  readonly faces: RecordFaces;
  /** The ledger that everything else is to use. */
  watch(ledger: Ledger): Ledger;
  /** Before whoever else is told. */
  readonly noted: Note;
  event(event: LmEvent): void;
  /** What is wrong with the settings file; undefined = nothing. */
  settingsFault(fault: SettingsFault | undefined): void;
  /** When there is something to write down. */
  begin(of: {
    readonly authority: Authority;
    readonly acts: Pick<Acts, 'owed'>;
    readonly audit: Pick<AuditWriter, 'lost' | 'unreported'>;
    readonly sources: Omit<MetricSources, 'startedAt' | 'isWritable' | 'owedActs' | 'lostEntries' | 'process' | 'sessions'>;
    /** Sockets are open. */
    readonly isListening: () => boolean;
  }): Promise<void>;
  close(): Promise<void>;
};

/** How long it holds that the disk refused what was written last, and that it took it: a disk becomes full while nothing is written, too. */
const REFUSED_MS = SECOND;
const TAKEN_MS = 5 * SECOND;
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';

export const createRecords = (options: {
  readonly stateDirectory: string;
  readonly clock: Clock;
  readonly settings: () => Settings;
  readonly onEvent: (event: LmEvent) => void;
}): Records => {
  const { stateDirectory, clock, settings, onEvent } = options;
  const counters = createCounters();
  const startedAt = clock.wall() / SECOND;
  const logs = createLogs({
    directory: settings().log.directory ?? join(stateDirectory, 'logs'),
    clock,
    settings: () => settings().log,
    open: openLogFile,
    onProblem: (problem, error) => onEvent({ level: 'warn', event: problem, error }),
  });
  let ledger: Ledger | undefined;
  let history: History | undefined;
  let sources: MetricSources | undefined;
  let isListening = (): boolean => false;
  let owed = (): number => 0;
  let unreported = (): number => 0;
  let settingsFault: SettingsFault | undefined;
  /** When the disk was last known to take writes, or not to. */
  let known = Number.NEGATIVE_INFINITY;
  let probing: Promise<void> | undefined;

  const decided = (entries: readonly AuditEntry[], at: Parameters<History['decided']>[1]): void => {
    for (const entry of entries) {
      counters.decided(entry);
      history?.decided(entry, at);
      logs.decided(entry, at);
    }
  };

  /** Asks the disk by a small write, at most once in a while, however many want to know. */
  const probe = async (): Promise<void> => {
    if (ledger === undefined || clock.mono() - known < (counters.isRefusing ? REFUSED_MS : TAKEN_MS)) return;
    const row = { at: clock.wall() };
    probing ??= ledger
      .update([], () => ({ changes: [{ key: 'lm/lm/probe', row }], audit: [], reply: undefined }))
      .catch(() => undefined)
      .finally(() => {
        probing = undefined;
      });
    await probing;
  };

  return {
    watch(inner) {
      ledger = watchLedger(inner, clock, {
        decided,
        committed(milliseconds) {
          counters.commits.add(milliseconds / SECOND);
          counters.isRefusing = false;
          known = clock.mono();
        },
        refused() {
          counters.refusedCommits += 1;
          counters.isRefusing = true;
          known = clock.mono();
        },
      });
      return ledger;
    },
    noted: counters.noted,
    event: logs.event,
    settingsFault(fault) {
      settingsFault = fault;
    },

    async begin({ authority, acts, audit, sources: of, isListening: listening }) {
      if (ledger === undefined) throw new TypeError('records begin before they have a ledger');
      isListening = listening;
      owed = () => acts.owed();
      unreported = () => audit.unreported();
      sources = {
        ...of,
        startedAt,
        sessions: () => authority.sessions(),
        isWritable: () => !counters.isRefusing,
        owedActs: () => acts.owed(),
        lostEntries: () => audit.lost(),
        process: processFigures,
      };
      history = await openHistory({
        ledger,
        clock,
        used: (pool) => authority.used(pool),
        *sessions() {
          for (const { pool, row } of authority.sessions()) yield { pool, user: row.user, host: row.host };
        },
        onProblem: (error) => onEvent({ level: 'warn', event: 'the history of use is not written', error }),
      });
    },

    faces: {
      get remoteMetrics() {
        return settings().access.remoteMetrics;
      },
      request: logs.request,
      async verifyAudit() {
        if (ledger === undefined) throw new TypeError('no ledger');
        return ledger.verifyAudit();
      },
      async usage(query) {
        return (await history?.report(query)) ?? [];
      },
      logLines: logs.tail,
      metrics(accept) {
        // For who reads them next: this answer waits for no disk.
        void probe();
        const families = sources === undefined ? [] : metricFamilies(sources, counters);
        return accept.includes('application/openmetrics-text')
          ? { type: OPEN_METRICS, text: openMetrics(families) }
          : { type: PROMETHEUS, text: prometheusText(families) };
      },
      async unready() {
        await probe();
        return [
          ...(counters.isRefusing ? ['the ledger cannot be written'] : []),
          ...(owed() > 0 ? ['the end of an administrative act is not in the audit'] : []),
          ...(unreported() > 0 ? [`the disk refused ${unreported()} entries of the audit`] : []),
          ...(isListening() ? [] : ['no socket is open']),
        ];
      },
      degraded(full) {
        const damaged = sources?.damaged().length ?? 0;
        return [
          ...(settingsFault === undefined ? [] : [full ? settingsFault.full : settingsFault.brief]),
          ...logs.losing().map((log) => `the disk refuses lines of the ${log} log`),
          ...(damaged === 0 ? [] : [`${damaged} ${damaged === 1 ? 'key is' : 'keys are'} not served: the state of the key is damaged`]),
        ];
      },
    },

    async close() {
      await history?.close();
      await logs.close();
    },
  };
};
