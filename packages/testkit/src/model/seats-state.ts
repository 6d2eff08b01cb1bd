import { createHash } from 'node:crypto';
import type { HolderPeer, OwnerHolder } from '@keyhaven/core/lease';
import { SessionSet } from '@keyhaven/core/lease';
import type { Mono } from '@keyhaven/core/time';

// The state of seats-machine.ts: one LM that owns a key, the LMs whose applications use it, and what is on its way between them. All times are
// relative to now, and what is over is over: so the states are finite.

/** A request as the link carries it: everything that was ready, in one POST. */
export type Request = {
  readonly login: string | undefined;
  readonly releases: readonly string[];
  /** The whole list, after a disagreement; undefined = count and digest. */
  readonly list: readonly string[] | undefined;
  readonly count: number;
  readonly digest: Buffer;
};
/** What comes back, in the order in which it was said. */
export type Block =
  | { readonly kind: 'renewed'; readonly agreed: boolean }
  | { readonly kind: 'gone'; readonly sessions: readonly string[] }
  | { readonly kind: 'attached'; readonly session: string }
  | { readonly kind: 'detached'; readonly session: string }
  | { readonly kind: 'refused'; readonly session: string };

/** One POST at a time (link-caller.ts); what a broken link had said may still arrive. */
export type Post = 'none' | 'request' | 'at owner' | 'answer';

export type HolderState = {
  /** `HolderLeases` of this LM: volatile. */
  peers: Map<string, HolderPeer>;
  /** Sessions that it keeps in its own ledger. */
  stored: Set<string>;
  asks: string | undefined;
  /** The question is on its way by this link, which carries it once. */
  asked: boolean;
  releases: Set<string>;
  /** The next request is the list. */
  lists: boolean;
  listed: boolean;
  post: Post;
  request: Request | undefined;
  answer: readonly Block[] | undefined;
  /** A request of a link that broke, still in the network. */
  late: Request | undefined;
  /** The owner has the link by which the last request came. */
  linked: boolean;
  /** Blocks at the owner for this link. */
  outbox: Block[];
};

export type Pending = {
  readonly session: string;
  /** Undefined: an application of the owner's computer. */
  readonly holder: number | undefined;
  /** Whether the link it came by is still there. */
  readonly linked: boolean;
  readonly granted: boolean;
};

export type SeatsState = {
  up: boolean;
  rows: Map<string, object>;
  /** What a crash leaves. */
  durable: Map<string, object>;
  pending: Pending[];
  leases: Map<string, OwnerHolder>;
  /** Local sessions that were acknowledged. */
  here: Set<string>;
  holders: HolderState[];
};

export const OWNER = 'owner';
export const holderName = (holder: number): string => `holder-${holder}`;
/** Ids as random as in the field, so that different sets have different digests. */
const IDS = new Map(
  ['local', 0, 1, 2, 3].map((holder) => [
    holder,
    [0, 1, 2, 3].map((index) => createHash('sha256').update(`${holder} ${index}`).digest('hex').slice(0, 32)),
  ]),
);
export const idOf = (holder: number | 'local', index: number): string => {
  const id = IDS.get(holder)?.[index];
  if (id === undefined) throw new RangeError(`no session ${index} of holder ${holder}`);
  return id;
};
const ROWS = new Map([...IDS.values()].flat().map((id) => [id, `1/session/${id}`]));
export const rowOf = (session: string): string => ROWS.get(session) ?? '';

const copySet = (set: SessionSet): SessionSet => {
  const copy = new SessionSet();
  for (const id of set.ids()) copy.add(id);
  return copy;
};
export const copyState = (state: SeatsState): SeatsState => ({
  up: state.up,
  rows: new Map(state.rows),
  durable: state.durable,
  pending: [...state.pending],
  leases: new Map(
    [...state.leases].map(([name, of]) => [name, { until: of.until, sessions: copySet(of.sessions), doubtful: new Map(of.doubtful) }]),
  ),
  here: new Set(state.here),
  holders: state.holders.map((holder) => ({
    ...holder,
    peers: new Map([...holder.peers].map(([name, of]) => [name, { ...of, sessions: copySet(of.sessions) }])),
    stored: new Set(holder.stored),
    releases: new Set(holder.releases),
    outbox: [...holder.outbox],
  })),
});

const OVER = -1;
/** `by` milliseconds of this clock go by. Nothing asks how long ago something ended. */
export const pass = (at: Mono, by: number): Mono => Math.max(OVER, at - by) as Mono;

/** Where a session may be named: an id that is nowhere is free for a new login. */
export const isNamed = (state: SeatsState, holder: number | 'local', session: string): boolean => {
  const row = state.rows.has(rowOf(session)) || state.durable.has(rowOf(session));
  if (row || state.here.has(session) || state.pending.some((each) => each.session === session)) return true;
  if (holder === 'local') return false;
  const of = state.holders[holder];
  const lease = state.leases.get(holderName(holder));
  if (of === undefined) return false;
  const inRequest = (request: Request | undefined): boolean =>
    request !== undefined && (request.login === session || request.releases.includes(session) || request.list?.includes(session) === true);
  const inBlock = (block: Block): boolean =>
    block.kind === 'gone' ? block.sessions.includes(session) : block.kind !== 'renewed' && block.session === session;
  return (
    of.asks === session ||
    of.stored.has(session) ||
    of.releases.has(session) ||
    of.peers.get(OWNER)?.sessions.has(session) === true ||
    lease?.sessions.has(session) === true ||
    lease?.doubtful.has(session) === true ||
    inRequest(of.request) ||
    inRequest(of.late) ||
    [...of.outbox, ...(of.answer ?? [])].some(inBlock)
  );
};
