import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Applicant, createSeatQueue, type PoolId, poolRowKey, type SeatQueue, type Waiter } from '@keyhaven/core/seats';
import { type Mono, SECOND, type Wall, wall } from '@keyhaven/core/time';
import type { AuditEntry } from '@keyhaven/ledger';
import type { LiveSession } from './live-sessions.ts';
import type { Asked, Shape, Told, Waiting, WaitingOptions, Wish } from './wish.ts';

// Those who wait for a seat of the keys here (A4): a line per pool, in this process only. A place is no promise and is not stored; after a
// restart applications ask again, and their tickets say since when they wait. docs/decisions/0011-waiting.md. Promised:
// - a seat that comes free is tried for the first in line before anybody else can have it, and by the rules of `decideLogin` as every login;
// - each place ends: with a seat, a refusal, a withdrawal, the end of its process, or AWAY_MS after its application was last heard of;
// - telling them costs little however many wait: each is told its place when it has changed, and the less often the further behind it stands.

/** A question is held for so long where nothing changes; that it is asked again says that its application lives. */
const HOLD_MS = 30 * SECOND;
/** Between an answer, or the loss of a channel, and the next question. */
const AWAY_MS = 10 * SECOND;
/** After a start, those who waited before it are let back in their order before a seat is given. */
const RETURN_MS = 2 * SECOND;
/** BOUNDED: who waits for all pools here together. */
const MAX_WAITING = 65_536;
/** At least so long between two answers that tell a place: the sum over n of them is about 4 ln(n) a second. */
const quietMs = (place: number): number => Math.max(SECOND, place * 250);

type Cause = 'cancelled' | 'gone' | 'process ended' | 'refused';
type Listener = { readonly resolve: (told: Told) => void; readonly reject: (error: unknown) => void };
type Place = Waiter & {
  readonly since: Wall;
  wish: Wish;
  state: 'asking' | 'waiting' | 'granting';
  /** Set when it leaves while its login is under way. */
  leaving: Cause | undefined;
  settled: Promise<unknown>;
  listener: Listener | undefined;
  known: number;
  answeredAt: Mono;
  away: boolean;
  cancel: () => void;
};
type Line = {
  readonly pool: PoolId;
  readonly queue: SeatQueue<Place>;
  serving: boolean;
  again: boolean;
  toldAt: Mono;
  cancelTelling: (() => void) | undefined;
  cancelServing: (() => void) | undefined;
};

const nothing = (): void => undefined;
const isFull = (error: unknown): boolean => error instanceof LicensingError && error.status === Status.TOO_MANY_USERS;
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
    const line: Line = {
      pool,
      queue: createSeatQueue(),
      serving: false,
      again: false,
      toldAt: begun,
      cancelTelling: undefined,
      cancelServing: undefined,
    };
    lines.set(name, line);
    return line;
  };
  const tidy = (line: Line): void => {
    if (line.queue.size > 0 || line.serving) return;
    line.cancelTelling?.();
    line.cancelServing?.();
    if (lines.get(poolRowKey(line.pool)) === line) lines.delete(poolRowKey(line.pool));
  };

  const waitedMs = ({ since }: { readonly since: Wall }): number => Math.max(0, options.time() - since);
  const note = (kind: 'waiting' | 'withdrawn', place: Place, more: AuditEntry['detail']): void => {
    const { pool, applicant, id } = place.wish;
    const { holder, host, user, application, pid, address } = applicant;
    const detail = { product: pool.product, feature: pool.feature, holder, host, user, application, pid, address, session: id, ...more };
    options.note({ kind, scope: pool.key, detail });
  };

  /** A login for it, and what was decided as soon as it is decided, which is before it is durable. */
  const attempt = (place: Place, behind: () => number) => {
    const { wish } = place;
    const decided = Promise.withResolvers<'granted' | 'full' | 'refused'>();
    const shape: Shape = (decision) => {
      const { reply } = decision;
      if (reply.kind === 'granted') {
        decided.resolve('granted');
        const audit = decision.audit.map((entry) => ({ ...entry, detail: { ...entry.detail, waited: waitedMs(place) } }));
        return { ...decision, audit };
      }
      const full = reply.status === Status.TOO_MANY_USERS;
      decided.resolve(full ? 'full' : 'refused');
      // Having to wait is no refusal.
      return full ? { ...decision, audit: [] } : decision;
    };
    const session = (async () => {
      const ready = wish.ready();
      if (ready !== undefined) await ready;
      // From here on to the ledger without a pause, or a change of the license could begin in between.
      for (let change = options.changing(wish.pool.key); change !== undefined; change = options.changing(wish.pool.key)) await change;
      return options.login({ ...wish.command(), behind: behind() }, wish.channel, wish.party, shape);
    })();
    place.settled = session.then(
      () => decided.resolve('granted'),
      (error: unknown) => decided.resolve(isFull(error) ? 'full' : 'refused'),
    );
    return { decided: decided.promise, session };
  };
  /** It asks for more than there will ever be. */
  const isHopeless = ({ wish }: Place): boolean => {
    try {
      const { terms, seats } = wish.command();
      return terms?.seats !== undefined && seats > terms.seats;
    } catch {
      return true;
    }
  };

  const forget = (place: Place): void => {
    place.cancel();
    if (places.get(place.id) === place) places.delete(place.id);
    if (place.state !== 'asking') {
      const line = lineOf(place.wish.pool);
      line.queue.leave(place.id);
      serve(line);
      tell(line);
    }
  };
  const leave = (place: Place, cause: Cause): void => {
    place.leaving ??= cause;
    if (place.state !== 'waiting') return;
    note('withdrawn', place, { cause, waited: waitedMs(place) });
    forget(place);
    place.listener?.reject(noLonger());
    place.listener = undefined;
  };
  const expectSoon = (place: Place): void => {
    place.cancel();
    place.cancel = clock.after(AWAY_MS, () => leave(place, 'gone'));
  };
  const placeNow = (place: Place): Told => ({
    kind: 'waiting',
    place: Math.max(1, lineOf(place.wish.pool).queue.place(place.id)),
    since: place.since,
  });
  const answer = (place: Place): Told => {
    const told = placeNow(place);
    place.answeredAt = clock.mono();
    expectSoon(place);
    place.listener?.resolve(told);
    place.listener = undefined;
    return told;
  };
  const hold = (place: Place): Asked => {
    const { promise, resolve, reject } = Promise.withResolvers<Told>();
    place.listener = { resolve, reject };
    place.cancel();
    place.cancel = clock.after(HOLD_MS, () => answer(place));
    return { kind: 'held', answer: promise };
  };

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
    finish(place, session).then(
      (told) => place.listener?.resolve(told),
      (error: unknown) => {
        note('withdrawn', place, { cause: place.leaving ?? 'refused', waited: waitedMs(place) });
        place.listener?.reject(error);
      },
    );
  };

  const serveNow = async (line: Line): Promise<void> => {
    const early = returning ? begun + RETURN_MS - clock.mono() : 0;
    if (early > 0) {
      line.cancelServing ??= clock.after(Math.max(1, early), () => {
        line.cancelServing = undefined;
        serve(line);
      });
      return;
    }
    for (const place of line.queue.turns(keptFrom, present)) {
      if (!place.wish.current()) {
        // It has to come in a new channel, and is sent for that.
        if (place.listener !== undefined) answer(place);
        return;
      }
      place.state = 'granting';
      const { decided, session } = attempt(place, () => 0);
      const outcome = await decided;
      if (closed) return;
      if (outcome === 'full' && !isHopeless(place)) {
        session.catch(nothing);
        place.state = 'waiting';
        if (place.leaving !== undefined) leave(place, place.leaving);
        continue;
      }
      line.queue.leave(place.id);
      grant(place, session);
      tell(line);
    }
  };
  const serve = (line: Line): void => {
    line.again = true;
    if (line.serving || closed) return;
    line.serving = true;
    const run = async (): Promise<void> => {
      while (line.again && line.queue.size > 0 && !closed) {
        line.again = false;
        await serveNow(line);
      }
    };
    // Not at once: what frees a seat may be a decision that the ledger has not taken in yet.
    Promise.resolve()
      .then(run)
      .catch(nothing)
      .finally(() => {
        line.serving = false;
        if (line.again && line.queue.size > 0) serve(line);
        else tidy(line);
      });
  };

  /** Tells those whose place has changed, soon, and each not too often. */
  const tell = (line: Line): void => {
    if (line.cancelTelling !== undefined || closed || line.queue.size === 0) return;
    line.cancelTelling = clock.after(Math.max(0, line.toldAt + SECOND - clock.mono()), () => {
      line.cancelTelling = undefined;
      line.toldAt = clock.mono();
      let [at, more] = [0, false];
      for (const place of line.queue.all()) {
        at += 1;
        if (place.listener === undefined || place.known === at || place.state !== 'waiting') continue;
        if (line.toldAt - place.answeredAt >= quietMs(at)) answer(place);
        else more = true;
      }
      if (more) tell(line);
    });
  };

  const behindOf = (priority: number, applicant: Applicant, pool: PoolId): number => {
    const queue = lines.get(poolRowKey(pool))?.queue;
    if (queue === undefined || queue.size === 0) return 0;
    return queue.holdsUp(priority, options.reservedForOthers(applicant, pool), keptFrom, standing) ? queue.size : 0;
  };

  /** The application of a place asks again, perhaps in another channel. */
  const again = (place: Place, wish: Wish, known: number): Asked => {
    const missed = place.away || !place.wish.current();
    place.listener?.resolve(placeNow(place));
    place.listener = undefined;
    place.wish = wish;
    place.away = false;
    place.known = known;
    if (place.state !== 'waiting') return hold(place);
    const line = lineOf(wish.pool);
    if (missed) serve(line);
    const at = line.queue.place(place.id);
    if (known === 0 || (known !== at && clock.mono() - place.answeredAt >= quietMs(at))) return answer(place);
    if (known !== at) tell(line);
    return hold(place);
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
        listener: undefined,
        known,
        answeredAt: clock.mono(),
        away: false,
        cancel: nothing,
      };
      places.set(wish.id, place);
      const back = since !== undefined && clock.mono() < begun + RETURN_MS && options.live(wish.id) === undefined;
      if (back) returning = true;
      else {
        const { decided, session } = attempt(place, () => behindOf(place.priority, wish.applicant, wish.pool));
        if ((await decided) !== 'full' || isHopeless(place)) {
          const told = finish(place, session);
          told.then(
            (each) => place.listener?.resolve(each),
            (error: unknown) => place.listener?.reject(error),
          );
          return told;
        }
        session.catch(nothing);
      }
      if (place.leaving !== undefined || !place.wish.open()) {
        forget(place);
        place.listener?.reject(noLonger());
        throw noLonger();
      }
      const line = lineOf(wish.pool);
      place.state = 'waiting';
      line.queue.join(place);
      const told = answer(place);
      note('waiting', place, { seats: wish.seats, place: line.queue.place(place.id), priority: place.priority });
      // A seat may have come free between the refusal and here.
      serve(line);
      tell(line);
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
      place.listener = undefined;
      expectSoon(place);
      if (place.state === 'waiting') serve(lineOf(place.wish.pool));
    },
    processEnded(pid, start) {
      for (const place of [...places.values()]) {
        const { holder, pid: ownPid, start: ownStart } = place.wish.applicant;
        if (holder === 'local' && ownPid === pid && ownStart === start) leave(place, 'process ended');
      }
    },
    freed(pool) {
      const line = lines.get(poolRowKey(pool));
      if (line !== undefined) serve(line);
    },
    changed(keyId) {
      for (const line of lines.values()) {
        if (line.pool.key !== keyId) continue;
        for (const place of line.queue.all())
          if (place.listener !== undefined && place.state === 'waiting' && !place.wish.current()) answer(place);
        serve(line);
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
      for (const place of places.values()) place.cancel();
      for (const line of lines.values()) {
        line.cancelTelling?.();
        line.cancelServing?.();
      }
    },
  };
};
