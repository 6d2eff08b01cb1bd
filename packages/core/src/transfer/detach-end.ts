import { Status, type StatusCode } from '../errors/index.ts';
import { CLOCK_MARK, type ClockMarkRow, COUNTED_TIME, type CountedRow } from '../license-clock/index.ts';
import type { SeatRows } from '../seats/index.ts';
import { DAY, type Wall } from '../time/index.ts';
import { DETACH_MARGIN_MS, type DetachRow } from './rows.ts';

// When the seats of a detached license are free again at the owner, though nobody returned it (K5, I1). Promised, whatever the owner's clock does,
// while it runs and between two runs: not before the recipient's time is over, where the recipient's clock is right. So three clocks must agree:
// - the owner's clock and its license clock, as stored, are past the end;
// - the owner has run for so long as the license was detached, by its monotonic clock, which nobody sets.
// The owner's clock may have been ahead when it named the end. The recipient said in its ID when that was by its own clock, and the real time was
// not earlier than that: so the owner waits for at least the time from there to the end. decision 0030 has the proof.

/** An ID counts for so long: it is what a wrong clock at either side adds to the time that seats stay detached, at most. */
export const MAX_ID_AGE_MS = 30 * DAY;

/** The recipient's license clock may fall behind by this part while it runs: it runs at 99 % of real time at least. The other half is for the owner's. */
const DRIFT = 0.02;
export const detachMargin = (durationMs: number): number => DETACH_MARGIN_MS + Math.ceil(durationMs * DRIFT);

/** `counted`: time that the owner has run, as in `DetachRow.freeAt`. */
export type DetachMoment = { readonly from: Wall; readonly until: number; readonly created: number; readonly counted: number };

/** What of the row says when it is over. It never becomes earlier. */
export const detachEnd = (
  { from, until, created, counted }: DetachMoment,
  before: DetachRow | undefined,
): Required<Pick<DetachRow, 'freeAt' | 'realAtZero'>> => {
  const realAtZero = Math.max(before?.realAtZero ?? Number.NEGATIVE_INFINITY, created - counted);
  const wait = Math.max(until - from, until - (realAtZero + counted));
  return { freeAt: Math.max(before?.freeAt ?? 0, counted + wait + detachMargin(until - from)), realAtZero };
};

/** Why this ID does not count now; undefined = it does. */
export const faultOfIdAge = (
  { from, created, counted }: Omit<DetachMoment, 'until'>,
  before: DetachRow | undefined,
): { readonly status: StatusCode; readonly detail: string; readonly remedy: string } | undefined => {
  const age = from - Math.max(created, (before?.realAtZero ?? Number.NEGATIVE_INFINITY) + counted);
  if (age <= MAX_ID_AGE_MS) return undefined;
  return {
    status: Status.INV_RECIPIENT,
    detail: `The recipient's ID was made at ${new Date(created).toISOString()}, and it is ${new Date(from).toISOString()} here. An ID counts for ${MAX_ID_AGE_MS / DAY} days.`,
    remedy: 'Make a new ID on the recipient. If the ID is new, one of the two clocks is wrong: set it right first.',
  };
};

/** The rows of the license manager that `isDetachOver` reads. */
export const detachEndRows = [CLOCK_MARK, COUNTED_TIME] as const;

/** Rows of versions that did not count: from this license manager's first counted moment on, the whole time. */
const freeAtOf = ({ freeAt, from, until }: DetachRow): number => freeAt ?? until - from + detachMargin(until - from);

/** Whether the time of a copy that was never returned is over, by what is stored. @param now the owner's clock, as it is set */
export const isDetachOver = (row: DetachRow, rows: SeatRows, now: Wall): boolean => {
  const mark = rows.get<ClockMarkRow>(CLOCK_MARK)?.at ?? Number.NEGATIVE_INFINITY;
  return mayBeOver(row, { now, time: mark, counted: rows.get<CountedRow>(COUNTED_TIME)?.ms ?? 0 });
};

/** The same by what is not stored yet. */
export const mayBeOver = (
  row: DetachRow,
  { now, time, counted }: { readonly now: number; readonly time: number; readonly counted: number },
): boolean => Math.min(now, time) > row.until + detachMargin(row.until - row.from) && counted >= freeAtOf(row);

/** The earliest moment at which the seats can be free again, as of now; for people. */
export const earliestFree = (row: DetachRow, now: number, counted: number): number =>
  Math.max(row.until + detachMargin(row.until - row.from), now + Math.max(0, freeAtOf(row) - counted));
