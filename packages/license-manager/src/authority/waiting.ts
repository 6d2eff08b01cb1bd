import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Applicant, type PoolId, poolRowKey } from '@keyhaven/core/seats';
import { SECOND, type Wall, wall } from '@keyhaven/core/time';
import type { AuditEntry } from '@keyhaven/ledger';
import { createHeldQuestion } from './held-question.ts';
import type { LiveSession } from './live-sessions.ts';
import { createLine, type LeaveCause, type Line, type Place } from './waiting-line.ts';
import { isHopeless, loginOfWaiting } from './waiting-login.ts';
import type { Asked, Told, Waiting, WaitingOptions, Wish } from './wish.ts';

// Those who wait for a seat of the keys here (A4): a line per pool, in this process only. A place is no promise and is not stored; after a
// restart applications ask again, and their tickets say since when they wait. docs/decisions/0011-waiting.md. Promised:
// - a seat that comes free is tried for the first in line before anybody else can have it, and by the rules of `decideLogin` as every login;
// - each place ends: with a seat, a refusal, a withdrawal, the end of its process, or some seconds after its application was last heard of;
// - telling them costs little however many wait: each is told its place when it has changed, and the less often the further behind it stands.

/** After a start, those who waited before it are let back in their order before a seat is given. */
const RETURN_MS = 2 * SECOND;
/** BOUNDED: who waits for all pools here together. */
const MAX_WAITING = 65_536;

const nothing = (): void => undefined;
const noLonger = (): LicensingError => new LicensingError(Status.TOO_MANY_USERS, { detail: 'The application waits no longer.' });

export const createWaiting = (options: WaitingOptions): Waiting => {
  const { clock } = options;
  const places = new Map<string, Place>(); // BOUNDED by MAX_WAITING and the logins under way
  const lines = new Map<string, Line>(); // BOUNDED by the pools of the keys here
  const begun = clock.mono();
  let lastCame = 0;
  let returning = false;
  let closed = false;

  const keptFrom = ({ wish }: Place): number => options.reservedForOthers(wish.applicant, wish.pool);
  const present = (place: Place): boolean => !place.away && place.state !== 'granting';
  const standing = (place: Place): boolean => !place.away;
  const lineOf = (pool: PoolId): Line => {
    const name = poolRowKey(pool);
    const known = lines.get(name);
    if (known !== undefined) return known;
    const line = createLine(pool, clock, begun, { give, onEmpty: tidy });
    lines.set(name, line);
    if (closed) line.close();
    return line;
  };
  const tidy = (line: Line): void => {
    line.close();
    if (lines.get(poolRowKey(line.pool)) === line) lines.delete(poolRowKey(line.pool));
  };

  const waitedMs = ({ since }: { readonly since: Wall }): number => Math.max(0, options.time() - since);
  const note = (kind: 'waiting' | 'withdrawn' | 'refused', place: Place, more: AuditEntry['detail']): void => {
    const { pool, applicant, id } = place.wish;
    const { holder, host, user, application, pid, address } = applicant;
    const detail = { product: pool.product, feature: pool.feature, holder, host, user, application, pid, address, session: id, ...more };
    options.note({ kind, scope: pool.key, detail });
  };

  /** Its application waited in vain, which is one denial: the application counts it itself where it waits for several keys (G60). */
  const noteDenial = (place: Place): void => {
    if (place.wish.denial !== undefined) return;
    const at = lineOf(place.wish.pool).queue.place(place.id);
    const cause = `No seat came free within ${Math.round(waitedMs(place) / SECOND)} s; the place in line was ${at}.`;
    note('refused', place, { seats: place.wish.seats, status: Status.TOO_MANY_USERS, cause });
  };
  const attempt = (place: Place, behind: () => number) => {
    const login = loginOfWaiting(options, place.wish, () => waitedMs(place), behind);
    place.settled = login.settled;
    return login;
  };

  const forget = (place: Place): void => {
    place.question.close();
    if (places.get(place.id) === place) places.delete(place.id);
    if (place.state !== 'asking') {
      const line = lineOf(place.wish.pool);
      line.queue.leave(place.id);
      line.serve();
      line.tell();
    }
  };
  const leave = (place: Place, cause: LeaveCause): void => {
    place.leaving ??= cause;
    if (place.state !== 'waiting') return;
    note('withdrawn', place, { cause, waited: waitedMs(place) });
    if (cause === 'cancelled') noteDenial(place);
    forget(place);
    place.question.reject(noLonger());
  };
  const placeNow = (place: Place): Told => ({
    kind: 'waiting',
    place: Math.max(1, lineOf(place.wish.pool).queue.place(place.id)),
    since: place.since,
  });
  /** The login of a place was decided; tells how it ended when that is durable. */
  const finish = async (place: Place, session: Promise<LiveSession>): Promise<Told> => {
    try {
      const live = await session;
      if (place.leaving !== undefined) {
        await options.release(live, place.leaving === 'process ended' ? 'process ended' : 'logout').catch(nothing);
        throw noLonger();
      }
      if (place.away) options.detached(place.wish.channel, live);
      return { kind: 'granted', session: live };
    } finally {
      forget(place);
    }
  };
  const grant = (place: Place, session: Promise<LiveSession>): void => {
    finish(place, session).then(place.question.resolve, (error: unknown) => {
      note('withdrawn', place, { cause: place.leaving ?? 'refused', waited: waitedMs(place) });
      place.question.reject(error);
    });
  };

  const give = async (line: Line): Promise<void> => {
    const early = returning ? begun + RETURN_MS - clock.mono() : 0;
    if (early > 0) {
      line.serveIn(early);
      return;
    }
    for (const place of line.queue.turns(keptFrom, present)) {
      if (!place.wish.current()) {
        // It has to come in a new channel, and is sent for that.
        if (place.question.held) place.question.answer();
        return;
      }
      place.state = 'granting';
      const { decided, session } = attempt(place, () => 0);
      const outcome = await decided;
      if (closed) return;
      if (outcome === 'full' && !isHopeless(place.wish)) {
        session.catch(nothing);
        place.state = 'waiting';
        if (place.leaving !== undefined) leave(place, place.leaving);
        continue;
      }
      line.queue.leave(place.id);
      grant(place, session);
      line.tell();
    }
  };
  const behindOf = (priority: number, applicant: Applicant, pool: PoolId): number => {
    const queue = lines.get(poolRowKey(pool))?.queue;
    if (queue === undefined || queue.size === 0) return 0;
    return queue.holdsUp(priority, options.reservedForOthers(applicant, pool), keptFrom, standing) ? queue.size : 0;
  };

  /** The application of a place asks again, perhaps in another channel. */
  const again = (place: Place, wish: Wish, known: number): Asked => {
    const missed = place.away || !place.wish.current();
    place.question.resolve(placeNow(place));
    place.wish = wish;
    place.away = false;
    place.known = known;
    if (place.state !== 'waiting') return place.question.hold();
    const line = lineOf(wish.pool);
    if (missed) line.serve();
    const at = line.queue.place(place.id);
    if (known === 0 || (known !== at && place.question.mayAnswer(at))) return place.question.answer();
    if (known !== at) line.tell();
    return place.question.hold();
  };

  return {
    async ask(wish, known, since) {
      const there = places.get(wish.id);
      if (there !== undefined) return again(there, wish, known);
      if (places.size >= MAX_WAITING)
        throw new LicensingError(Status.TOO_MANY_USERS, { detail: `${MAX_WAITING} wait here already, and no more can.` });
      const now = options.time();
      lastCame = Math.max(lastCame, now);
      const place: Place = {
        id: wish.id,
        priority: options.priorityOf(wish.applicant, wish.pool),
        // Of two who come one after the other the second is the later one, also where the clock was set back.
        since: wall(since === undefined ? lastCame : Math.min(since, now)),
        wish,
        state: 'asking',
        leaving: undefined,
        settled: Promise.resolve(),
        known,
        away: false,
        question: createHeldQuestion(
          clock,
          () => placeNow(place),
          () => leave(place, 'gone'),
        ),
      };
      places.set(wish.id, place);
      const back = since !== undefined && clock.mono() < begun + RETURN_MS && options.live(wish.id) === undefined;
      if (back) returning = true;
      else {
        const { decided, session } = attempt(place, () => behindOf(place.priority, wish.applicant, wish.pool));
        if ((await decided) !== 'full' || isHopeless(place.wish)) {
          const told = finish(place, session);
          told.then(place.question.resolve, place.question.reject);
          return told;
        }
        session.catch(nothing);
      }
      if (place.leaving !== undefined || !place.wish.open()) {
        forget(place);
        place.question.reject(noLonger());
        throw noLonger();
      }
      const line = lineOf(wish.pool);
      place.state = 'waiting';
      line.queue.join(place);
      const told = place.question.answer();
      note('waiting', place, { seats: wish.seats, place: line.queue.place(place.id), priority: place.priority });
      // A seat may have come free between the refusal and here.
      line.serve();
      line.tell();
      return told;
    },
    async withdraw(id, holder) {
      const place = places.get(id);
      if (place !== undefined && place.wish.party.holder === holder) {
        leave(place, 'cancelled');
        if (place.state !== 'waiting') await place.settled;
      }
      const live = options.live(id);
      if (live !== undefined && live.row.holder === holder) await options.release(live, 'logout');
    },
    left(id, channel) {
      const place = places.get(id);
      if (place === undefined || place.wish.channel !== channel) return;
      place.away = true;
      place.question.drop();
      place.question.expect();
      if (place.state === 'waiting') lineOf(place.wish.pool).serve();
    },
    processEnded(pid, start) {
      for (const place of [...places.values()]) {
        const { holder, pid: ownPid, start: ownStart } = place.wish.applicant;
        if (holder === 'local' && ownPid === pid && ownStart === start) leave(place, 'process ended');
      }
    },
    freed(pool) {
      const line = lines.get(poolRowKey(pool));
      if (line !== undefined) line.serve();
    },
    changed(keyId) {
      for (const line of lines.values()) {
        if (line.pool.key !== keyId) continue;
        for (const place of line.queue.all())
          if (place.question.held && place.state === 'waiting' && !place.wish.current()) place.question.answer();
        line.serve();
      }
    },
    behind: ({ applicant, pool }) =>
      lines.size === 0 || !lines.has(poolRowKey(pool)) ? 0 : behindOf(options.priorityOf(applicant, pool), applicant, pool),
    count: (pool) => lines.get(poolRowKey(pool))?.queue.size ?? 0,
    places: () =>
      [...lines.values()].flatMap(({ pool, queue }) =>
        [...queue.all()].map(({ wish: { applicant, seats }, priority, since }, before) => ({
          pool,
          place: before + 1,
          applicant,
          seats,
          priority,
          since,
        })),
      ),
    close() {
      closed = true;
      for (const place of places.values()) place.question.close();
      for (const line of lines.values()) line.close();
    },
  };
};
