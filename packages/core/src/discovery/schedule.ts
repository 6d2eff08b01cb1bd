import { type Mono, mono, SECOND } from '../time/index.ts';
import { SEARCH_FLOOR } from './settings.ts';

// Who is asked when. Promises that no destination is asked twice within five minutes (R4), whatever comes, goes and comes back:
// a destination that is no longer wanted is remembered for as long.

/** `via` names the interface of a broadcast; a single address has none. */
export type Target = { readonly to: string; readonly via: string | undefined };
/**
 * `first`: not asked before since it became wanted, so it has not been told either that this LM runs (D13). `hint`: asked once, for
 * what somebody said.
 */
export type Due = Target & { readonly first: boolean; readonly hint: boolean };

type Item = {
  target: Target;
  role: 'wanted' | 'once' | 'left';
  due: Mono;
  askedAt: Mono | undefined;
  first: boolean;
  /** Questions in a row that could not be sent. */
  unsent: number;
};

/** BOUNDED: so many targets are searched, the first ones handed in; as many destinations are remembered that were left. */
const TARGETS = 1_280;
/** BOUNDED: so many single questions wait or are remembered. */
const ONCE = 1_024;
/** After a question that could not be sent, doubled each time: an IPv6 address is not usable in its first two seconds. */
const RETRY = 3 * SECOND;

export type Schedule = {
  /** The targets that are searched from now on; new ones are asked at `due`. */
  want(now: Mono, targets: readonly Target[], due: Mono): void;
  /** One question to an address, unless it is searched anyway or was asked within five minutes. */
  once(now: Mono, to: string, due: Mono): boolean;
  /** What is to be asked now; the wanted ones come again after `pause()`. */
  take(now: Mono, pause: () => number): Due[];
  /** The question taken last did not leave this computer, so it does not count (D7). */
  unsent(now: Mono, to: string): void;
  /** The wanted targets that were told that this LM runs. */
  told(): Target[];
  nextAt(): Mono | undefined;
  /** What is going to be asked and when, for people to see (R10). */
  upcoming(): { readonly to: string; readonly due: Mono; readonly hint: boolean }[];
  readonly size: number;
};

export const createSchedule = (): Schedule => {
  // BOUNDED by 2 * TARGETS + ONCE: `admit` refuses what is over it, since forgetting could ask somebody twice.
  const items = new Map<string, Item>();
  let wanted: readonly Target[] = [];
  let next: Mono | undefined;

  const earliest = (item: Item, due: Mono): Mono => mono(item.askedAt === undefined ? due : Math.max(due, item.askedAt + SEARCH_FLOOR));
  const forget = (now: Mono): void => {
    for (const [to, item] of items) {
      if (item.role === 'left' && (item.askedAt === undefined || item.askedAt + SEARCH_FLOOR <= now)) items.delete(to);
    }
  };
  const admit = (now: Mono, due: Mono): void => {
    forget(now);
    for (const target of wanted) {
      const item = items.get(target.to);
      if (item === undefined) {
        if (items.size < 2 * TARGETS) items.set(target.to, { target, role: 'wanted', due, askedAt: undefined, first: true, unsent: 0 });
      } else if (item.role === 'wanted') item.target = target;
      else Object.assign(item, { target, role: 'wanted', due: earliest(item, due), first: true });
    }
  };
  const refresh = (): void => {
    next = undefined;
    for (const { role, due } of items.values()) if (role !== 'left' && (next === undefined || due < next)) next = due;
  };

  return {
    want(now, targets, due) {
      wanted = targets.slice(0, TARGETS);
      const kept = new Set(wanted.map(({ to }) => to));
      for (const [to, item] of items) if (item.role === 'wanted' && !kept.has(to)) item.role = 'left';
      admit(now, due);
      refresh();
    },
    once(now, to, due) {
      if (items.size >= ONCE) forget(now);
      if (items.has(to) || items.size >= 2 * TARGETS + ONCE) return false;
      let single = 0;
      for (const { target, role } of items.values()) if (role !== 'wanted' && target.via === undefined) single += 1;
      if (single >= ONCE) return false;
      items.set(to, { target: { to, via: undefined }, role: 'once', due, askedAt: undefined, first: false, unsent: 0 });
      refresh();
      return true;
    },
    take(now, pause) {
      if (next === undefined || next > now) return [];
      // Drawn once, so that targets asked together stay together.
      const again = mono(now + pause());
      const due: Due[] = [];
      for (const item of items.values()) {
        if (item.role === 'left' || item.due > now) continue;
        due.push({ ...item.target, first: item.first, hint: item.role === 'once' });
        const unsent = item.askedAt === undefined ? item.unsent : 0;
        Object.assign(item, { askedAt: now, due: again, first: false, unsent, role: item.role === 'once' ? 'left' : item.role });
      }
      admit(now, again);
      refresh();
      return due;
    },
    unsent(now, to) {
      const item = items.get(to);
      if (item?.askedAt === undefined) return;
      const due = mono(now + Math.min(RETRY * 2 ** item.unsent, SEARCH_FLOOR));
      Object.assign(item, { askedAt: undefined, due, first: item.role === 'wanted', unsent: item.unsent + 1 });
      forget(now);
      refresh();
    },
    told: () => [...items.values()].filter(({ role, first }) => role === 'wanted' && !first).map(({ target }) => target),
    nextAt: () => next,
    upcoming: () =>
      [...items.values()].flatMap(({ target, role, due }) => (role === 'left' ? [] : [{ to: target.to, due, hint: role === 'once' }])),
    get size() {
      return items.size;
    },
  };
};
