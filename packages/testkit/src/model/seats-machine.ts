import { createHolderLeases, createOwnerLeases, LEASE_MS, RENEW_MS } from '@keyhaven/core/lease';
import { decideLogin, decideRelease, type Login, type PoolId, type PoolRow, rowsOf, type SeatRows } from '@keyhaven/core/seats';
import { mono, wall } from '@keyhaven/core/time';
import type { Machine, Move } from './explore.ts';
import { keyOf } from './seats-key.ts';
import {
  type Block,
  copyState,
  type HolderState,
  holderName,
  idOf,
  isNamed,
  OWNER,
  pass,
  type Request,
  rowOf,
  type SeatsState,
} from './seats-state.ts';

// Seats between LMs (S20, I1, I2): an owner, the LMs of other computers, a link to each that loses, delays and repeats, crashes of everybody
// between any two steps, and two clocks that run apart as far as the lease allows. Every rule is the product's own: decideLogin, decideRelease and
// the two machines of the lease, with their own tables. What is modelled here is only what lies between them: one POST at a time, an answer
// after the commit, and what each side keeps.

/** What a machine may be told to do wrong: a checker that does not find these proves nothing. */
export type SeatsRules = {
  readonly ownerTermMs: number;
  readonly holderTermMs: number;
  /** When the holder's term begins to count. */
  readonly countsFrom: 'sending' | 'answer';
  /** When the answer to a login may leave. */
  readonly answers: 'durable' | 'decided';
  /** What the owner does about stored sessions when it starts. */
  readonly restart: 'full term' | 'ends them';
  /** For how long a session that is not in the holder's list is kept. */
  readonly doubt: 'a term' | 'not at all';
  /** What the owner does about a request by a link in whose place another one came. */
  readonly earlierLinks: 'refused' | 'served';
  readonly decideLogin: typeof decideLogin;
};
export const SEATS_RULES: SeatsRules = {
  ownerTermMs: LEASE_MS,
  holderTermMs: LEASE_MS,
  countsFrom: 'sending',
  answers: 'durable',
  restart: 'full term',
  doubt: 'a term',
  earlierLinks: 'refused',
  decideLogin,
};
export type SeatsBounds = {
  readonly seats: number;
  readonly holders: number;
  /** Sessions that a holder may have under way at a time. */
  readonly sessions: number;
  /** An application of the owner's own computer competes. */
  readonly local: boolean;
  /** Requests that arrive after their link broke. */
  readonly late: boolean;
  /** Steps of time in a term of the lease. The ends of both sides fall into one step, where the clocks are apart the most. */
  readonly steps: number;
  /** Different sessions of a holder that may be named anywhere at a time; at least `sessions`. */
  readonly ids: number;
};

const [HOLDER_RATE, OWNER_RATE] = [0.995, 1.005];
const NOW = mono(0);
const POOL: PoolId = { key: '1', product: 1, feature: 1 };

export const seatsMachine = (bounds: SeatsBounds, rules: SeatsRules = SEATS_RULES): Machine<SeatsState> => {
  const { ids } = bounds;
  const tick = LEASE_MS / bounds.steps;
  const holders = Array.from({ length: bounds.holders }, (_, index) => index);
  const idsOf = holders.map((holder) => Array.from({ length: ids }, (_, index) => idOf(holder, index)));
  const ownerLeases = (state: SeatsState) => createOwnerLeases(rules.ownerTermMs, state.leases);
  const holderLeases = (of: HolderState) => createHolderLeases(rules.holderTermMs, RENEW_MS, of.peers);
  const at = (state: SeatsState, holder: number): HolderState => {
    const found = state.holders[holder];
    if (found === undefined) throw new RangeError(`no holder ${holder}`);
    return found;
  };
  const view = (state: SeatsState): SeatRows => ({ get: <R extends object>(key: string) => state.rows.get(key) as R | undefined });
  const write = (state: SeatsState, changes: readonly { readonly key: string; readonly row: object | undefined }[]): void => {
    for (const { key, row } of changes)
      if (row === undefined) state.rows.delete(key);
      else state.rows.set(key, row);
  };
  const command = (session: string, holder: string): Login => ({
    kind: 'login',
    pool: POOL,
    terms: { seats: bounds.seats, count: 'login', network: true, until: undefined, executions: undefined },
    session,
    applicant: { holder, host: '', user: '', application: '', pid: 1, start: 1, address: '' },
    seats: 1,
    executions: 0,
    dieAtExpiration: false,
  });
  const login = (state: SeatsState, session: string, holder: number | undefined): boolean => {
    const asked = command(session, holder === undefined ? 'local' : holderName(holder));
    rowsOf(asked);
    const { changes, reply } = rules.decideLogin(view(state), asked, wall(0));
    write(state, changes);
    return reply.kind === 'granted';
  };
  const release = (state: SeatsState, session: string): void => {
    write(state, decideRelease(view(state), { kind: 'release', pool: POOL, session, consumer: undefined, cause: 'logout' }).changes);
    for (const holder of holders) {
      if (!idsOf[holder]?.includes(session)) continue;
      ownerLeases(state).ended(holderName(holder), session);
      const of = at(state, holder);
      if (of.linked) of.outbox.push({ kind: 'detached', session });
    }
  };

  /** What the owner does about a request, as link-answerer.ts. `live`: its link is still there, and somebody hears the answer. */
  const serve = (state: SeatsState, holder: number, request: Request, live: boolean): void => {
    const of = at(state, holder);
    const leases = ownerLeases(state);
    const say = (block: Block): void => void (live && of.outbox.push(block));
    for (const session of request.releases) if (state.rows.has(rowOf(session))) release(state, session);
    if (request.list === undefined) say({ kind: 'renewed', agreed: leases.renew(NOW, holderName(holder), request.count, request.digest) });
    else {
      const gone = leases.renewExactly(
        NOW,
        holderName(holder),
        request.list.map((id) => Buffer.from(id, 'hex')),
      );
      const entry = state.leases.get(holderName(holder));
      if (rules.doubt === 'not at all' && entry !== undefined) for (const id of entry.doubtful.keys()) entry.doubtful.set(id, NOW);
      say({ kind: 'gone', sessions: gone.map((id) => Buffer.from(id).toString('hex')) });
      say({ kind: 'renewed', agreed: true });
    }
    if (request.login === undefined) return;
    const granted = login(state, request.login, holder);
    // Asked again before the commit, it is answered where somebody hears it.
    const before = state.pending.find(({ session }) => session === request.login);
    state.pending = state.pending.filter((each) => each !== before);
    state.pending.push({
      session: request.login,
      holder,
      linked: live || before?.linked === true,
      granted: granted || before?.granted === true,
    });
    if (rules.answers === 'decided') tell(state);
  };
  /** Answers to logins leave. */
  const tell = (state: SeatsState): void => {
    for (const { session, holder, linked, granted } of state.pending) {
      const there = state.rows.has(rowOf(session));
      if (holder === undefined) {
        if (granted && there) state.here.add(session);
        continue;
      }
      if (granted && there) ownerLeases(state).keep(NOW, holderName(holder), session);
      if (linked) at(state, holder).outbox.push({ kind: granted && there ? 'attached' : 'refused', session });
    }
    state.pending = [];
  };
  const commit = (state: SeatsState): void => {
    state.durable = new Map(state.rows);
    tell(state);
  };
  const hear = (of: HolderState, blocks: readonly Block[]): void => {
    const leases = holderLeases(of);
    for (const block of blocks) {
      switch (block.kind) {
        case 'attached':
          leases.attached(NOW, OWNER, block.session);
          of.stored.add(block.session);
          if (of.asks === block.session) of.asks = undefined;
          break;
        case 'refused':
          if (of.asks === block.session) of.asks = undefined;
          break;
        case 'gone':
        case 'detached':
          for (const session of block.kind === 'gone' ? block.sessions : [block.session]) {
            leases.detached(OWNER, session);
            of.stored.delete(session);
          }
          break;
        case 'renewed': {
          const peer = of.peers.get(OWNER);
          if (rules.countsFrom === 'answer' && peer?.sent !== undefined) peer.sent = NOW;
          if (block.agreed) leases.renewed(OWNER);
          else if (!of.listed) of.lists = true;
          of.listed = !block.agreed && !of.listed;
          break;
        }
      }
    }
  };
  const broken = (state: SeatsState, holder: number): void => {
    const of = at(state, holder);
    of.post = 'none';
    of.request = undefined;
    of.answer = undefined;
    of.outbox = [];
    of.linked = false;
    of.lists = false;
    of.listed = false;
    of.asked = false;
    state.pending = state.pending.map((each) => (each.holder === holder ? { ...each, linked: false } : each));
  };
  const newHolder = (): HolderState => {
    const of: HolderState = {
      peers: new Map(),
      stored: new Set(),
      asks: undefined,
      asked: false,
      releases: new Set(),
      lists: false,
      listed: false,
      post: 'none',
      request: undefined,
      answer: undefined,
      late: undefined,
      linked: false,
      outbox: [],
    };
    holderLeases(of).opened(NOW, OWNER);
    return of;
  };
  const believed = (of: HolderState): string[] => {
    const leases = holderLeases(of);
    const until = leases.until(OWNER);
    return until === undefined || until <= NOW ? [] : leases.sessions(OWNER);
  };

  const movesOf = (
    state: SeatsState,
    holder: number,
    add: (name: string, act: (next: SeatsState, of: HolderState) => void) => void,
  ): void => {
    const of = at(state, holder);
    const held = holderLeases(of).sessions(OWNER);
    const free = idsOf[holder]?.find((id) => !isNamed(state, holder, id));
    if (of.asks === undefined && held.length < bounds.sessions && free !== undefined)
      add('an application asks for a seat', (_, next) => void Object.assign(next, { asks: free, asked: false }));
    if (of.asks !== undefined && of.post === 'none') add('the application gives up', (_, next) => void (next.asks = undefined));
    for (const session of held)
      add(`the application of ${session.slice(0, 4)} ends`, (_, next) => {
        holderLeases(next).detached(OWNER, session);
        next.stored.delete(session);
        next.releases.add(session);
      });
    if (of.post === 'none')
      add('sends what is ready', (_, next) => {
        const leases = holderLeases(next);
        const list = next.lists ? leases.list(NOW, OWNER).map((id) => Buffer.from(id).toString('hex')) : undefined;
        const { count, digest } = next.lists ? { count: 0, digest: Buffer.alloc(16) } : leases.renewal(NOW, OWNER);
        next.lists = false;
        next.request = { login: next.asked ? undefined : next.asks, releases: [...next.releases], list, count, digest };
        next.asked = next.asks !== undefined;
        next.post = 'request';
      });
    if (of.post === 'request' && state.up)
      add('its request arrives', (next, mine) => {
        const { request } = mine;
        mine.post = 'at owner';
        mine.linked = true;
        if (rules.earlierLinks === 'refused') mine.late = undefined;
        if (request !== undefined) serve(next, holder, request, true);
      });
    if (of.late !== undefined && state.up)
      add('its request of the link that broke arrives', (next, mine) => {
        const { late } = mine;
        mine.late = undefined;
        if (late !== undefined) serve(next, holder, late, false);
      });
    if (of.post === 'at owner' && state.up)
      add('is answered', (_, mine) => {
        mine.answer = mine.outbox;
        mine.outbox = [];
        mine.post = 'answer';
      });
    if (of.post === 'answer')
      add('hears the answer', (_, mine) => {
        const { answer, request } = mine;
        mine.post = 'none';
        mine.answer = undefined;
        mine.request = undefined;
        for (const session of request?.releases ?? []) mine.releases.delete(session);
        hear(mine, answer ?? []);
      });
    if (of.post !== 'none') add('hears nothing in time, and its link breaks', (next) => broken(next, holder));
    if (of.post === 'request' && of.late === undefined && bounds.late)
      add('its request is late, and its link breaks', (next, mine) => {
        mine.late = mine.request;
        broken(next, holder);
      });
    if ((of.peers.get(OWNER)?.until ?? 1) <= 0)
      add('sees that its lease is over', (_, mine) => {
        for (const event of holderLeases(mine).timeout(NOW))
          if (event.kind === 'lapsed') for (const session of event.sessions) mine.stored.delete(session);
      });
    if (held.length + of.stored.size + of.releases.size > 0 || of.post !== 'none')
      for (const kept of of.stored.size > 0 ? [true, false] : [true])
        add(`crashes and starts${kept ? '' : ', without what it did not write in time'}`, (next, mine) => {
          const { stored, late } = mine;
          broken(next, holder);
          next.holders[holder] = { ...newHolder(), late, stored: kept ? stored : new Set() };
          const again = at(next, holder);
          for (const session of again.stored) holderLeases(again).attached(NOW, OWNER, session);
        });
  };

  const machine: Machine<SeatsState> = {
    name: `seats: ${bounds.seats} sold, ${bounds.holders} other computers with ${bounds.sessions} session${bounds.sessions === 1 ? '' : 's'} each${bounds.local ? ', an application at the owner' : ''}${bounds.late ? ', late requests' : ''}, ${bounds.ids} ids, ${bounds.steps} steps of time`,
    initial: {
      up: true,
      rows: new Map(),
      durable: new Map(),
      pending: [],
      leases: new Map(),
      here: new Set(),
      holders: holders.map(newHolder),
    },
    key: (state) => keyOf(state, idsOf),
    moves(state) {
      const found: Move<SeatsState>[] = [];
      const add = (name: string, act: (next: SeatsState) => void): void => {
        found.push({
          name,
          next() {
            const next = copyState(state);
            act(next);
            for (const { peers } of next.holders) for (const peer of peers.values()) peer.renewAt = NOW; // It may renew whenever it likes.
            return next;
          },
        });
      };
      for (const holder of holders)
        movesOf(state, holder, (name, act) => add(`holder ${holder}: ${name}`, (next) => act(next, at(next, holder))));
      if (state.up && (state.pending.length > 0 || !sameRows(state.rows, state.durable))) add('the owner commits', commit);
      if (state.up && [...state.leases.values()].some((of) => of.until <= 0 || [...of.doubtful.values()].some((until) => until <= 0)))
        add('the owner ends what has lapsed', (next) => {
          for (const { session } of ownerLeases(next).timeout(NOW)) release(next, session);
        });
      if (state.up)
        add('the owner crashes', (next) => {
          next.up = false;
          next.rows = new Map(next.durable);
          next.pending = [];
          next.leases = new Map();
          for (const of of next.holders) {
            of.outbox = [];
            of.linked = false;
            of.late = undefined;
            if (of.post === 'at owner') of.post = 'request';
          }
        });
      else
        add('the owner starts', (next) => {
          next.up = true;
          for (const key of [...next.rows.keys()].filter((each) => each.includes('/session/'))) {
            const session = key.slice('1/session/'.length);
            const row = next.rows.get(key) as { readonly holder: string };
            if (row.holder === 'local') continue;
            if (rules.restart === 'ends them') release(next, session);
            else ownerLeases(next).keep(NOW, row.holder, session);
          }
          // Links do not survive it: whoever waits is told that there is no such link.
          for (const holder of holders) if (at(next, holder).post !== 'none' && at(next, holder).post !== 'answer') broken(next, holder);
        });
      const own = idOf('local', 0);
      if (bounds.local && state.up) {
        if (!isNamed(state, 'local', own))
          add('an application at the owner asks for a seat', (next) => {
            next.pending.push({ session: own, holder: undefined, linked: true, granted: login(next, own, undefined) });
            if (rules.answers === 'decided') tell(next);
          });
        if (state.rows.has(rowOf(own)) && !state.pending.some(({ session }) => session === own))
          add('the application at the owner ends', (next) => {
            next.here.delete(own);
            release(next, own);
          });
      }
      add('time passes', (next) => {
        for (const of of next.leases.values()) {
          of.until = pass(of.until, tick * OWNER_RATE);
          for (const [id, until] of of.doubtful) of.doubtful.set(id, pass(until, tick * OWNER_RATE));
        }
        for (const { peers } of next.holders)
          for (const peer of peers.values()) {
            if (peer.until !== undefined) peer.until = pass(peer.until, tick * HOLDER_RATE);
            if (peer.sent !== undefined) peer.sent = sentBefore(peer.sent - tick * HOLDER_RATE);
          }
      });
      return found;
    },
    fault(state) {
      const sessions = [...state.rows.keys()].filter((key) => key.includes('/session/')).map((key) => key.slice('1/session/'.length));
      const used = (state.rows.get('1/pool/1.1') as PoolRow | undefined)?.used ?? 0;
      if (used !== sessions.length) return `I1: the pool says ${used} seats in use, and ${sessions.length} sessions have them`;
      if (used > bounds.seats) return `I1: ${used} of ${bounds.seats} seats are out`;
      const using = [...state.here];
      for (const [holder, of] of state.holders.entries()) {
        for (const session of believed(of)) {
          using.push(session);
          if (!sessions.includes(session))
            return `I2: holder ${holder} believes in session ${session.slice(0, 4)}, which the owner does not have`;
        }
      }
      for (const session of state.here)
        if (!sessions.includes(session)) return `I3: the session ${session.slice(0, 4)} at the owner was acknowledged and is lost`;
      return using.length > bounds.seats ? `I1: ${using.length} of ${bounds.seats} seats are used` : undefined;
    },
    show: (state) =>
      `  owner ${state.up ? 'up' : 'down'}, rows ${JSON.stringify([...state.rows.keys()])}, ${state.holders
        .map((of, holder) => `holder ${holder} believes in ${JSON.stringify(believed(of).map((each) => each.slice(0, 4)))}`)
        .join(', ')}`,
  };
  return machine;
};

/** A renewal that was sent about a term ago confirms nothing any more, however long ago it was. */
const sentBefore = (at: number) => mono(at <= -0.98 * LEASE_MS ? -LEASE_MS : at);

const sameRows = (one: ReadonlyMap<string, object>, other: ReadonlyMap<string, object>): boolean =>
  one.size === other.size && [...one].every(([key, row]) => other.get(key) === row);
