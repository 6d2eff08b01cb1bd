import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

// The lines of a program's output, each handed out once: by `next` to the one who waited for it, or by `all` in order.
// BOUNDED: at most 10,000 lines lie unread; then the oldest go, so that a program that nobody reads is never held up.

export type LineQueue = {
  /** Takes out the first line, unread or still to come, that satisfies `wanted`; the others stay. */
  next(wanted: (line: string) => boolean, timeoutMs: number): Promise<string>;
  all(): AsyncIterable<string>;
};

const MAX_UNREAD = 10_000;

type Waiter = { readonly wanted: (line: string) => boolean; readonly take: (line: string) => void; readonly fail: (why: string) => void };

/** `explain` adds to the message of a failed wait what else is known of the program. */
export const createLineQueue = (source: Readable, explain: () => string): LineQueue => {
  const unread: string[] = [];
  const waiters = new Set<Waiter>();
  let ended = false;

  const lines = createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', (line) => {
    for (const waiter of waiters) {
      if (!waiter.wanted(line)) continue;
      waiters.delete(waiter);
      waiter.take(line);
      return;
    }
    unread.push(line);
    if (unread.length > MAX_UNREAD) unread.shift();
  });
  lines.once('close', () => {
    ended = true;
    for (const waiter of waiters) waiter.fail('the output ended');
    waiters.clear();
  });

  const wait = (wanted: Waiter['wanted'], timeoutMs: number | undefined): Promise<string | undefined> =>
    new Promise((resolve, reject) => {
      const index = unread.findIndex(wanted);
      if (index >= 0) return resolve(unread.splice(index, 1)[0]);
      // Without a timeout the end of the output is an expected answer.
      const fail = (why: string): void => {
        clearTimeout(timer);
        if (timeoutMs === undefined) resolve(undefined);
        else reject(new Error(`${why} without the awaited line; unread: ${JSON.stringify(unread.slice(-10))}; ${explain()}`));
      };
      const take = (line: string): void => {
        clearTimeout(timer);
        resolve(line);
      };
      const waiter: Waiter = { wanted, take, fail };
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => {
              waiters.delete(waiter);
              fail(`${timeoutMs} ms passed`);
            }, timeoutMs);
      if (ended) fail('the output ended');
      else waiters.add(waiter);
    });

  return {
    async next(wanted, timeoutMs) {
      const line = await wait(wanted, timeoutMs);
      if (line === undefined) throw new Error('a wait with a timeout always settles with a line');
      return line;
    },
    async *all() {
      for (;;) {
        const line = await wait(() => true, undefined);
        if (line === undefined) return;
        yield line;
      }
    },
  };
};
