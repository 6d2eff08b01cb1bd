import { type Count, countOf, emptyUsage, hourOf, type Usage } from './usage.ts';

// Usage at rest: short texts, so that a year of it is small in the file and in memory. Numbers are in base 36; names are as they are, but for the
// characters that separate. Times are in seconds, rounded; what is written and read again every minute carries what is below a second on.

export type UsageText = {
  /** `hour,peak,seat seconds,grants,status.times+...;` and so on. */
  readonly hours: string;
  /** `name,seconds,grants,denials;` and so on. */
  readonly users: string;
  readonly hosts: string;
};

const say = (value: number): string => Math.round(value).toString(36);
const hear = (text: string | undefined): number => {
  const value = Number.parseInt(text ?? '', 36);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
};
const SECOND = 1_000;

/** Separators, what JSON would write in more characters, and the sign of escaping itself. */
const SPECIAL = /[%,;"\\\p{Cc}\p{Cs}]/u;
const sayName = (name: string): string =>
  SPECIAL.test(name)
    ? name.toWellFormed().replace(/[%,;"\\\p{Cc}]/gu, (character) => `%${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`)
    : name;
const hearName = (text: string): string =>
  text.includes('%') ? text.replace(/%([0-9a-f]{2})/g, (_all, code: string) => String.fromCodePoint(Number.parseInt(code, 16))) : text;

const sayCounts = (counts: ReadonlyMap<string, Count>): string =>
  [...counts]
    .filter(([, { time, grants, denials }]) => time + grants + denials > 0)
    .map(([name, { time, grants, denials }]) => `${sayName(name)},${say(time / SECOND)},${say(grants)},${say(denials)}`)
    .join(';');

const hearCounts = (text: string, counts: Map<string, Count>): void => {
  for (const each of text === '' ? [] : text.split(';')) {
    const [name = '', time, grants, denials] = each.split(',');
    const count = countOf(counts, hearName(name));
    count.time += hear(time) * SECOND;
    count.grants += hear(grants);
    count.denials += hear(denials);
  }
};

export const encodeUsage = ({ hours, users, hosts }: Usage): UsageText => ({
  hours: [...hours.values()]
    .toSorted((a, b) => a.hour - b.hour)
    .filter(({ peak, grants, denials }) => peak + grants + denials.size > 0)
    .map(({ hour, peak, seatTime, grants, denials }) => {
      const refused = [...denials].map(([status, times]) => `${say(status)}.${say(times)}`).join('+');
      return [say(hour), say(peak), say(seatTime / SECOND), say(grants), refused].join(',');
    })
    .join(';'),
  users: sayCounts(users),
  hosts: sayCounts(hosts),
});

const partsOf = (row: object, name: string): string => {
  const value: unknown = Object.entries(row).find(([each]) => each === name)?.[1];
  return typeof value === 'string' ? value : '';
};

/** What is not ours is nothing. Names are most of the work, so only those that are `wanted` are read. */
export const decodeUsage = (row: object, wanted: 'all' | keyof UsageText = 'all'): Usage => {
  const usage = emptyUsage();
  const isWanted = (part: keyof UsageText): boolean => wanted === 'all' || wanted === part;
  const hours = isWanted('hours') ? partsOf(row, 'hours') : '';
  for (const each of hours === '' ? [] : hours.split(';')) {
    const [hour, peak, seatTime, grants, refused = ''] = each.split(',');
    const of = hourOf(usage, hear(hour));
    of.peak = hear(peak);
    of.seatTime = hear(seatTime) * SECOND;
    of.grants = hear(grants);
    for (const denial of refused === '' ? [] : refused.split('+')) {
      const [status, times] = denial.split('.');
      of.denials.set(hear(status), hear(times));
    }
  }
  if (isWanted('users')) hearCounts(partsOf(row, 'users'), usage.users);
  if (isWanted('hosts')) hearCounts(partsOf(row, 'hosts'), usage.hosts);
  return usage;
};
