import { type Environment, lookOf, type Output } from './color.ts';
import { cutTo, plain } from './width.ts';

// That something is under way, for whoever waits longer than half a second: one line of standard error, on a terminal only, gone when it is over.

const QUIET_MS = 500;
const STEP_MS = 250;
const ERASE = '\r\u001B[K';

export type ProgressPlace = { readonly output: Output & { write(text: string): unknown }; readonly env: Environment };

/** What `work` gives or throws; `what` is told meanwhile, with the seconds that it takes. */
export const withProgress = async <T>(
  what: string,
  work: Promise<T>,
  { output, env }: ProgressPlace = { output: process.stderr, env: process.env },
): Promise<T> => {
  const { live, columns = 80 } = lookOf(output, env);
  if (!live) return work;
  let waited = 0;
  let timer = setTimeout(tell, QUIET_MS);
  function tell(): void {
    waited += waited === 0 ? QUIET_MS : STEP_MS;
    const mark = '|/-\\'[(waited / STEP_MS) % 4] ?? '';
    output.write(`${ERASE}${cutTo(plain(`${mark} ${what} (${Math.floor(waited / 1_000)} s)`), columns - 1)}`);
    timer = setTimeout(tell, STEP_MS);
  }
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    if (waited > 0) output.write(ERASE);
  }
};
