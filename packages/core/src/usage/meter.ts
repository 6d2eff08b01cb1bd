import { HOUR, type Wall, wall } from '../time/index.ts';
import { countOf, emptyUsage, hourOf, type Usage } from './usage.ts';

// Measures use as it happens: seats in use over time, grants, denials, and for how long each user and host had sessions. Sans-IO: whoever
// has the events and the clock tells them; the counts of each pool and hour are handed out to be kept.

export type PoolOf = { readonly key: string; readonly product: number; readonly feature: number };
type Who = { readonly user: string; readonly host: string };

export type UsageMeter = {
  /** Goes on with the counts of this hour, from before a restart. */
  resume(pool: PoolOf, hour: number, usage: Usage): void;
  /** A session that is there; `used`: seats of the pool in use now. */
  granted(pool: PoolOf, who: Who, used: number, at: Wall, isNew?: boolean): void;
  released(pool: PoolOf, who: Who, used: number, at: Wall): void;
  refused(pool: PoolOf, who: Who, status: number, at: Wall): void;
  /** Counts up to now, and hands out what has changed since it was asked last: all of each pool and hour. */
  take(at: Wall): readonly { readonly pool: PoolOf; readonly hour: number; readonly usage: Usage }[];
};

/** A name, how many sessions it has, and up to when their time is counted. */
type Present = { sessions: number; counted: number };
type Live = {
  readonly pool: PoolOf;
  used: number;
  /** Up to when the seats are counted. */
  counted: number;
  hour: number;
  usage: Usage;
  changed: boolean;
  /** BOUNDED by the sessions. */
  readonly users: Map<string, Present>;
  readonly hosts: Map<string, Present>;
};

/** Longer than that the computer slept or its clock was set: nobody knows what was used. */
const MOST = 48 * HOUR;

const hourAt = (at: number): number => Math.floor(at / HOUR);

export const createUsageMeter = (): UsageMeter => {
  const lives = new Map<string, Live>(); // BOUNDED by the pools of the keys here
  const over: { readonly pool: PoolOf; readonly hour: number; readonly usage: Usage }[] = []; // BOUNDED by `take`

  const liveOf = (pool: PoolOf, at: Wall): Live => {
    const id = `${pool.key}.${pool.product}.${pool.feature}`;
    const known = lives.get(id);
    if (known !== undefined) return known;
    const made: Live = {
      pool,
      used: 0,
      counted: at,
      hour: hourAt(at),
      usage: emptyUsage(),
      changed: false,
      users: new Map(),
      hosts: new Map(),
    };
    lives.set(id, made);
    return made;
  };

  const settleNames = (present: Map<string, Present>, counts: Usage['users'], to: number): void => {
    for (const [name, who] of present) {
      if (who.sessions > 0 && to > who.counted) countOf(counts, name).time += to - who.counted;
      who.counted = to;
    }
  };

  /** Counts seats up to there, which is in the hour of `live`. */
  const settleSeats = (live: Live, to: number): void => {
    if (to <= live.counted) return;
    if (live.used > 0) {
      hourOf(live.usage, live.hour).seatTime += live.used * (to - live.counted);
      live.changed = true;
    }
    live.counted = to;
  };

  const nextHour = (live: Live, hour: number): void => {
    const end = (live.hour + 1) * HOUR;
    settleSeats(live, end);
    settleNames(live.users, live.usage.users, end);
    settleNames(live.hosts, live.usage.hosts, end);
    if (live.changed) over.push({ pool: live.pool, hour: live.hour, usage: live.usage });
    live.hour = hour;
    live.usage = emptyUsage();
    live.changed = live.used > 0;
    if (live.used > 0) hourOf(live.usage, hour).peak = live.used;
  };

  const skip = (live: Live, at: number): void => {
    live.counted = at;
    for (const present of [live.users, live.hosts]) for (const who of present.values()) who.counted = at;
  };

  /** To the hour of `at`, with the seats counted. */
  const advance = (live: Live, at: Wall): void => {
    if (at < live.counted || at - live.counted > MOST) {
      const hour = hourAt(at);
      if (hour !== live.hour) {
        if (live.changed) over.push({ pool: live.pool, hour: live.hour, usage: live.usage });
        live.hour = hour;
        live.usage = emptyUsage();
        live.changed = false;
      }
      skip(live, at);
      return;
    }
    while (live.hour < hourAt(at)) nextHour(live, live.used > 0 ? live.hour + 1 : hourAt(at));
    settleSeats(live, at);
  };

  /** A pool that is not used need not be visited hour by hour. */
  const come = (present: Map<string, Present>, name: string, at: Wall): void => {
    const who = present.get(name);
    if (who === undefined) present.set(name, { sessions: 1, counted: at });
    else {
      if (who.sessions === 0) who.counted = at;
      who.sessions += 1;
    }
  };
  const go = (present: Map<string, Present>, counts: Usage['users'], name: string, at: Wall): void => {
    const who = present.get(name);
    if (who === undefined) return;
    if (at > who.counted) countOf(counts, name).time += at - who.counted;
    who.counted = at;
    who.sessions -= 1;
    if (who.sessions <= 0) present.delete(name);
  };

  return {
    resume(pool, hour, usage) {
      const live = liveOf(pool, wall(hour * HOUR));
      live.hour = hour;
      live.usage = usage;
    },

    granted(pool, { user, host }, used, at, isNew = true) {
      const live = liveOf(pool, at);
      advance(live, at);
      live.used = used;
      live.changed = true;
      const hour = hourOf(live.usage, live.hour);
      hour.peak = Math.max(hour.peak, used);
      come(live.users, user, at);
      come(live.hosts, host, at);
      if (!isNew) return;
      hour.grants += 1;
      countOf(live.usage.users, user).grants += 1;
      countOf(live.usage.hosts, host).grants += 1;
    },

    released(pool, { user, host }, used, at) {
      const live = liveOf(pool, at);
      advance(live, at);
      live.used = used;
      live.changed = true;
      go(live.users, live.usage.users, user, at);
      go(live.hosts, live.usage.hosts, host, at);
    },

    refused(pool, { user, host }, status, at) {
      const live = liveOf(pool, at);
      advance(live, at);
      live.changed = true;
      const { denials } = hourOf(live.usage, live.hour);
      denials.set(status, (denials.get(status) ?? 0) + 1);
      countOf(live.usage.users, user).denials += 1;
      countOf(live.usage.hosts, host).denials += 1;
    },

    take(at) {
      const taken = [];
      for (const live of lives.values()) {
        advance(live, at);
        settleNames(live.users, live.usage.users, at);
        settleNames(live.hosts, live.usage.hosts, at);
        if (live.changed) taken.push({ pool: live.pool, hour: live.hour, usage: live.usage });
        live.changed = false;
      }
      return [...over.splice(0), ...taken];
    },
  };
};
