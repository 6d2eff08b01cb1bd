import { type Clock, SECOND } from '@keyhaven/core/time';
import type { Asked, Told } from './wish.ts';

// The question of somebody who waits for a seat, held until there is something to say; that it is asked again says that its application lives.

/** A question is held for so long where nothing changes. */
const HOLD_MS = 30 * SECOND;
/** Between an answer, or the loss of a channel, and the next question. */
const AWAY_MS = 10 * SECOND;
/** At least so long between two answers that tell a place: the sum over n of them is about 4 ln(n) a second. */
const quietMs = (place: number): number => Math.max(SECOND, place * 250);

export type HeldQuestion = {
  /** Somebody waits for the answer. */
  readonly held: boolean;
  /** Holds it; the answer is where its place is, unless something else is said before. */
  hold(): Asked;
  /** Answers with the place, and expects to be asked again. @returns what is answered */
  answer(): Told;
  /** Its last answer that told a place was long enough ago for this one. */
  mayAnswer(place: number): boolean;
  resolve(told: Told): void;
  reject(error: unknown): void;
  /** The answer can reach nobody. */
  drop(): void;
  /** Expects the next question within AWAY_MS. */
  expect(): void;
  close(): void;
};

/**
 * @param told the place as it is now
 * @param onGone it was not asked again in time
 */
export const createHeldQuestion = (clock: Clock, told: () => Told, onGone: () => void): HeldQuestion => {
  let listener: { readonly resolve: (told: Told) => void; readonly reject: (error: unknown) => void } | undefined;
  let answeredAt = clock.mono();
  let cancel = (): void => undefined;

  const resolve = (answer: Told): void => {
    listener?.resolve(answer);
    listener = undefined;
  };
  const expect = (): void => {
    cancel();
    cancel = clock.after(AWAY_MS, onGone);
  };
  const answer = (): Told => {
    const now = told();
    answeredAt = clock.mono();
    expect();
    resolve(now);
    return now;
  };
  return {
    get held() {
      return listener !== undefined;
    },
    hold() {
      const question = Promise.withResolvers<Told>();
      listener = question;
      cancel();
      cancel = clock.after(HOLD_MS, answer);
      return { kind: 'held', answer: question.promise };
    },
    answer,
    mayAnswer: (place) => clock.mono() - answeredAt >= quietMs(place),
    resolve,
    reject(error) {
      listener?.reject(error);
      listener = undefined;
    },
    drop() {
      listener = undefined;
    },
    expect,
    close: () => cancel(),
  };
};
