import { join } from 'node:path';
import { isLoopback } from '@keyhaven/core/discovery';
import {
  type AccessRecord,
  accessLine,
  accessPattern,
  DEFAULT_PATTERN,
  jsonLine,
  type LogRules,
  lineSafe,
  originOf,
  type ParamValue,
  patternFault,
  saidParams,
} from '@keyhaven/core/log';
import { HERE, isHere } from '@keyhaven/core/seats';
import type { Clock, Wall } from '@keyhaven/core/time';
import { isDenial } from '@keyhaven/core/usage';
import type { AuditEntry } from '@keyhaven/ledger';
import type { LmEvent } from '../lm/index.ts';
import type { Settings } from '../settings.ts';
import type { LogFileOptions, LogWriter } from './log-file.ts';
import { tailOf } from './tail.ts';

// The access log and the error log (C5, field-facts 2.9). What is asked by HTTP is a line with its method and path; what applications ask of
// keys here is one when it was granted, ended or refused.

export type LogSettings = Settings['log'];

/** A request that was answered. */
export type AnsweredRequest = {
  readonly address: string;
  readonly port: number;
  readonly method: string;
  readonly url: string;
  readonly kind: string;
  readonly status: number;
  readonly user?: string;
};

export type Logs = {
  request(request: AnsweredRequest): void;
  /** What a ledger has decided: grants, releases and refusals are lines. */
  decided(entry: AuditEntry, at: Wall): void;
  event(event: LmEvent): void;
  /** The latest lines of a log, the oldest of them first. */
  tail(log: 'access' | 'error', lines: number): Promise<readonly string[]>;
  /** Logs whose lines the disk refuses. */
  losing(): readonly ('access' | 'error')[];
  flush(): Promise<void>;
  close(): Promise<void>;
};

const functions: Readonly<Record<string, string>> = {
  granted: 'LOGIN',
  released: 'LOGOUT',
  refused: 'LOGIN',
  consumed: 'CONSUME',
  'consume refused': 'CONSUME',
};
/** Refusals that are no denials of logins: of computers, identities and administrators, and of detaching a product. */
const isOtherRefusal = (entry: AuditEntry): boolean =>
  entry.kind === 'refused' && !isDenial(entry) && (entry.scope === 'lm' || 'product' in entry.detail);
const functionOf = (entry: AuditEntry): string | undefined => (isOtherRefusal(entry) ? 'ACCESS' : functions[entry.kind]);

export const createLogs = (options: {
  readonly directory: string;
  readonly clock: Clock;
  readonly settings: () => LogSettings;
  readonly onProblem: (problem: string, error: unknown) => void;
  /** What writes a log. */
  readonly open: (options: LogFileOptions) => LogWriter;
}): Logs => {
  const { directory, clock, settings, onProblem, open } = options;
  const rulesFor = (kilobytes: number): LogRules => {
    const { daily, compressDays, deleteDays } = settings();
    return { daily, maxBytes: kilobytes * 1_000, compressDays, deleteDays };
  };
  /** Opened with the first line, so that a log that is off makes no file. */
  const writers = new Map<'access' | 'error', LogWriter>();
  const writerOf = (log: 'access' | 'error'): LogWriter => {
    const known = writers.get(log);
    if (known !== undefined) return known;
    const rules = (): LogRules => rulesFor(log === 'access' ? settings().accessMaxKb : settings().errorMaxKb);
    const made = open({ directory, log, clock, rules, onProblem });
    writers.set(log, made);
    return made;
  };
  let pattern = { text: DEFAULT_PATTERN, ...accessPattern(DEFAULT_PATTERN) };
  const follow = (text: string): void => {
    if (pattern.text === text) return;
    pattern = { text, ...accessPattern(text) };
    const fault = patternFault(text);
    if (fault !== undefined) onProblem('the pattern of the access log is wrong', fault);
  };

  const record = (access: AccessRecord): void => {
    const { access: isOn, json, pattern: wanted, ...of } = settings();
    if (!isOn || !of[access.origin]) return;
    follow(wanted);
    writerOf('access').write(json ? jsonLine(access) : accessLine(pattern.parts, access));
  };

  return {
    request({ address, port, method, url, kind, status, user = '' }) {
      const origin = originOf(isLoopback(address), kind === 'administration');
      record({ at: clock.wall(), address, port, client: user, method, url, function: kind.toUpperCase(), params: {}, status, origin });
    },

    decided(entry, at) {
      const { scope, detail } = entry;
      const name = functionOf(entry);
      if (name === undefined) return;
      const { address, user, host, holder, status, ...rest } = detail;
      const isLocal = typeof holder !== 'string' || isHere(holder);
      const isOwn = holder === HERE || typeof holder !== 'string';
      const client = [user, host].filter((each) => typeof each === 'string' && each !== '').join('@');
      const params: Record<string, ParamValue> = { key: scope, ...rest, ...(isOwn ? {} : { holder }) };
      record({
        at,
        address: typeof address === 'string' ? address : '127.0.0.1',
        port: 0,
        client,
        method: '-',
        url: '-',
        function: name,
        params,
        status: typeof status === 'number' ? status : 0,
        origin: originOf(isLocal, false),
      });
    },

    event({ level, event, ...detail }) {
      const { errors, json } = settings();
      if (!errors || (level !== 'warn' && level !== 'error')) return;
      const at = new Date(clock.wall()).toISOString();
      const said = Object.fromEntries(Object.entries(detail).map(([name, value]) => [name, sayDetail(value)]));
      const text = json
        ? JSON.stringify({ at, level, event: lineSafe(event), ...said })
        : `${at.slice(0, 19).replace('T', ' ')} ${level} ${lineSafe(event)} ${saidParams(said)}`.trimEnd();
      writerOf('error').write(`${text}\n`);
    },

    async tail(log, lines) {
      await writers.get(log)?.flush();
      return tailOf(join(directory, `${log}.log`), lines);
    },

    losing: () => [...writers].flatMap(([log, writer]) => (writer.lost() > 0 ? [log] : [])),

    async flush() {
      await Promise.all([...writers.values()].map((writer) => writer.flush()));
    },
    async close() {
      await Promise.all([...writers.values()].map((writer) => writer.close()));
    },
  };
};

const sayDetail = (value: unknown): ParamValue => {
  if (typeof value === 'string') return lineSafe(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (value instanceof Error) return lineSafe(`${value.name}: ${value.message}`);
  return lineSafe(JSON.stringify(value) ?? '');
};
