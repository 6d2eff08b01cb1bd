import { ask, asProblem, type Problem } from './http.ts';

// What pages show, kept fresh: read again when the license manager says that it changed (/api/v1/events), at the pace of the settings where it cannot say
// so, and not at all while nobody looks. A change is shown at once, and what changes all the time at that pace.

/** What the license manager tells the changes of; `status` it does not. */
const told = ['keys', 'features', 'sessions', 'peers', 'denials', 'waiting', 'network', 'log', 'settings', 'audit'] as const;
export type Topic = (typeof told)[number] | 'status';
export type Answer<T> = { readonly value: T | undefined; readonly problem: Problem | undefined };

type Entry = {
  readonly topics: readonly Topic[];
  readonly listeners: Set<() => void>;
  answer: Answer<unknown>;
  reading: boolean;
  again: boolean;
  /** When it was last read because something changed, and the reading that waits for the pace. */
  toldAt: number;
  waits: ReturnType<typeof setTimeout> | undefined;
};

export type Live = {
  current(url: string): Answer<unknown>;
  /** Reads now and whenever a topic changes, until the returned function is called. */
  watch(url: string, topics: readonly Topic[], listener: () => void): () => void;
  /** Reads everything again that is being looked at. */
  refresh(): void;
  /** How often at most, in seconds, what changes is read again. */
  pace(seconds: number): void;
  /** Whether the license manager says by itself what changes. */
  readonly pushed: boolean;
};

const USUAL_PACE_MS = 3_000;
/** Where changes are told: for what no topic tells, uptime for one. */
const SLOW_POLL_MS = 15_000;
/** BOUNDED: answers that are kept for a page that is come back to. */
const MAX_KEPT = 64;
const UNTOLD = { toldAt: Number.NEGATIVE_INFINITY, waits: undefined };
const NOTHING: Answer<unknown> = { value: undefined, problem: undefined };

export const createLive = (): Live => {
  const entries = new Map<string, Entry>();
  let pushed = false;
  let lastRead = 0;
  let paceMs = USUAL_PACE_MS;

  const read = async (url: string, entry: Entry): Promise<void> => {
    if (entry.reading) {
      entry.again = true;
      return;
    }
    entry.reading = true;
    try {
      entry.answer = { value: await ask('GET', url), problem: undefined };
    } catch (error) {
      // What was seen last stays, with what is wrong now.
      entry.answer = { value: entry.answer.value, problem: asProblem(error) };
    }
    entry.reading = false;
    for (const listener of entry.listeners) listener();
    if (!entry.again) return;
    entry.again = false;
    if (entry.listeners.size > 0) await read(url, entry);
  };
  const readAll = (): void => {
    if (document.hidden) return;
    for (const [url, entry] of entries) if (entry.listeners.size > 0) void read(url, entry);
  };
  const changed = (about: Topic): void => {
    for (const [url, entry] of entries) {
      if (entry.listeners.size === 0 || entry.waits !== undefined || !entry.topics.includes(about)) continue;
      const now = (): void => {
        entry.waits = undefined;
        entry.toldAt = performance.now();
        if (!document.hidden && entry.listeners.size > 0) void read(url, entry);
      };
      const wait = entry.toldAt + paceMs - performance.now();
      if (wait <= 0) now();
      else entry.waits = setTimeout(now, wait);
    }
  };
  let source: EventSource | undefined;
  const deafen = (): void => {
    source?.close();
    source = undefined;
    pushed = false;
  };
  // A browser has six connections for all pages of one license manager: a page that nobody sees holds none.
  const listen = (): void => {
    const opened = new EventSource('/api/v1/events');
    source = opened;
    opened.addEventListener('open', () => {
      pushed = true;
      readAll();
    });
    // The browser tries again by itself, but not after an answer that is no stream.
    opened.addEventListener('error', () => {
      pushed = false;
      // It may be gone: what is shown says so at once.
      readAll();
    });
    opened.addEventListener('change', ({ data }: MessageEvent<string>) => {
      const said: unknown = JSON.parse(data);
      const topic = told.find((each) => typeof said === 'object' && said !== null && 'topic' in said && said.topic === each);
      if (topic !== undefined) changed(topic);
    });
  };
  if (!document.hidden) listen();
  const poll = (): void => {
    const now = performance.now();
    if (!pushed || now - lastRead >= SLOW_POLL_MS) {
      lastRead = now;
      readAll();
    }
    timer = setTimeout(poll, paceMs);
  };
  let timer = setTimeout(poll, paceMs);
  document.addEventListener('visibilitychange', () => {
    deafen();
    if (document.hidden) return;
    listen();
    readAll();
  });

  return {
    get pushed() {
      return pushed;
    },
    current: (url) => entries.get(url)?.answer ?? NOTHING,
    watch(url, topics, listener) {
      const entry = entries.get(url) ?? { topics, listeners: new Set(), answer: NOTHING, reading: false, again: false, ...UNTOLD };
      entries.delete(url);
      entries.set(url, entry);
      entry.listeners.add(listener);
      void read(url, entry);
      return () => {
        entry.listeners.delete(listener);
        for (const [each, { listeners }] of entries) {
          if (entries.size <= MAX_KEPT) break;
          if (listeners.size === 0) entries.delete(each);
        }
      };
    },
    refresh: () => readAll(),
    pace(seconds) {
      if (paceMs === seconds * 1_000) return;
      paceMs = seconds * 1_000;
      clearTimeout(timer);
      timer = setTimeout(poll, paceMs);
    },
  };
};
