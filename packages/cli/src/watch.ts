import { formatError, LicensingError, Status } from '@keyhaven/core/errors';

// --watch: a list of a license manager as it is now, again and again. It is read when the license manager tells that one of its topics has changed
// (C3); where it tells nothing, every two seconds.

const POLL_MS = 2_000;
/** A license manager that is away is tried again after these times. */
const RETRIES_MS = [500, 1_000, 2_000, 5_000] as const;

export type Watching<T> = {
  read(signal: AbortSignal): Promise<T>;
  /** Resolves when the stream of changes ends. */
  follow(signal: AbortSignal, onChange: (topic: string | undefined) => void): Promise<void>;
  readonly topics: readonly string[];
  /** Milliseconds after which it is read although nothing was told. */
  readonly everyMs: number | undefined;
  /** Everything that was read, whether it has changed or not. */
  show(value: T): void;
  /** That it does not answer, and how soon it is tried again. Each time. */
  away(reason: string, againMs: number): void;
  readonly signal: AbortSignal;
};

const isAway = (error: unknown): error is LicensingError => error instanceof LicensingError && error.status === Status.LOCAL_COMM_ERR;

/** Wakes whoever waits; what comes while nobody waits is not lost. */
const bell = () => {
  let rung = false;
  let wake = (): void => undefined;
  return {
    ring(): void {
      rung = true;
      wake();
    },
    /** Until it rings, or the time is over; not at all where `signal` is aborted. */
    async wait(ms: number | undefined, signal: AbortSignal): Promise<void> {
      if (!rung && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        signal.addEventListener('abort', wake);
        const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
        await promise;
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
      }
      rung = false;
    },
  };
};

const pause = (ms: number, signal: AbortSignal): Promise<void> => bell().wait(ms, signal);

/** As long as the license manager answers. @throws LicensingError; `told` before each value that is shown */
const present = async <T>(of: Watching<T>, told: () => void): Promise<void> => {
  const over = new AbortController();
  const signal = AbortSignal.any([of.signal, over.signal]);
  const changed = bell();
  let ended: Error | undefined;
  // Before the list is read: what changes between the two is not missed.
  const stream = of
    .follow(signal, (topic) => {
      if (topic === undefined || of.topics.includes(topic)) changed.ring();
    })
    .then(
      () => new LicensingError(Status.LOCAL_COMM_ERR, { detail: 'The license manager has ended the connection.' }),
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    )
    .then((error) => {
      ended = error;
      changed.ring();
    });
  try {
    while (!signal.aborted) {
      // It does not tell changes, or no more: another version, or too many look.
      const isSilent = ended !== undefined && !isAway(ended);
      if (ended !== undefined && !isSilent) throw ended;
      const began = performance.now();
      const value = await of.read(signal);
      if (signal.aborted) return;
      told();
      of.show(value);
      // Long lists are not asked for without a rest.
      await pause(Math.min(2 * (performance.now() - began), POLL_MS), signal);
      await changed.wait(of.everyMs ?? (isSilent ? POLL_MS : undefined), signal);
    }
  } finally {
    over.abort();
    await stream;
  }
};

/**
 * Until `signal` is aborted. A license manager that goes away is told and tried again; one that never answered is not.
 * @throws LicensingError where it never answered, or refuses
 */
export const watchList = async <T>(of: Watching<T>): Promise<void> => {
  let hasBegun = false;
  let tries = 0;
  while (!of.signal.aborted) {
    try {
      await present(of, () => {
        hasBegun = true;
        tries = 0;
      });
    } catch (error) {
      if (of.signal.aborted) return;
      if (!hasBegun || !isAway(error)) throw error;
      const againMs = RETRIES_MS[Math.min(tries, RETRIES_MS.length - 1)] ?? POLL_MS;
      of.away(error.detail ?? formatError(error), againMs);
      tries += 1;
      await pause(againMs, of.signal);
    }
  }
};
