import { type Clock, MINUTE, SECOND } from '@keyhaven/core/time';

// An LM answers "there is more to come" for as long as something is under way (K7), and holds that answer for a quarter of a second. One that says so
// at once, or for ever, must not keep this computer busy (S14).

/** Less than an honest one holds an answer. */
const ROUND_MS = 200;
/** Rounds further apart than this have nothing to do with each other. */
const APART_MS = 5 * SECOND;
/** BOUNDED: how long, and with how many characters, it may say nothing but that there is more. A device may ask a person for a code meanwhile. */
const MOST_MS = 5 * MINUTE;
const MOST_CHARACTERS = 64 * 1024 * 1024;

export type EmptyRounds = {
  /**
   * After each answer; `characters` of one that brought nothing that somebody waited for, else 0. Resolves when the next question may go out.
   * @throws Error where it goes on for too long
   */
  after(characters: number, begun: number): Promise<void>;
  /** There is something to say: the next question need not wait. */
  interrupt(): void;
};

export const createEmptyRounds = (clock: Clock): EmptyRounds => {
  let since: number | undefined;
  let last = 0;
  let characters = 0;
  let wake = (): void => undefined;
  const reset = (): void => {
    since = undefined;
    characters = 0;
  };
  return {
    async after(more, begun) {
      if (more === 0 || begun - last > APART_MS) reset();
      if (more === 0) return;
      const now = clock.mono();
      since ??= begun;
      last = now;
      characters += more;
      if (now - since > MOST_MS || characters > MOST_CHARACTERS) {
        reset();
        throw new Error('it answers without end and says nothing');
      }
      const left = ROUND_MS - (now - begun);
      if (left <= 0) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(left, resolve);
        wake = () => {
          cancel();
          resolve();
        };
      });
      wake = () => undefined;
    },
    interrupt: () => wake(),
  };
};
