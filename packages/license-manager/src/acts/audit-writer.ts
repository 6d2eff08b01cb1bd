import { type Clock, SECOND, type Wall } from '@keyhaven/core/time';
import type { AuditEntry, Ledger } from '@keyhaven/ledger';

// Audit entries that nothing waits for: refusals, changes of settings, what happened to the password (C5). The caller continues at once. An entry that the
// disk refuses is never dropped in silence: the error log says it, a metric counts it, `readyz` names it, and when the disk takes entries again, one entry
// of the audit says how many are missing, of which kinds, and from when to when.

export type AuditWriter = {
  /** Writes the entry; never throws, and nothing waits for it. */
  write(entry: AuditEntry): void;
  /** Entries that the disk has refused since the start. */
  lost(): number;
  /** Refused entries whose number is not in the audit yet. */
  unreported(): number;
  close(): void;
};

const AGAIN_MS = 5 * SECOND;
/** BOUNDED: kinds of entries that are named one by one. */
const MOST_KINDS = 20;

type Gap = { readonly kinds: Set<string>; readonly from: Wall; to: Wall; count: number };

export const createAuditWriter = (options: {
  readonly ledger: Pick<Ledger, 'update'>;
  readonly clock: Clock;
  readonly onEvent: (event: { readonly level: 'error' | 'info'; readonly event: string; readonly [detail: string]: unknown }) => void;
}): AuditWriter => {
  const { ledger, clock, onEvent } = options;
  let lost = 0;
  let gap: Gap | undefined;
  let closed = false;
  let cancel = (): void => undefined;

  /** Not with `durability: 'later'`: that is answered before the disk has been asked, so that a refusal would reach nobody. */
  const append = (entry: AuditEntry): Promise<void> => ledger.update([], () => ({ changes: [], audit: [entry], reply: undefined }));

  const reportGap = async (): Promise<void> => {
    const reported = gap;
    if (reported === undefined || closed) return;
    // What is refused from here on is a gap of its own.
    gap = undefined;
    const { count, kinds, from, to } = reported;
    const detail = { count, kinds: [...kinds].join(', '), from, to };
    try {
      await append({ kind: 'audit entries lost', scope: 'lm', detail });
      onEvent({ level: 'info', event: 'the disk takes audit entries again; the number of those lost is in the audit', ...detail });
    } catch {
      gap = merge(reported, gap);
      retry();
    }
  };
  const retry = (): void => {
    if (!closed) cancel = clock.after(AGAIN_MS, () => void reportGap());
  };

  const refused = ({ kind, scope }: AuditEntry, error: unknown): void => {
    lost += 1;
    const at = clock.wall();
    if (gap === undefined) {
      gap = { kinds: new Set([kind]), from: at, to: at, count: 1 };
      retry();
      // Once for each gap: a disk that is full must not fill the log as well.
      const remedy = 'Make space on the disk of the state directory. The audit will say how many entries are missing.';
      return onEvent({ level: 'error', event: 'an audit entry was not written', kind, scope, error, remedy });
    }
    gap.count += 1;
    gap.to = at;
    if (gap.kinds.size < MOST_KINDS) gap.kinds.add(kind);
  };

  return {
    write(entry) {
      append(entry).catch((error: unknown) => refused(entry, error));
    },
    lost: () => lost,
    unreported: () => gap?.count ?? 0,
    close() {
      closed = true;
      cancel();
    },
  };
};

const merge = (earlier: Gap, later: Gap | undefined): Gap => {
  if (later === undefined) return earlier;
  const kinds = new Set([...earlier.kinds, ...later.kinds].slice(0, MOST_KINDS));
  return { kinds, from: earlier.from, to: later.to, count: earlier.count + later.count };
};
