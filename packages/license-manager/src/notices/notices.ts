import { type Clock, type Mono, SECOND } from '@keyhaven/core/time';

// That something has changed, for whoever looks at it live (C3): by topic and without what; whoever wants to know asks. Each topic is told at most
// twice a second however much happens, and costs nothing while nobody listens.

export const topics = ['keys', 'features', 'sessions', 'peers', 'denials', 'waiting', 'network', 'log', 'settings', 'audit'] as const;
export type Topic = (typeof topics)[number];
/** How often a topic has changed since the start. A gap is what was told together; fewer than before is another start. */
export type Counts = Readonly<Record<Topic, number>>;

const QUIET_MS = SECOND / 2;
/** BOUNDED: listeners at a time. */
const MAX_LISTENERS = 64;

export type Notices = {
  touch(...changed: readonly Topic[]): void;
  counts(): Counts;
  /** `over` when there will be nothing any more. Not where it is full. */
  listen(tell: (topic: Topic, count: number) => void, over: () => void): () => void;
  readonly full: boolean;
  close(): void;
};

export const createNotices = (clock: Clock): Notices => {
  const states = new Map(topics.map((topic) => [topic, { count: 0, toldAt: undefined as Mono | undefined, waiting: false }]));
  const listeners = new Set<{ readonly tell: (topic: Topic, count: number) => void; readonly over: () => void }>(); // BOUNDED by MAX_LISTENERS
  const tell = (topic: Topic): void => {
    const state = states.get(topic);
    if (state === undefined) return;
    state.waiting = false;
    state.toldAt = clock.mono();
    for (const listener of listeners) listener.tell(topic, state.count);
  };
  return {
    touch(...changed) {
      for (const topic of changed) {
        const state = states.get(topic);
        if (state === undefined) continue;
        state.count += 1;
        if (listeners.size === 0 || state.waiting) continue;
        const wait = state.toldAt === undefined ? 0 : state.toldAt + QUIET_MS - clock.mono();
        if (wait <= 0) tell(topic);
        else {
          state.waiting = true;
          clock.after(wait, () => tell(topic));
        }
      }
    },
    counts: () => Object.fromEntries([...states].map(([topic, { count }]) => [topic, count])) as Counts,
    listen(tellOne, over) {
      const listener = { tell: tellOne, over };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get full() {
      return listeners.size >= MAX_LISTENERS;
    },
    close() {
      for (const { over } of listeners) over();
      listeners.clear();
    },
  };
};
