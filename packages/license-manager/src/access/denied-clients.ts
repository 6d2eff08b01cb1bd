import { MINUTE, type Mono } from '@keyhaven/core/time';
import type { AuditEntry } from '@keyhaven/ledger';
import type { RuleBar } from './access.ts';

// Another license manager that rules deny tries again at every search. The audit has it once in ten minutes for each of the same rule and
// address, so that somebody who knocks all day does not push out what else it holds.

const QUIET_MS = 10 * MINUTE;
/** BOUNDED: who was noted of late; the oldest is forgotten first. */
const MAX_NOTED = 1_024;

export type DeniedClient = { readonly address: string; readonly host: string | undefined; readonly holder: string | undefined };

export const createDeniedClients = () => {
  const noted = new Map<string, Mono>(); // BOUNDED by MAX_NOTED
  /** What is new for the audit; undefined = that was there a moment ago. */
  return ({ address, host, holder }: DeniedClient, bar: RuleBar, now: Mono): AuditEntry | undefined => {
    const name = `${address} ${bar.rule}`;
    const last = noted.get(name);
    if (last !== undefined && now - last < QUIET_MS) return undefined;
    noted.delete(name);
    noted.set(name, now);
    const [oldest] = noted.keys();
    if (noted.size > MAX_NOTED && oldest !== undefined) noted.delete(oldest);
    const who = { holder: holder ?? null, host: host ?? null, user: null, application: null, address };
    const { status, detail: cause, rule, place } = bar;
    const at = place === undefined ? {} : { ruleFile: place.file, ruleLine: place.line };
    return { kind: 'refused', scope: 'lm', detail: { ...who, status, cause, rule, ...at } };
  };
};
