import { HOUR, type Mono, type Wall, wall } from '../time/index.ts';

// The time that licenses live by (K6, field-facts 4.7): forward only. Promised, whatever the computer's clock does:
// - it never goes back, not even over a restart, as far as the mark was stored;
// - while the LM runs it goes on at no less than 99 % of real time, also when the computer's clock stands or runs backwards;
// - a computer's clock that is ahead is followed at once: a computer that slept has no other way to tell.
// Not promised: that the time is right. A clock kept behind from the first day on is believed, and time while the LM does not run counts only
// as far as the clock says so.

/** How far behind the license time the computer's clock may be before it counts as set back (45). It grants nothing: the license time is what counts. */
export const CLOCK_TOLERANCE_MS = HOUR;
/**
 * The license time waits for a computer's clock that is behind within the tolerance, so that a monotonic clock a little too fast does
 * not run away from it over months.
 */
const WAITING_RATE = 0.99;

/**
 * `time` was the license time at `seen`; with fractions, or reading it a thousand times a second would make it stand. `counted`: milliseconds that
 * license managers with this state have run in all, by the monotonic clock. No clock that is set changes it, so it is never ahead of real time.
 */
export type LicenseClock = { readonly time: Wall; readonly seen: Mono; readonly behindMs: number; readonly counted: number };

const later = (a: number, b: number): Wall => wall(Math.max(a, b));

/**
 * @param mark the latest license time that was stored; undefined on the first start.
 * @param counted the latest counted time that was stored; 0 on the first start. The time between two runs does not count.
 */
export const startClock = (mark: Wall | undefined, now: Wall, at: Mono, counted = 0): LicenseClock => ({
  time: later(mark ?? now, now),
  seen: at,
  behindMs: Math.max(0, (mark ?? now) - now),
  counted,
});

/** Reads the computer's clock. */
export const readClock = (clock: LicenseClock, now: Wall, at: Mono): LicenseClock => {
  const elapsed = Math.max(0, at - clock.seen);
  const counted = clock.time + elapsed;
  const behindMs = Math.max(0, counted - now);
  const waits = behindMs > 0 && behindMs <= CLOCK_TOLERANCE_MS;
  const time = later(now, waits ? clock.time + elapsed * WAITING_RATE : counted);
  return { time, seen: latest(clock.seen, at), behindMs, counted: clock.counted + elapsed };
};
const latest = (before: Mono, at: Mono): Mono => (at > before ? at : before);

/** A time that a vendor signed: it is not earlier than that. */
export const learnTime = (clock: LicenseClock, signed: Wall): LicenseClock => ({
  ...clock,
  time: later(clock.time, signed),
  behindMs: clock.behindMs + Math.max(0, signed - clock.time),
});

/** The license time in whole milliseconds, as of the last reading. */
export const licenseTime = (clock: LicenseClock): Wall => wall(Math.floor(clock.time));

/** The counted time in whole milliseconds, as of the last reading. */
export const countedTime = (clock: LicenseClock): number => Math.floor(clock.counted);

/** True where logins to time-limited features are refused (45). */
export const isSetBack = (clock: LicenseClock): boolean => clock.behindMs > CLOCK_TOLERANCE_MS;
