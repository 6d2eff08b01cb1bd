import { isBroadcast } from '@keyhaven/core/discovery';

// Questions of a person who looks for what blocks the network (R10, D19): asked out of turn, their answers told to whoever asked and to
// nobody else.

export type Answered = { readonly address: string; readonly guid: string };
export type Question = {
  readonly cookie: number;
  /** Asks there now; resolves to what the system said instead of sending it. `via`: the interface of a group. */
  ask(to: string, port: number, via?: string): Promise<string | undefined>;
  /** From now on answers are told no more. */
  close(): void;
};
export type Questions = { open(onAnswer: (answer: Answered) => void): Question };

export type QuestionBytes = { readonly cookie: number; readonly ask: Uint8Array; readonly search: Uint8Array };
type Send = (to: string, port: number, via: string | undefined, bytes: Uint8Array) => Promise<string | undefined>;

export const createQuestions = (
  make: () => QuestionBytes,
  send: Send,
): Questions & { answered(answer: Answered & { readonly cookie: number }): void } => {
  const open = new Map<number, (answer: Answered) => void>(); // BOUNDED by the questions that a doctor has open
  return {
    open(onAnswer) {
      const { cookie, ask, search } = make();
      open.set(cookie, onAnswer);
      return {
        cookie,
        ask: (to, port, via) => send(to, port, via, via === undefined && !isBroadcast(to) ? ask : search),
        close: () => void open.delete(cookie),
      };
    },
    answered: ({ cookie, address, guid }) => open.get(cookie)?.({ address, guid }),
  };
};
