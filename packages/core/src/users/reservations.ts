import { isAbout, isAmong } from './judge.ts';
import type { Asked, Asker, UserRule } from './rules.ts';

// Seats kept for some (R9): `reserve=N` of a rule keeps the last N seats of each pool that it is about for whoever the rule is about, less
// those that they have already. Promised, while what is reserved is within what the license sells:
// - a login never leaves fewer seats free than are reserved for others and not taken;
// - a seat counts for one reservation at most, so that its end gives back what its begin took.
// It only narrows what `decideLogin` grants, so that I1 does not rest on it.

/** What a session takes seats with: itself, or its process or station, whose sessions share them. */
type Unit = { sessions: number; seats: number; readonly taken: Map<string, number> };

export type SeatHolder = Asker & { readonly seats: number; readonly consumer?: string | undefined };

export type Reservations = {
  /** A session that runs, from its grant or from the ledger; a second time changes nothing. */
  began(session: string, asked: Asked, holder: SeatHolder): void;
  ended(session: string): void;
  /** Seats of the pool that this asker must leave to others. */
  forOthers(asked: Asked, asker: Asker): number;
};

export const createReservations = (rules: readonly UserRule[]): Reservations => {
  const reserving = rules.filter(({ reserve }) => reserve > 0);
  const units = new Map<string, Unit>(); // BOUNDED by the sessions that run
  const unitOf = new Map<string, string>(); // BOUNDED likewise
  const taken = new Map<string, number>(); // BOUNDED by the reservations and the pools of the keys here

  const poolOf = ({ key, product, feature }: Asked): string => `${key} ${product} ${feature}`;
  const nameOf = (rule: UserRule, asked: Asked): string => `${reserving.indexOf(rule)} ${poolOf(asked)}`;
  const left = (rule: UserRule, asked: Asked): number => Math.max(0, rule.reserve - (taken.get(nameOf(rule, asked)) ?? 0));
  /** The reservation whose seat this asker takes: the first that has one left. */
  const takes = (asked: Asked, asker: Asker): UserRule | undefined =>
    reserving.find((rule) => isAbout(rule.subject, asked) && isAmong(rule.subject, asker) && left(rule, asked) > 0);
  const count = (name: string, seats: number): void => {
    const sum = (taken.get(name) ?? 0) + seats;
    if (sum === 0) taken.delete(name);
    else taken.set(name, sum);
  };

  return {
    began(session, asked, holder) {
      if (unitOf.has(session) || !reserving.some((rule) => isAbout(rule.subject, asked))) return;
      const name = `${poolOf(asked)} ${holder.consumer ?? `session ${session}`}`;
      const unit = units.get(name) ?? { sessions: 0, seats: 0, taken: new Map<string, number>() };
      const more = Math.max(0, Math.max(1, holder.seats) - unit.seats);
      const rule = more > 0 ? takes(asked, holder) : undefined;
      if (rule !== undefined) {
        const reservation = nameOf(rule, asked);
        count(reservation, more);
        unit.taken.set(reservation, (unit.taken.get(reservation) ?? 0) + more);
      }
      unit.sessions += 1;
      unit.seats += more;
      units.set(name, unit);
      unitOf.set(session, name);
    },
    ended(session) {
      const name = unitOf.get(session);
      const unit = name === undefined ? undefined : units.get(name);
      if (name === undefined || unit === undefined) return;
      unitOf.delete(session);
      unit.sessions -= 1;
      // The seats of a process or station are free when its last session ends, whoever's that is.
      if (unit.sessions > 0) return;
      units.delete(name);
      for (const [reservation, seats] of unit.taken) count(reservation, -seats);
    },
    forOthers(asked, asker) {
      if (reserving.length === 0) return 0;
      const own = takes(asked, asker);
      return reserving.reduce((sum, rule) => (rule !== own && isAbout(rule.subject, asked) ? sum + left(rule, asked) : sum), 0);
    },
  };
};
