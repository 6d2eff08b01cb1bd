// What a proof is to `npm run prove`.

export type Budget = {
  /** How long it may take; undefined = until all of it is done. */
  readonly seconds: number | undefined;
  readonly seed: string;
  /** Processes at a time. */
  readonly jobs: number;
};
export type Result = {
  readonly ok: boolean;
  /** What was looked at, in figures. */
  readonly figures: string;
  /** What is wrong, and what plays it again. */
  readonly faults: readonly string[];
};
export type Proof = {
  readonly name: string;
  /** Of the time that there is for all. */
  readonly share: number;
  run(budget: Budget): Promise<Result>;
};

/** @returns whether the time is over */
export const timer = (seconds: number | undefined): (() => boolean) => {
  const end = performance.now() + (seconds ?? Number.POSITIVE_INFINITY) * 1_000;
  return () => performance.now() >= end;
};
export const grouped = (count: number): string => count.toLocaleString('en');
