import type { PoolId, ReleaseCause, SessionRow } from '@keyhaven/core/seats';
import type { Mono } from '@keyhaven/core/time';

/** A session as it runs: its stored row, and what only this process knows of it. */
export type LiveSession = {
  readonly id: string;
  readonly pool: PoolId;
  readonly row: SessionRow;
  /** Last call that counts as use; for the idle timeout. */
  lastUse: Mono;
  /** Set from when its release is decided: no call is served any more. */
  ending: ReleaseCause | undefined;
  /** The channel it runs in; undefined while its application is away. */
  channel: object | undefined;
};

export type LiveSessions = {
  get(id: string): LiveSession | undefined;
  add(session: LiveSession): void;
  delete(session: LiveSession): void;
  all(): IterableIterator<LiveSession>;
  readonly size: number;
  /** Sessions of one application on this computer. */
  ofProcess(pid: number, start: number): LiveSession[];
};

const processName = (pid: number, start: number): string => `${pid}.${start}`;

/** BOUNDED by the seats of the keys here; unlimited pools by what their clients keep open. */
export const createLiveSessions = (): LiveSessions => {
  const byId = new Map<string, LiveSession>();
  const byProcess = new Map<string, Set<LiveSession>>();
  return {
    get: (id) => byId.get(id),
    add(session) {
      byId.set(session.id, session);
      if (session.row.holder !== 'local') return;
      const name = processName(session.row.pid, session.row.start);
      let of = byProcess.get(name);
      if (of === undefined) {
        of = new Set();
        byProcess.set(name, of);
      }
      of.add(session);
    },
    delete(session) {
      // A login repeated while its session was released may have put a new session of this id here.
      if (byId.get(session.id) === session) byId.delete(session.id);
      const name = processName(session.row.pid, session.row.start);
      const of = byProcess.get(name);
      if (of?.delete(session) === true && of.size === 0) byProcess.delete(name);
    },
    all: () => byId.values(),
    get size() {
      return byId.size;
    },
    ofProcess: (pid, start) => [...(byProcess.get(processName(pid, start)) ?? [])],
  };
};
