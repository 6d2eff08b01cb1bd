// Durations as people write them: 7d, 12h, 15m, 90s, 2w, 1d12h. Everything that takes a duration from a person reads it here, so that it takes the same
// forms everywhere.

const UNITS = [
  ['w', 604_800],
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;
const SHAPE = /^(?:(\d{1,10})w)?(?:(\d{1,10})d)?(?:(\d{1,10})h)?(?:(\d{1,10})m)?(?:(\d{1,10})s)?$/;
const PLAIN = /^\d{1,10}$/;
const DAY_SECONDS = 86_400;

/** Accepted forms of a duration, for error texts. */
export const DURATION_FORMS = 'a number of seconds, or a duration such as 90s, 15m, 12h, 7d, 2w or 1d12h';
/** Accepted forms of a number of days, for error texts. */
export const DAYS_FORMS = 'a number of days, or a duration of whole days such as 30d or 4w';

/** Seconds of a text such as `7d` or `3600`; units from the longest to the shortest, each at most once. Undefined where it is no duration. */
export const parseDuration = (text: string): number | undefined => {
  if (PLAIN.test(text)) return Number(text);
  const found = SHAPE.exec(text);
  if (found === null || text === '') return undefined;
  const seconds = UNITS.reduce((sum, [, length], index) => sum + Number(found[index + 1] ?? 0) * length, 0);
  return Number.isSafeInteger(seconds) ? seconds : undefined;
};

/** Days of a text such as `30`, `30d` or `4w`. Undefined where it is no number of whole days. */
export const parseDays = (text: string): number | undefined => {
  if (PLAIN.test(text)) return Number(text);
  const seconds = parseDuration(text);
  return seconds === undefined || seconds % DAY_SECONDS !== 0 ? undefined : seconds / DAY_SECONDS;
};

/** The shortest text that `parseDuration` reads as so many seconds: `1d12h`; `0s` for none. Weeks are written as days. */
export const formatDuration = (seconds: number): string => {
  let rest = seconds;
  const parts = UNITS.slice(1).map(([unit, length]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return count === 0 ? '' : `${count}${unit}`;
  });
  return parts.join('') || '0s';
};
