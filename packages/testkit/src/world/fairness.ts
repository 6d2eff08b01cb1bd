import type { AuditEntry } from '@keyhaven/ledger';

// Who was overtaken (A4): follows the lines of one owner by its audit. Somebody who waits is overtaken when a seat of his pool goes to somebody
// who came later. Only for a world in which nobody loses his way to the owner for a while, where being passed over is right.

export type Fairness = { saw(owner: string, entries: readonly AuditEntry[]): void; readonly granted: number };

export const createFairness = (options: {
  /** Pools in which each login takes seats. */
  readonly counts: (feature: number) => boolean;
  /** Whether that process has ended. */
  readonly hasEnded: (pid: number) => boolean;
  readonly fault: (text: string) => void;
}): Fairness => {
  const lines = new Map<string, { readonly session: string; readonly pid: number }[]>(); // BOUNDED by those who wait
  let granted = 0;
  return {
    get granted() {
      return granted;
    },
    saw(owner, entries) {
      for (const { kind, scope, detail } of entries) {
        if (kind !== 'waiting' && kind !== 'withdrawn' && kind !== 'granted') continue;
        const [session, pid] = [String(detail['session']), Number(detail['pid'])];
        const name = `${owner} ${scope} ${detail['product']}.${detail['feature']}`;
        const line = lines.get(name) ?? [];
        if (kind === 'waiting') {
          lines.set(name, [...line, { session, pid }]);
          continue;
        }
        const at = line.findIndex((each) => each.session === session);
        if (kind === 'granted' && options.counts(Number(detail['feature']))) {
          const before = (at === -1 ? line : line.slice(0, at)).filter((each) => !options.hasEnded(each.pid));
          if (at !== -1) granted += 1;
          const [first] = before;
          if (first !== undefined)
            options.fault(`A4: process ${pid} got a seat of ${name} before process ${first.pid}, which waits for longer`);
        }
        if (at !== -1) lines.set(name, line.toSpliced(at, 1));
      }
    },
  };
};
