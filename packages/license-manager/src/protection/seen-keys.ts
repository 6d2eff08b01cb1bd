import type { Wall } from '@keyhaven/core/time';
import type { Ledger, RowKey } from '@keyhaven/ledger';

// The highest update counter that every key of other LMs has shown, proven by the key and its vendor (K9). Rows of scope `lm`, so that it
// outlives restarts.

export type Seen = { readonly counter: number; readonly vendorKey: string; readonly at: number };

export type SeenKeys = {
  get(key: string): Seen | undefined;
  /** Remembers a counter that is higher than what is known. Resolves when it is durable. */
  note(key: string, counter: number, vendorKey: string, now: Wall): Promise<void>;
};

/** BOUNDED: keys remembered. What comes later is not remembered: a flood of made-up keys must not push out the real ones. */
const MAX_SEEN = 16_384;
const PREFIX = 'lm/seen/';
const rowKey = (key: string): RowKey => `lm/seen/${key}`;

export const openSeenKeys = async (ledger: Ledger): Promise<SeenKeys> => {
  const seen = new Map<string, Seen>(); // BOUNDED by MAX_SEEN
  for await (const [name, row] of ledger.scan<Seen>(PREFIX)) seen.set(name.slice(PREFIX.length), row);
  return {
    get: (key) => seen.get(key),
    async note(key, counter, vendorKey, now) {
      const known = seen.get(key);
      if (known === undefined ? seen.size >= MAX_SEEN : known.counter >= counter) return;
      const row: Seen = { counter, vendorKey, at: now };
      seen.set(key, row);
      const name = rowKey(key);
      await ledger.update<undefined>([name], (rows) => ({
        changes: (rows.get<Seen>(name)?.counter ?? -1) >= counter ? [] : [{ key: name, row }],
        audit: [],
        reply: undefined,
      }));
    },
  };
};
