import { ask, asProblem, type Problem } from './http.ts';

// What pages show, kept fresh: read again when the license manager says that it changed (/api/v1/events), every three seconds where it cannot say so,
// and not at all while nobody looks.

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
};

export type Live = {
  current(url: string): Answer<unknown>;
  /** Reads now and whenever a topic changes, until the returned function is called. */
  watch(url: string, topics: readonly Topic[], listener: () => void): () => void;
  /** Reads everything again that is being looked at. */
  refresh(): void;
  /** Whether the license manager says by itself what changes. */
  readonly pushed: boolean;
};

const POLL_MS = 3_000;
/** Where changes are told: for what no topic tells, uptime for one. */
const SLOW_POLL_MS = 15_000;
/** BOUNDED: answers that are kept for a page that is come back to. */
const MAX_KEPT = 64;
const NOTHING: Answer<unknown> = { value: undefined, problem: undefined };

export const createLive = (): Live => {
  const entries = new Map<string, Entry>();
  let pushed = false;
  let lastRead = 0;

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
  const readAll = (about?: Topic): void => {
    if (document.hidden) return;
    for (const [url, entry] of entries) {
      if (entry.listeners.size > 0 && (about === undefined || entry.topics.includes(about))) void read(url, entry);
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
      if (topic !== undefined) readAll(topic);
    });
  };
  if (!document.hidden) listen();
  setInterval(() => {
    const now = performance.now();
    if (pushed && now - lastRead < SLOW_POLL_MS) return;
    lastRead = now;
    readAll();
  }, POLL_MS);
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
      const entry = entries.get(url) ?? { topics, listeners: new Set(), answer: NOTHING, reading: false, again: false };
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
  };
};
