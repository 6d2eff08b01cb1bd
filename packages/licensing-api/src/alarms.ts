import { HOUR, MINUTE, SECOND } from '@keyhaven/core/time';
import type { OwnTime } from './own-time.ts';

// Moments that sessions wait for, with one timer for all of them, which keeps no process alive. It runs at most once a second, and while anything is waited
// for at least once an hour: so a moment may be further away than a timer can be, and a computer that slept, or whose clock was set forward, is noticed.

export type Alarm = {
  /** On the clock that only counts forward. */
  readonly at: number;
  ring(): void;
  /** The computer's clock is further on than the one that only counts forward: what `at` was reckoned from may not hold any more. */
  leapt(): void;
};
export type Alarms = {
  /** The result cancels it. */
  set(alarm: Alarm): () => void;
};

const LONGEST_MS = HOUR;
const APART_MS = SECOND;
/** Clocks differ by less within an hour, unless one of them was set or the computer slept. */
const LEAP_MS = MINUTE;

export const createAlarms = (time: OwnTime): Alarms => {
  const alarms = new Set<Alarm>(); // BOUNDED by sessions with a listener
  let armed: { readonly at: number; readonly cancel: () => void } | undefined;
  let difference = time.wall() - time.now();

  const arm = (at: number): void => {
    const soonest = time.now() + APART_MS;
    const next = Math.min(Math.max(at, soonest), time.now() + LONGEST_MS);
    if (armed !== undefined && armed.at <= next) return;
    armed?.cancel();
    armed = { at: next, cancel: time.later(next - time.now(), look) };
  };
  const look = (): void => {
    armed = undefined;
    const now = time.now();
    const leapt = time.wall() - now - difference > LEAP_MS;
    difference = time.wall() - now;
    let next = Number.POSITIVE_INFINITY;
    for (const alarm of [...alarms]) {
      if (alarm.at <= now) {
        alarms.delete(alarm);
        alarm.ring();
      } else {
        if (leapt) alarm.leapt();
        next = Math.min(next, alarm.at);
      }
    }
    if (alarms.size > 0) arm(next);
  };
  return {
    set(alarm) {
      if (alarms.size === 0) difference = time.wall() - time.now();
      alarms.add(alarm);
      arm(alarm.at);
      return () => {
        alarms.delete(alarm);
        if (alarms.size > 0) return;
        armed?.cancel();
        armed = undefined;
      };
    },
  };
};
