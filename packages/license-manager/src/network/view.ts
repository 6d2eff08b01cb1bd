import type { Plan } from '@keyhaven/core/network';
import type { Clock } from '@keyhaven/core/time';
import type { Journal } from './journal.ts';
import type { Scheduled } from './upcoming.ts';

/** What the license manager can say of its network (R10). */
export type NetworkView = {
  readonly clock: Clock;
  /** What it sends and receives with its settings, on the interfaces that are there now. */
  plan(): Promise<Plan>;
  /** What it is going to send by itself. */
  scheduled(): readonly Scheduled[];
  readonly journal: Journal;
};
