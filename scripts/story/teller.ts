// Tells what happened: one line for each step that is done, with the time since the beginning. What did not happen has no line; the step
// that failed is named by `StepFailed`.

class StepFailed extends Error {
  override readonly name = 'StepFailed';
  constructor(step: string, cause: unknown) {
    super(`${step}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

export type Teller = {
  /** Runs one step, named as what was tried; `tell` makes its line from what really came out. */
  step<T>(name: string, run: () => Promise<T>, tell: (result: T, milliseconds: number) => string): Promise<T>;
  say(line: string): void;
};

export const createTeller = (write: (line: string) => void, stopped: Promise<never>): Teller => {
  const begin = performance.now();
  const say = (line: string): void => write(`${((performance.now() - begin) / 1_000).toFixed(2).padStart(5)} s  ${line}`);
  return {
    say,
    async step(name, run, tell) {
      const start = performance.now();
      try {
        const result = await Promise.race([run(), stopped]);
        say(tell(result, Math.round(performance.now() - start)));
        return result;
      } catch (error) {
        throw new StepFailed(name, error);
      }
    },
  };
};
