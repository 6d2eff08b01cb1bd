import { insist } from './insisting.ts';
import { callWithin } from './key-path.ts';
import type { Limit } from './limits.ts';
import type { LmLink, Target } from './lm-link.ts';
import type { OwnTime } from './own-time.ts';

// Logins that nobody answered: the key may have granted them, or may grant them when its license manager, which was only stopped, reads them. The next
// login of the same kind repeats one of them, so that neither its seat nor its executions are lost. A seat for which no such login comes is given back.

export type Unanswered = {
  readonly nonce: Uint8Array;
  readonly target: Target;
  /** It uses up executions, which come back with no seat. */
  readonly counted: boolean;
};

export type Unsettled = {
  /** One that is to be repeated. */
  take(name: string): Unanswered | undefined;
  /** `answer`: its reply may still come; undefined where the path is lost. */
  add(name: string, login: Unanswered, answer: Promise<'granted' | 'refused' | 'lost'>): void;
};

/** BOUNDED: for each kind of login at a license manager. */
const MAX_UNSETTLED = 64;
/** How long executions wait for the application to try again. */
const COUNTED_MS = 60_000;

const RECONNECT_MS = 1_000;
/**
 * Where the path was lost, the login may still lie in the buffers of a license manager that was stopped, and be carried out after the withdrawal, which
 * came another way. So that is repeated.
 */
const AGAIN_MS = [2_000, 10_000, 60_000] as const;

type Entry = Unanswered & { taken: boolean };

/** @param limit of one attempt to give back */
export const createUnsettled = (link: LmLink, time: OwnTime, limit: () => Limit): Unsettled => {
  const open = new Map<string, Entry[]>(); // BOUNDED by the kinds of logins, and by MAX_UNSETTLED
  const remove = (name: string, entry: Entry): void => {
    const left = (open.get(name) ?? []).filter((each) => each !== entry);
    if (left.length === 0) open.delete(name);
    else open.set(name, left);
  };
  const giveBack = (name: string, entry: Entry, again: readonly number[]): void =>
    insist(time, async () => {
      if (entry.taken || link.gone) return;
      const within = limit();
      try {
        const path = await link.pathTo(entry.target, within, 'quietly');
        if (entry.taken) return;
        remove(name, entry);
        await callWithin(path, { kind: 'withdraw', nonce: entry.nonce }, within, {
          silence: () => link.silence(entry.target, within),
          quietly: true,
        });
        const [pause, ...rest] = again;
        if (pause !== undefined) time.later(pause, () => giveBack(name, entry, rest));
      } finally {
        within.end();
      }
    });
  return {
    take(name) {
      const entry = open.get(name)?.at(-1);
      if (entry === undefined) return undefined;
      entry.taken = true;
      remove(name, entry);
      return entry;
    },
    add(name, login, answer) {
      const entries = open.get(name) ?? [];
      const entry: Entry = { ...login, taken: false };
      if (entries.length < MAX_UNSETTLED) open.set(name, [...entries, entry]);
      void answer.then((outcome) => {
        if (outcome === 'refused') return remove(name, entry);
        const begin = (): void => giveBack(name, entry, outcome === 'lost' ? AGAIN_MS : []);
        if (login.counted) time.later(COUNTED_MS, begin);
        else if (link.connected) begin();
        // Not in the way of what the application does next.
        else time.later(RECONNECT_MS, begin);
      });
    },
  };
};
