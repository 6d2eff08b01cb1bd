// The line of those who wait for a seat of one pool (A4): who is where, and whose turn it is. It knows no clock and decides no seat; whether
// somebody whose turn it is gets one is `decideLogin`. docs/decisions/0011-waiting.md.
//
// Promised, whatever comes and goes:
// - the greater priority goes first, and within one priority whoever came first: nobody is overtaken by an equal, also not by somebody who
//   needs fewer seats. So a request for several seats is not put off for ever; seats stay free for it meanwhile;
// - with one exception: a seat that is kept from somebody by a reservation is no reason to keep it from those behind him.

export type Waiter = {
  readonly id: string;
  readonly priority: number;
  /** When it first asked, on whatever scale the owner counts. Equal ones go by who joined first. */
  readonly since: number;
};

export type SeatQueue<W extends Waiter> = {
  readonly size: number;
  get(id: string): W | undefined;
  /** Joins; somebody who is there already keeps his place and becomes this one. */
  join(waiter: W): void;
  leave(id: string): W | undefined;
  /** From 1 on; 0 = not there. */
  place(id: string): number;
  /** In their order. */
  all(): IterableIterator<W>;
  /**
   * Those whose turn it is, one after the other. Whoever is still there when the next one is asked for has not got a seat, and holds up everybody
   * behind him who would take what he waits for.
   * @param keptFrom seats that are free for others only: somebody behind passes with a seat that those before him may not have
   * @param present whoever is away is passed over and holds up nobody
   */
  turns(keptFrom?: (waiter: W) => number, present?: (waiter: W) => boolean): IterableIterator<W>;
  /** Whether somebody who asks now, with this priority and kept from so many seats, has to stand behind somebody. */
  holdsUp(priority: number, kept?: number, keptFrom?: (waiter: W) => number, present?: (waiter: W) => boolean): boolean;
};

type Entry<W> = { readonly waiter: W; readonly order: number };

const nothing = (): number => 0;
const always = (): boolean => true;

export const createSeatQueue = <W extends Waiter>(): SeatQueue<W> => {
  const line: Entry<W>[] = []; // BOUNDED by the caller
  const byId = new Map<string, Entry<W>>(); // BOUNDED likewise
  let joined = 0;

  const before = (a: Entry<W>, b: Entry<W>): boolean =>
    a.waiter.priority !== b.waiter.priority
      ? a.waiter.priority > b.waiter.priority
      : a.waiter.since !== b.waiter.since
        ? a.waiter.since < b.waiter.since
        : a.order < b.order;
  /** How many stand before it. */
  const indexOf = (entry: Entry<W>): number => {
    let [low, high] = [0, line.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = line[middle];
      if (other !== undefined && before(other, entry)) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const queue: SeatQueue<W> = {
    get size() {
      return line.length;
    },
    get: (id) => byId.get(id)?.waiter,
    join(waiter) {
      const known = byId.get(waiter.id);
      if (known !== undefined) queue.leave(waiter.id);
      const entry = { waiter, order: known?.order ?? joined++ };
      byId.set(waiter.id, entry);
      line.splice(indexOf(entry), 0, entry);
    },
    leave(id) {
      const entry = byId.get(id);
      if (entry === undefined) return undefined;
      byId.delete(id);
      line.splice(indexOf(entry), 1);
      return entry.waiter;
    },
    place(id) {
      const entry = byId.get(id);
      return entry === undefined ? 0 : indexOf(entry) + 1;
    },
    *all() {
      for (const { waiter } of line) yield waiter;
    },
    *turns(keptFrom = nothing, present = always) {
      let least = Number.POSITIVE_INFINITY;
      for (const entry of [...line]) {
        if (least <= 0) return;
        const { waiter } = entry;
        if (byId.get(waiter.id) !== entry || !present(waiter)) continue;
        const kept = keptFrom(waiter);
        if (kept >= least) continue;
        yield waiter;
        if (byId.has(waiter.id)) least = kept;
      }
    },
    holdsUp(priority, kept = 0, keptFrom = nothing, present = always) {
      for (const { waiter } of line) {
        if (waiter.priority < priority) return false;
        if (present(waiter) && keptFrom(waiter) <= kept) return true;
      }
      return false;
    },
  };
  return queue;
};
