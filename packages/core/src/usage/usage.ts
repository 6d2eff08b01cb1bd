// What a pool was used for in an hour, or in the hours of a day (C5): numbers only, and the names of who used it.

/** Of one user or host. */
export type Count = {
  /** Milliseconds with at least one session. */
  time: number;
  grants: number;
  denials: number;
};

export type UsageHour = {
  /** Hours since 1970 UTC. */
  readonly hour: number;
  /** Most seats in use at a time. */
  peak: number;
  /** Milliseconds, each as often as seats were in use. */
  seatTime: number;
  grants: number;
  /** How often, by status. */
  readonly denials: Map<number, number>;
};

export type Usage = {
  readonly hours: Map<number, UsageHour>;
  readonly users: Map<string, Count>;
  readonly hosts: Map<string, Count>;
};

/** BOUNDED: names of one kind in one pool and hour or day; further ones are counted together. */
export const MAX_NAMES = 10_000;
export const OTHERS = '(others)';
/** BOUNDED: characters of a name. */
const MAX_NAME = 64;

export const emptyUsage = (): Usage => ({ hours: new Map(), users: new Map(), hosts: new Map() });

export const hourOf = (usage: Usage, hour: number): UsageHour => {
  const known = usage.hours.get(hour);
  if (known !== undefined) return known;
  const made: UsageHour = { hour, peak: 0, seatTime: 0, grants: 0, denials: new Map() };
  usage.hours.set(hour, made);
  return made;
};

export const countOf = (counts: Map<string, Count>, name: string): Count => {
  const short = name.slice(0, MAX_NAME);
  const known = counts.get(short);
  if (known !== undefined) return known;
  if (counts.size >= MAX_NAMES && short !== OTHERS) return countOf(counts, OTHERS);
  const made: Count = { time: 0, grants: 0, denials: 0 };
  counts.set(short, made);
  return made;
};

const joinCounts = (into: Map<string, Count>, from: ReadonlyMap<string, Count>): void => {
  for (const [name, { time, grants, denials }] of from) {
    const count = countOf(into, name);
    count.time += time;
    count.grants += grants;
    count.denials += denials;
  }
};

/** Adds `from`; hours that both have are added up. */
export const joinUsage = (into: Usage, from: Usage): void => {
  for (const { hour, peak, seatTime, grants, denials } of from.hours.values()) {
    const of = hourOf(into, hour);
    of.peak = Math.max(of.peak, peak);
    of.seatTime += seatTime;
    of.grants += grants;
    for (const [status, times] of denials) of.denials.set(status, (of.denials.get(status) ?? 0) + times);
  }
  joinCounts(into.users, from.users);
  joinCounts(into.hosts, from.hosts);
};
