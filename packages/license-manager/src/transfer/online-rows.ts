import type { Wall } from '@keyhaven/core/time';
import type { AuditEntry, Change, Ledger, RowKey } from '@keyhaven/ledger';

// What this computer gets over the network and gives back there, one row per lent key (docs/decisions/0025-detach-online.md). Promised: the row is
// there before anything is asked; it says `lent` from the decision on that takes the license, and `returned` from the one on that erases it.

export type OnlineRow = {
  /** `asked`: whether the owner has lent is not known. `returned`: the owner may not know. */
  readonly state: 'asked' | 'lent' | 'returned';
  /** The owner, and where it was last. */
  readonly guid: string;
  readonly hostname: string;
  readonly host: string;
  readonly port: number;
  /** The owner's key. */
  readonly key: string;
  readonly product: number;
  readonly network: boolean;
  readonly since: number;
  /** Of a license that was given back. */
  readonly until?: number;
};

/** What a decision about the key writes besides. */
export type Besides = { readonly changes: readonly Change[]; done(): void };
export const NOTHING_BESIDES: Besides = { changes: [], done: () => undefined };

export type OnlineRows = {
  get(child: string): OnlineRow | undefined;
  all(): readonly (readonly [child: string, row: OnlineRow])[];
  put(child: string, row: OnlineRow, audit: readonly AuditEntry[]): Promise<void>;
  drop(child: string, audit: readonly AuditEntry[]): Promise<void>;
  /** The row went with its key. */
  forget(child: string): void;
  isAsked(child: string): boolean;
  receiving(child: string, parent: string): Besides;
  leaving(child: string, at: Wall, until: number): Besides;
  /** The key that was asked for it is no more; its row goes with it. */
  discarding(child: string): Besides;
};

const rowOf = (child: string): RowKey => `${child}/online/state`;

export const openOnlineRows = async (ledger: Ledger): Promise<OnlineRows> => {
  const rows = new Map<string, OnlineRow>(); // BOUNDED by the keys here, and by MAX_ASKED
  for await (const [name, row] of ledger.scan<OnlineRow>('')) {
    const [child = '', kind] = name.split('/');
    if (kind === 'online') rows.set(child, row);
  }
  const besides = (child: string, row: OnlineRow | undefined): Besides => ({
    changes: [{ key: rowOf(child), row }],
    done: () => void (row === undefined ? rows.delete(child) : rows.set(child, row)),
  });
  const write = async (child: string, row: OnlineRow | undefined, audit: readonly AuditEntry[]): Promise<void> => {
    const { changes, done } = besides(child, row);
    await ledger.update([], () => ({ changes, audit, reply: undefined }));
    done();
  };
  return {
    get: (child) => rows.get(child),
    all: () => [...rows],
    put: write,
    drop: (child, audit) => write(child, undefined, audit),
    forget: (child) => void rows.delete(child),
    isAsked: (child) => rows.get(child)?.state === 'asked',
    receiving(child, parent) {
      const row = rows.get(child);
      if (row === undefined || (row.state === 'lent' && row.key === parent)) return NOTHING_BESIDES;
      // By a file of somebody else: what was asked for is not awaited any more.
      return besides(child, row.key === parent ? { ...row, state: 'lent' } : undefined);
    },
    leaving(child, at, until) {
      const row = rows.get(child);
      return row === undefined ? NOTHING_BESIDES : besides(child, { ...row, state: 'returned', since: at, until });
    },
    discarding: (child) => besides(child, undefined),
  };
};
