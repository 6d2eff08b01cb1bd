import { type Clock, MINUTE, type Mono, SECOND } from '@keyhaven/core/time';
import { isElsewhere, isRunning, type ProcessIdentity } from './machine/index.ts';

// Whether the applications of this computer still run (DESIGN "Liveness"). While an application is connected, its connection says so. When
// the connection is gone without logout, its process does: gone means that its seats are given back at once; alive (connection closed
// for being idle, LM restarted, stopped by a debugger) means that they are kept. Nothing is asked of the application itself, so its event
// loop may be blocked for as long as it likes (A3).

/** First looks come fast: the connection of a killed process closes a moment before the process is gone. */
const LOOKS_MS = [5, 20, 75, 300, SECOND];
const LOOK_MS = 2 * SECOND;
/** A process that cannot be seen from here (another PID namespace, another computer) is kept for the lease after its connection is gone. */
const UNSEEN_MS = 3 * MINUTE;

export type ApplicationsOptions = {
  readonly clock: Clock;
  /** Whether the application has sessions; where it has none, nobody needs to look at it. */
  readonly needed: (process: ProcessIdentity) => boolean;
  readonly onEnded: (process: ProcessIdentity) => void;
  readonly running?: (process: ProcessIdentity) => boolean;
};

export type Applications = {
  /** @param named the process that the application says it is, where another one holds its connection: that it ends is believed, that it runs is not */
  connected(process: ProcessIdentity, named?: ProcessIdentity): void;
  disconnected(process: ProcessIdentity): void;
  /** A stored session of an application that has not come back yet. */
  away(process: ProcessIdentity): void;
  close(): void;
};

type Watched = {
  connections: number;
  readonly seen: boolean;
  /** Ran here when the application came, in place of what cannot be seen. */
  named: ProcessIdentity | undefined;
  looks: number;
  /** When its connection was gone. */
  since: Mono;
  cancel: (() => void) | undefined;
};

export const createApplications = ({ clock, needed, onEnded, running = isRunning }: ApplicationsOptions): Applications => {
  const watched = new Map<string, Watched>(); // BOUNDED: applications connected or with sessions
  const name = ({ pid, start }: ProcessIdentity): string => `${pid}.${start}`;

  const entryOf = (process: ProcessIdentity): Watched => {
    let entry = watched.get(name(process));
    if (entry === undefined) {
      entry = { connections: 0, seen: running(process), named: undefined, looks: 0, since: clock.mono(), cancel: undefined };
      watched.set(name(process), entry);
    }
    return entry;
  };

  const look = (process: ProcessIdentity, entry: Watched): void => {
    const { seen, named, since } = entry;
    const wait = seen || named !== undefined ? (LOOKS_MS[entry.looks] ?? LOOK_MS) : UNSEEN_MS;
    entry.looks += 1;
    entry.cancel?.();
    entry.cancel = clock.after(wait, () => {
      entry.cancel = undefined;
      if (entry.connections > 0) return;
      const isKept = !seen && named !== undefined && running(named) && clock.mono() - since < UNSEEN_MS;
      const ended = !isKept && !running(process);
      if (ended) onEnded(process);
      if (!ended && needed(process)) look(process, entry);
      else watched.delete(name(process));
    });
  };

  return {
    connected(process, named) {
      const entry = entryOf(process);
      if (named !== undefined && !entry.seen && running(named)) entry.named = named;
      entry.connections += 1;
      entry.cancel?.();
      entry.cancel = undefined;
    },
    disconnected(process) {
      const entry = watched.get(name(process));
      if (entry === undefined) return;
      entry.connections -= 1;
      if (entry.connections > 0) return;
      entry.looks = 0;
      entry.since = clock.mono();
      look(process, entry);
    },
    away(process) {
      // Restored sessions: their process was seen by the LM that stored them. One of another computer has its time to come back.
      let entry = watched.get(name(process));
      if (entry !== undefined) return;
      entry = { connections: 0, seen: !isElsewhere(process), named: undefined, looks: 0, since: clock.mono(), cancel: undefined };
      watched.set(name(process), entry);
      look(process, entry);
    },
    close() {
      for (const entry of watched.values()) entry.cancel?.();
      watched.clear();
    },
  };
};
