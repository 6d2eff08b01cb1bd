// Three notions of time that are never mixed (DESIGN "Clocks"). Core never reads a clock: a time is always an argument.

/** Milliseconds on a clock that only counts forward and says nothing about dates; for intervals and timeouts. */
export type Mono = number & { readonly clock: 'mono' };
/** Milliseconds since 1970-01-01 UTC as the computer's clock tells it; for dates that people read. */
export type Wall = number & { readonly clock: 'wall' };

export const mono = (milliseconds: number): Mono => milliseconds as Mono;
export const wall = (milliseconds: number): Wall => milliseconds as Wall;

/** What a shell hands to everything that waits or dates. `after` runs `task` once; calling the result cancels it. */
export type Clock = {
  mono(): Mono;
  wall(): Wall;
  after(milliseconds: number, task: () => void): () => void;
};

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
