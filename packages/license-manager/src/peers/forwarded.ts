import type { Wall } from '@keyhaven/core/time';
import type { Ledger, RowKey } from '@keyhaven/ledger';

// The sessions that this LM answers for at other LMs, kept on disk, so that after a restart it renews them for applications that have not
// come back yet (S22), and gives them back for those that ended meanwhile. Written behind the grant: what a crash loses here lapses at
// the owner, which is the safe side.

export type Forwarded = {
  readonly peer: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly start: number;
};

export type ForwardedStore = {
  all(): Promise<ReadonlyMap<string, Forwarded>>;
  put(session: string, forwarded: Forwarded): void;
  delete(session: string): void;
};

const rowKey = (session: string): RowKey => `lm/forwarded/${session}`;

export const createForwardedStore = (ledger: Ledger): ForwardedStore => {
  const change = (session: string, row: Forwarded | undefined): void => {
    const key = rowKey(session);
    ledger
      .update([key], (rows, _now: Wall) => ({ changes: row === rows.get(key) ? [] : [{ key, row }], audit: [], reply: undefined }), {
        durability: 'later',
      })
      .catch(() => undefined); // A disk that refuses costs only what a crash would cost.
  };
  return {
    async all() {
      const found = new Map<string, Forwarded>();
      for await (const [key, row] of ledger.scan<Forwarded>('lm/forwarded/')) found.set(key.slice('lm/forwarded/'.length), row);
      return found;
    },
    put: (session, forwarded) => change(session, forwarded),
    delete: (session) => change(session, undefined),
  };
};
