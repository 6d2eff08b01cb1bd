import type { Kind, Upcoming } from '@keyhaven/core/network';
import type { Clock, Mono } from '@keyhaven/core/time';

/** One thing that is scheduled on the clock of timers. */
export type Scheduled = { readonly kind: Kind; readonly to: string; readonly due: Mono };

/** As people read it: times of the day, the soonest first. */
export const upcomingOf = (clock: Clock, scheduled: readonly Scheduled[]): readonly Upcoming[] => {
  const [now, day] = [clock.mono(), clock.wall()];
  return scheduled
    .toSorted((a, b) => a.due - b.due)
    .map(({ kind, to, due }) => ({ kind, to, at: new Date(day + Math.max(0, due - now)).toISOString() }));
};
