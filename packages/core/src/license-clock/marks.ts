// Stored shapes of the license clock: two rows of a license manager, beside its keys.

/** The latest license time that is stored (K6); it only rises. */
export type ClockMarkRow = { readonly at: number };
/** The latest counted time that is stored, in milliseconds; it only rises. Written while licenses are detached. */
export type CountedRow = { readonly ms: number };

export const CLOCK_MARK: `${string}/${string}/${string}` = 'lm/clock/mark';
export const COUNTED_TIME: `${string}/${string}/${string}` = 'lm/clock/counted';
