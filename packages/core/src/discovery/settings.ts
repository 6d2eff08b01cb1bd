import { DAY, MINUTE } from '../time/index.ts';

/** A number in [0, 1), unpredictable in production, seeded in tests (I7). */
export type Random = () => number;

export type Settings = {
  /** "Broadcast Search for Remote Licenses" (R1). Off: nothing at all is broadcast, notifications included. */
  readonly broadcastSearch: boolean;
  /** "Remote License Search Parameters", names already resolved: single or broadcast addresses. At most 1,024 are used. */
  readonly searchAddresses: readonly string[];
  /** The port where other license managers listen. */
  readonly udpPort: number;
  /** Between two searches of one target; never under five minutes (R4). Up to a fifth is added at random. */
  readonly intervalMs: number;
};

/** R4: no target is asked twice within this time, whatever is set. */
export const SEARCH_FLOOR = 5 * MINUTE;

export const defaultSettings: Settings = Object.freeze({
  broadcastSearch: true,
  searchAddresses: Object.freeze([]),
  udpPort: 1947,
  intervalMs: SEARCH_FLOOR,
});

/** The time until the next search, with jitter (R4). */
export const searchPause = (settings: Pick<Settings, 'intervalMs'>, entropy: Random): number => {
  const wished = Number.isFinite(settings.intervalMs) ? settings.intervalMs : SEARCH_FLOOR;
  return Math.min(Math.max(wished, SEARCH_FLOOR), DAY) * (1 + entropy() / 5);
};
