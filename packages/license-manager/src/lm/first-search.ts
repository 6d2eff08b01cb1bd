import { type Clock, SECOND } from '@keyhaven/core/time';

/** An application's first question may come before the first search for other license managers is over; it waits so long for what that finds. */
const FIRST_SEARCH_MS = 1.5 * SECOND;

export type FirstSearch = {
  readonly isOver: boolean;
  /** It has found what there is. By itself it is over after a while. */
  end(): void;
  /** Resolves when it is over; somebody waits for it. */
  wait(): Promise<void>;
};

/**
 * @param searches false where nothing is searched for: it is over
 * @param onAwaited where it has not begun, it is to begin
 */
export const createFirstSearch = (clock: Clock, searches: boolean, onAwaited: () => void): FirstSearch => {
  let running: Promise<void> | undefined;
  const { promise, resolve } = Promise.withResolvers<void>();
  if (searches) {
    clock.after(FIRST_SEARCH_MS, resolve);
    running = promise.then(() => {
      running = undefined;
    });
  }
  return {
    get isOver() {
      return running === undefined;
    },
    end: resolve,
    async wait() {
      if (running !== undefined) onAwaited();
      await running;
    },
  };
};
