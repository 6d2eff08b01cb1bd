import type { Certificate } from '@keyhaven/core/license';
import {
  CLOCK_MARK,
  COUNTED_TIME,
  countedTime,
  isSetBack,
  type LicenseClock,
  learnTime,
  licenseTime,
  readClock,
  startClock,
} from '@keyhaven/core/license-clock';
import { decideLogin, decideRelease, type PoolId, type PoolRow, type SeatDecision, type SeatRows } from '@keyhaven/core/seats';
import { HOUR, mono, wall } from '@keyhaven/core/time';
import {
  type DetachRow,
  decideDetach,
  decideLeave,
  decideReattach,
  faultOfReceiving,
  type GoneRow,
  goneRowKey,
} from '@keyhaven/core/transfer';
import type { Machine, Move } from './explore.ts';

// Both sides of a detached license (K5, S20, I1): an owner, a recipient, files that are lost, late, repeated and in any order, computers that stop and
// start, and clocks that are set: the owner's anywhere, the recipient's to within an hour, which is what decision 0030 asks for. Decisions and license
// clocks are the product's own; files are what they say, without the signatures that prove it. A file that exists may arrive at any later moment
// any number of times, so none has to be lost on purpose, and a crash between a decision and its file is a file that nobody delivers.

/** Mistakes to make; a checker that does not find them proves nothing. */
export type LendingRules = {
  /** Which of the owner's clocks says when a copy is over. */
  readonly ignores: readonly ('clock' | 'license time' | 'counted time')[];
  /** When the owner believes that the ID was made. */
  readonly idMade: 'as it says' | 'now';
  /** What a recipient that gives back does first. */
  readonly givesBack: 'is gone' | 'writes the file';
};
export const LENDING_RULES: LendingRules = { ignores: [], idMade: 'as it says', givesBack: 'is gone' };

export type LendingBounds = {
  readonly sold: number;
  /** Seats that a detachment may ask for, and how long it may be. */
  readonly seats: readonly number[];
  readonly durations: readonly number[];
  /** Real hours until the end of the world. */
  readonly hours: number;
  readonly detachments: number;
  /** How often a clock is set, and a computer stopped, in all. */
  readonly jumps: number;
  readonly stops: number;
  /** IDs that the recipient may make. */
  readonly ids: number;
  /** Sessions at the recipient, besides what it may grant by any of its files, which always counts. */
  readonly uses: boolean;
  /** Hours by which the owner's clock may be wrong. */
  readonly wrong: readonly number[];
};

type H2r = Pick<DetachRow, 'from' | 'until' | 'seats' | 'sequence'>;
type Side = {
  on: boolean;
  /** Hours by which the clock that is set is ahead of real time. */
  ahead: number;
  clock: LicenseClock;
  stored: { readonly at: number | undefined; readonly counted: number };
  rows: ReadonlyMap<string, object>;
  sessions: number;
};
export type LendingState = {
  hour: number;
  jumps: number;
  stops: number;
  /** When IDs were made, by the recipient's clock. */
  ids: readonly number[];
  h2rs: readonly H2r[];
  /** The sequence that the return names; undefined = none was written. */
  r2h: number | undefined;
  held: H2r | undefined;
  owner: Side;
  recipient: Side;
};

const BEGIN = Date.UTC(2026, 10, 24);
const [PARENT, CHILD] = ['1', '2'];

export const lendingMachine = (bounds: LendingBounds, rules: LendingRules = LENDING_RULES): Machine<LendingState> => {
  const certificate: Certificate = {
    format: 1,
    vendor: 7,
    key: PARENT,
    type: 'sl-adminmode',
    signingKey: '',
    counter: 1,
    issued: '2026-11-24T00:00:00Z',
    products: [
      {
        id: 1,
        name: 'P',
        features: [
          {
            id: 1,
            name: 'F',
            license: { type: 'perpetual' },
            concurrency: { seats: bounds.sold, count: 'login', network: true, remoteDesktop: true, virtualMachine: true },
            detachable: true,
          },
        ],
      },
    ],
    memory: { readWrite: 0, readOnly: 0 },
  };
  const pool = (key: string): PoolId => ({ key, product: 1, feature: 1 });
  const real = (state: LendingState): number => BEGIN + state.hour * HOUR;
  const set = (state: LendingState, side: Side) => wall(real(state) + side.ahead * HOUR);
  const read = (state: LendingState, side: Side): LicenseClock => readClock(side.clock, set(state, side), mono(state.hour * HOUR));
  const time = (state: LendingState, side: Side) => licenseTime(read(state, side));

  const decide = <T>(side: Side, of: (rows: SeatRows) => SeatDecision<T>, shown: ReadonlyMap<string, object> = new Map()): T => {
    const { changes, reply } = of({ get: <R extends object>(key: string) => (shown.get(key) ?? side.rows.get(key)) as R | undefined });
    const rows = new Map(side.rows);
    for (const { key, row } of changes)
      if (row === undefined) rows.delete(key);
      else rows.set(key, row);
    side.rows = rows;
    return reply;
  };
  const login = (state: LendingState, side: Side, key: string, seats: number, until: number | undefined): boolean => {
    const command = {
      kind: 'login' as const,
      pool: pool(key),
      terms: { seats, count: 'login' as const, network: true, until: until === undefined ? undefined : wall(until), executions: undefined },
      session: String(side.sessions),
      applicant: { holder: 'local', host: '', user: '', application: '', pid: 1, start: 1, address: '' },
      seats: 1,
      executions: 0,
      dieAtExpiration: false,
    };
    const granted = decide(side, (view) => decideLogin(view, command, time(state, side))).kind === 'granted';
    if (granted) side.sessions += 1;
    return granted;
  };
  const logout = (side: Side, key: string): void => {
    side.sessions -= 1;
    decide(side, (view) =>
      decideRelease(view, { kind: 'release', pool: pool(key), session: String(side.sessions), consumer: undefined, cause: 'logout' }),
    );
  };
  const store = (state: LendingState, side: Side): void => {
    side.clock = read(state, side);
    side.stored = {
      at: Math.max(side.stored.at ?? 0, licenseTime(side.clock)),
      counted: Math.max(side.stored.counted, countedTime(side.clock)),
    };
  };
  const reattach = (state: LendingState, cause: 'returned' | 'ended'): void => {
    const { owner } = state;
    const known = owner.rows.get(`${PARENT}/detach/${CHILD}`) as DetachRow | undefined;
    const over = Number.MAX_SAFE_INTEGER;
    const shown = new Map<string, object>([
      [CLOCK_MARK, { at: rules.ignores.includes('license time') ? over : owner.stored.at }],
      [COUNTED_TIME, { ms: rules.ignores.includes('counted time') ? over : owner.stored.counted }],
    ]);
    const now = rules.ignores.includes('clock') ? wall(over) : set(state, owner);
    decide(owner, (view) => decideReattach(view, { key: PARENT, child: CHILD, known, cause }, now), shown);
  };
  const gone = ({ recipient }: LendingState): GoneRow | undefined => recipient.rows.get(goneRowKey(CHILD)) as GoneRow | undefined;

  const ownerMoves = (state: LendingState, add: (name: string, act: (next: LendingState) => void) => void): void => {
    const { owner } = state;
    const used = (owner.rows.get(`${PARENT}/pool/1.1`) as PoolRow | undefined)?.used ?? 0;
    if (used < bounds.sold) add('the owner grants a seat', (next) => void login(next, next.owner, PARENT, bounds.sold, undefined));
    if (owner.sessions > 0) add('a seat is given back at the owner', (next) => logout(next.owner, PARENT));
    if (state.h2rs.length < bounds.detachments)
      for (const created of state.ids)
        for (const seats of bounds.seats)
          for (const hours of bounds.durations)
            add(`the owner detaches ${seats} for ${hours} h`, (next) => {
              const mine = next.owner;
              const command = {
                key: PARENT,
                certificate,
                product: 1,
                to: {
                  key: CHILD,
                  guid: '',
                  host: '',
                  virtualMachine: false,
                  created: new Date(rules.idMade === 'now' ? set(next, mine) : created).toISOString(),
                },
                seats,
                durationMs: hours * HOUR,
                maxMs: 1_000 * HOUR,
                counted: countedTime(mine.clock),
              };
              const reply = decide(mine, (view) => decideDetach(view, command, set(next, mine)));
              if (reply.kind !== 'detached' || reply.repeated) return;
              const { from, until, seats: of, sequence } = reply.detached;
              next.h2rs = [...next.h2rs, { from, until, seats: of, sequence }];
            });
    if (owner.rows.has(`${PARENT}/detach/${CHILD}`))
      add('the owner looks for what is over', (next) => {
        store(next, next.owner);
        reattach(next, 'ended');
      });
    if (state.r2h !== undefined) add('the return arrives', (next) => reattach(next, 'returned'));
  };
  const recipientMoves = (state: LendingState, add: (name: string, act: (next: LendingState) => void) => void): void => {
    const { held, recipient } = state;
    const isGone = gone(state) !== undefined;
    if (!isGone && state.ids.length < bounds.ids && !state.ids.includes(set(state, recipient)))
      add('the recipient makes an ID', (next) => void (next.ids = [...next.ids, set(next, next.recipient)]));
    for (const h2r of state.h2rs) {
      if (h2r === held) continue;
      const before = held === undefined ? undefined : { parent: PARENT, sequence: held.sequence };
      const receive = { child: CHILD, parent: PARENT, sequence: h2r.sequence, from: wall(h2r.from), until: wall(h2r.until), held: before };
      if (faultOfReceiving(receive, gone(state), time(state, recipient)) !== undefined) continue;
      add(`file ${h2r.sequence} arrives`, (next) => {
        next.held = next.h2rs.find(({ sequence }) => sequence === h2r.sequence);
        next.recipient.clock = learnTime(read(next, next.recipient), wall(BEGIN));
      });
    }
    if (recipient.sessions > 0) add('a seat is given back at the recipient', (next) => logout(next.recipient, CHILD));
    if (held === undefined) return;
    if (bounds.uses && !isSetBack(read(state, recipient)) && (!isGone || rules.givesBack === 'writes the file'))
      add('the recipient grants a seat', (next) => void login(next, next.recipient, CHILD, held.seats, held.until));
    if (isGone) return;
    add('the recipient gives back', (next) => {
      const row: GoneRow = { why: 'returned', at: set(next, next.recipient), vendor: 7, document: '', number: held.sequence, to: PARENT };
      decide(next.recipient, (view) => decideLeave(view, { key: CHILD, gone: row, erased: [] }));
      next.r2h = held.sequence;
      if (rules.givesBack === 'writes the file') return;
      while (next.recipient.sessions > 0) logout(next.recipient, CHILD);
      next.held = undefined;
    });
  };
  const worldMoves = (state: LendingState, add: (name: string, act: (next: LendingState) => void) => void): void => {
    for (const who of ['owner', 'recipient'] as const) {
      const side = state[who];
      const may = who === 'owner' ? bounds.wrong : [-1, 0, 1];
      if (state.jumps < bounds.jumps)
        for (const ahead of may)
          if (ahead !== side.ahead)
            add(`the clock of the ${who} is set ${ahead} h from the time`, (next) => {
              const mine = next[who];
              mine.ahead = ahead;
              next.jumps += 1;
            });
      if (side.on && state.stops < bounds.stops)
        for (const written of [true, false])
          add(`the ${who} stops${written ? '' : ' without a word'}`, (next) => {
            if (written) store(next, next[who]);
            next[who].on = false;
            next.stops += 1;
          });
      if (!side.on)
        add(`the ${who} starts`, (next) => {
          const mine = next[who];
          const { at, counted } = mine.stored;
          mine.clock = startClock(at === undefined ? undefined : wall(at), set(next, mine), mono(next.hour * HOUR), counted);
          mine.on = true;
        });
    }
    if (state.hour < bounds.hours)
      add('an hour passes', (next) => {
        next.hour += 1;
      });
  };

  const newSide = (): Side => ({
    on: true,
    ahead: 0,
    clock: startClock(undefined, wall(BEGIN), mono(0)),
    stored: { at: undefined, counted: 0 },
    rows: new Map(),
    sessions: 0,
  });
  /** What the recipient can grant from now on, whichever of the files arrive. */
  const potential = (state: LendingState): number => {
    const { recipient, held } = state;
    if (gone(state) !== undefined) return rules.givesBack === 'writes the file' && held !== undefined ? held.seats : 0;
    // What it is to be when it starts again, where it is off.
    const now = recipient.on ? time(state, recipient) : Math.max(recipient.stored.at ?? 0, set(state, recipient));
    const alive = state.h2rs.filter(({ sequence, until }) => until >= now && (held === undefined || sequence >= held.sequence));
    return alive.reduce((most, { seats }) => Math.max(most, seats), 0);
  };

  const { sold, hours, detachments, jumps, stops } = bounds;
  return {
    name: `lending: ${sold} sold, ${hours} h, ${detachments} detachments of ${bounds.seats.join(' or ')} for ${bounds.durations.join(' or ')} h, ${jumps} times a clock is set, ${stops} times a computer stops, ${bounds.ids} IDs${bounds.uses ? ', sessions at both' : ''}`,
    initial: { hour: 0, jumps: 0, stops: 0, ids: [], h2rs: [], r2h: undefined, held: undefined, owner: newSide(), recipient: newSide() },
    key: (state) => {
      const side = ({ rows, ...of }: Side): string => JSON.stringify([of, [...rows].sort(([a], [b]) => (a < b ? -1 : 1))]);
      const { owner, recipient, held, h2rs, ids, ...rest } = state;
      return JSON.stringify([rest, [...ids].sort((a, b) => a - b), h2rs, held?.sequence, side(owner), side(recipient)]);
    },
    moves(state) {
      const found: Move<LendingState>[] = [];
      const add = (name: string, act: (next: LendingState) => void): void => {
        found.push({
          name,
          next() {
            const next: LendingState = { ...state, owner: { ...state.owner }, recipient: { ...state.recipient } };
            act(next);
            // License managers look at their clocks every minute.
            for (const side of [next.owner, next.recipient]) if (side.on) side.clock = read(next, side);
            return next;
          },
        });
      };
      if (state.owner.on) ownerMoves(state, add);
      if (state.recipient.on) recipientMoves(state, add);
      worldMoves(state, add);
      return found;
    },
    fault(state) {
      const { owner } = state;
      const used = (owner.rows.get(`${PARENT}/pool/1.1`) as PoolRow | undefined)?.used ?? 0;
      const out = (owner.rows.get(`${PARENT}/detach/${CHILD}`) as DetachRow | undefined)?.seats ?? 0;
      if (used !== owner.sessions + out) return `I1: the owner says ${used} in use, and ${owner.sessions} + ${out} are`;
      const both = owner.sessions + potential(state);
      return both > sold ? `I1: both sides together may use ${both} of ${sold} seats` : undefined;
    },
    show: (state) =>
      `  hour ${state.hour}; owner ${state.owner.ahead} h ahead with ${state.owner.sessions} sessions, recipient ${state.recipient.ahead} h ahead with ${state.recipient.sessions} sessions and file ${state.held?.sequence ?? 'none'}`,
  };
};
