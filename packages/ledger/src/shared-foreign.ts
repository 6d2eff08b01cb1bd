import { clearInterval, setInterval } from 'node:timers';

// Notices that another process has committed: SQLite's data_version, which is cheap to ask. Asked only while somebody listens.

const EVERY_MS = 250;

export type ForeignWatch = { add(listener: () => void): () => void; close(): void };

/** `version` throws while the file is busy or gone; it is asked again the next time. */
export function createForeignWatch(version: () => number): ForeignWatch {
  const listeners = new Set<{ readonly call: () => void }>(); // BOUNDED by the program: a listener is ended by who added it
  let timer: NodeJS.Timeout | undefined;
  let seen: number | undefined;

  const ask = (): number | undefined => {
    try {
      return version();
    } catch {
      return undefined;
    }
  };
  const look = (): void => {
    const found = ask();
    if (found === undefined || found === seen) return;
    const isFirst = seen === undefined;
    seen = found;
    if (!isFirst) for (const { call } of [...listeners]) call();
  };
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };

  return {
    add(listener) {
      const one = { call: listener };
      listeners.add(one);
      if (timer === undefined) {
        seen = ask();
        timer = setInterval(look, EVERY_MS).unref();
      }
      return () => {
        listeners.delete(one);
        if (listeners.size === 0) stop();
      };
    },
    close() {
      listeners.clear();
      stop();
    },
  };
}
