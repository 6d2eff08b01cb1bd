import type { Ledger } from '@keyhaven/ledger';

// The latest moment of a login by a client whose clock is ahead (C6). Which requests were done is remembered in memory only, and after a start those from
// before it are refused by their moment. That moment is later than the start where the client's clock is ahead, so the latest one is kept.

export type AheadLogins = {
  /** Nothing signed up to this moment is done: it may have been done before the start. Milliseconds since 1970. */
  readonly before: number;
  /** A login with a moment in the future is about to be done. It is written before the login is, and nobody waits for it. */
  note(at: number): void;
};

const ROW = 'lm/rest/ahead';

export const openAheadLogins = async (ledger: Ledger): Promise<AheadLogins> => {
  let before = Number.NEGATIVE_INFINITY;
  for await (const [name, { at }] of ledger.scan<{ readonly at: number }>('lm/rest/')) if (name === ROW) before = at;
  let latest = before;
  return {
    before,
    note(at) {
      if (at <= latest) return;
      latest = at;
      // The ledger writes in order: when the seat of the login is durable, so is this. What the disk refuses here it refuses for the login, too; the next
      // login writes it.
      ledger
        .update([], () => ({ changes: [{ key: ROW, row: { at } }], audit: [], reply: undefined }), { durability: 'later' })
        .catch(() => {
          latest = before;
        });
    },
  };
};
