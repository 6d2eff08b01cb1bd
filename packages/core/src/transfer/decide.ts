import { Status, type StatusCode } from '../errors/index.ts';
import { type Certificate, delegatedFeatures, type Feature, longestDetach } from '../license/index.ts';
import { EMPTY_POOL, type PoolId, type PoolRow, poolRowKey, type SeatDecision, type SeatRows } from '../seats/index.ts';
import { DAY, SECOND, type Wall } from '../time/index.ts';
import { detachEnd, faultOfIdAge } from './detach-end.ts';
import { type DetachTerms, reservedOf } from './detach-rules.ts';
import {
  type DetachRow,
  detachRowKey,
  type GoneRow,
  goneRowKey,
  NO_TRANSFERS,
  type Reserved,
  type To,
  type TransferRow,
  transferRowKey,
} from './rows.ts';

// The rules of lending and moving (K5), pure, in one decision each. Promised, whatever is lost, repeated, late or applied twice:
// - seats that are out are in `used` of their pools from before the first file exists until the recipient can no longer grant them;
// - what a key gives back or moves away it no longer has when the file that says so exists;
// - repeating any of it changes nothing twice.
// The decisions answer with what to write; making and reading the files is in the other parts of this module.

type Change = { readonly key: `${string}/${string}/${string}`; readonly row: object | undefined };

export type Detach = {
  readonly key: string;
  /** What the key may do now. */
  readonly certificate: Certificate;
  readonly product: number;
  readonly to: To;
  /** Seats to serve over a network there; undefined = one seat for the recipient alone. */
  readonly seats: number | undefined;
  readonly durationMs: number;
  readonly maxMs: number;
  /** Milliseconds that the owner has run in all (core/license-clock). */
  readonly counted: number;
  /** Seats of a feature that rules keep for others (R9); absent = none. */
  readonly keptFrom?: (feature: number) => number;
  /** Seats that stay for logins here and are never lent; absent = none. */
  readonly stay?: DetachTerms;
  /** The recipients of the copies of this key that are out; needed with `stay`. */
  readonly others?: readonly string[];
};
export type DetachReply =
  | { readonly kind: 'detached'; readonly detached: DetachRow; readonly repeated: boolean }
  | { readonly kind: 'refused'; readonly status: StatusCode; readonly detail: string; readonly remedy?: string };

const isLimited = (feature: Feature): boolean => feature.concurrency.seats !== 'unlimited';
const lent = (certificate: Certificate, product: number): readonly Feature[] | undefined => {
  const found = certificate.products.find(({ id }) => id === product);
  return found === undefined ? undefined : delegatedFeatures(found);
};

const poolOf = (key: string, product: number, feature: number): PoolId => ({ key, product, feature });

/** The rows that `decideDetach` reads. */
export const detachRows = ({ key, certificate, product, to, others = [] }: Detach): `${string}/${string}/${string}`[] => [
  transferRowKey(key),
  goneRowKey(key),
  detachRowKey(key, to.key),
  ...others.filter((child) => child !== to.key).map((child) => detachRowKey(key, child)),
  ...(lent(certificate, product) ?? []).filter(isLimited).map(({ id }) => poolRowKey(poolOf(key, product, id))),
];

export const decideDetach = (rows: SeatRows, command: Detach, now: Wall): SeatDecision<DetachReply> => {
  const { key, certificate, product, to } = command;
  const network = command.seats !== undefined;
  const seats = command.seats ?? 1;
  const about = { product, recipient: to.key, guid: to.guid, host: to.host, seats, network };
  const refuse = (status: StatusCode, detail: string, remedy?: string): SeatDecision<DetachReply> => ({
    changes: [],
    audit: [{ kind: 'detach refused', scope: key, detail: { ...about, status, cause: detail } }],
    reply: { kind: 'refused', status, detail, ...(remedy === undefined ? {} : { remedy }) },
  });
  /** Seats of a feature that others have already. */
  const lentOf = (feature: number): number => {
    let sum = 0;
    for (const child of new Set(command.others)) {
      const copy = child === to.key ? undefined : rows.get<DetachRow>(detachRowKey(key, child));
      if (copy?.product === product) sum += copy.reserved.find((each) => each.feature === feature)?.seats ?? 0;
    }
    return sum;
  };

  if (rows.get<GoneRow>(goneRowKey(key)) !== undefined)
    return refuse(Status.LICENSE_REHOSTED, 'The key was moved to another computer or given back.');
  const features = lent(certificate, product);
  if (features === undefined) return refuse(Status.INV_PRODUCT, `The key has no product ${product}.`);
  if (features.length === 0) return refuse(Status.NO_DETACHABLE_FEATURE, `No feature of product ${product} may be detached from this key.`);
  if (to.virtualMachine && features.some(({ concurrency }) => !concurrency.virtualMachine)) {
    return refuse(Status.DETACH_DISABLED, 'The recipient is a virtual machine, and the product may not run on one.');
  }
  const limited = features.filter(isLimited);
  if (network && limited.length === 0) return refuse(Status.NETWORK_DETACH_DISABLED, 'The product has no feature with limited seats.');

  const existing = rows.get<DetachRow>(detachRowKey(key, to.key));
  const { durationMs } = command;
  const byVendor = longestDetach(features);
  const maxMs = Math.min(command.maxMs, byVendor);
  if (!(durationMs >= SECOND && durationMs <= maxMs)) {
    return refuse(
      Status.INV_DURATION,
      `The duration must be from 1 second to ${Math.floor(maxMs / SECOND)} seconds (${Math.floor(maxMs / DAY)} days)${byVendor < command.maxMs ? ', as the vendor of the license says' : ''}.`,
    );
  }
  const until = now + durationMs;
  const clocks = { from: now, created: Date.parse(to.created), counted: command.counted };
  const old = faultOfIdAge(clocks, existing);
  if (old !== undefined) return refuse(old.status, old.detail, old.remedy);
  if (existing !== undefined) {
    if (existing.product !== product)
      return refuse(Status.EXTENSION_NOT_ALLOWED, `This recipient has product ${existing.product}; another product needs another ID.`);
    if (existing.network !== network)
      return refuse(Status.EXTENSION_NOT_ALLOWED, 'An extension cannot change whether the seats may be used over a network.');
    if (seats < existing.seats)
      return refuse(Status.INV_NETWORK_SEATS, `${existing.seats} seats are detached; an extension can only add to them.`);
    if (until < existing.until)
      return refuse(Status.INV_DURATION, `The license is detached until ${new Date(existing.until).toISOString()} already.`);
  }

  const before = new Map(existing?.reserved.map((each) => [each.feature, each.seats]));
  const after = new Map(before);
  const changes: Change[] = [];
  for (const { id, name, concurrency } of limited) {
    const has = before.get(id) ?? 0;
    const more = Math.max(0, seats - has);
    const poolKey = poolRowKey(poolOf(key, product, id));
    const row = rows.get<PoolRow>(poolKey) ?? EMPTY_POOL;
    const limit = concurrency.seats === 'unlimited' ? Number.POSITIVE_INFINITY : concurrency.seats;
    const stay = more > 0 && command.stay !== undefined ? reservedOf(command.stay, limit) : 0;
    if (stay > 0 && lentOf(id) + has + more > limit - stay) {
      return refuse(
        Status.TOO_MANY_USERS,
        `${stay} of ${limit} seats of feature ${id} (${name}) stay for logins here, ${lentOf(id) + has} are detached and ${more} more are needed.`,
        'Detach fewer seats, wait until some come back, or ask the administrator, who may lower detach.reservedSeats and detach.reservedPercent, or those of the product.',
      );
    }
    const kept = more > 0 ? (command.keptFrom?.(id) ?? 0) : 0;
    if (kept > 0 && row.used + more > limit - kept) {
      return refuse(
        Status.TOO_MANY_USERS,
        `${row.used} of ${limit} seats of feature ${id} (${name}) are in use and ${kept} are reserved for others.`,
      );
    }
    if (row.used + more > limit || seats > limit) {
      return refuse(
        Status.TOO_MANY_USERS,
        `${row.used} of ${limit} seats of feature ${id} (${name}) are in use and ${more} more are needed.`,
      );
    }
    after.set(id, has + more);
    if (more > 0) changes.push({ key: poolKey, row: { ...row, used: row.used + more } satisfies PoolRow });
  }
  if (existing !== undefined && until === existing.until && seats === existing.seats && changes.length === 0) {
    return { changes: [], audit: [], reply: { kind: 'detached', detached: existing, repeated: true } };
  }

  const state = rows.get<TransferRow>(transferRowKey(key)) ?? NO_TRANSFERS;
  const sequence = state.sequence + 1;
  const reserved: Reserved[] = [...after].map(([feature, of]) => ({ feature, seats: of }));
  const detached: DetachRow = {
    ...{ product, reserved, seats, network, from: now, until, sequence, guid: to.guid, host: to.host },
    ...detachEnd({ ...clocks, until }, existing),
  };
  changes.push(
    { key: detachRowKey(key, to.key), row: detached },
    { key: transferRowKey(key), row: { ...state, sequence, out: state.out + (existing === undefined ? 1 : 0) } satisfies TransferRow },
  );
  const detail = { ...about, sequence, until: new Date(until).toISOString(), extended: existing !== undefined };
  return { changes, audit: [{ kind: 'detached', scope: key, detail }], reply: { kind: 'detached', detached, repeated: false } };
};

export type Leave = {
  readonly key: string;
  readonly gone: GoneRow;
  /** Rows of the key that go with it: its private key, its license, its memory. */
  readonly erased: readonly `${string}/${string}/${string}`[];
};
export type LeaveReply =
  | { readonly kind: 'gone'; readonly gone: GoneRow; readonly repeated: boolean }
  | { readonly kind: 'refused'; readonly status: StatusCode; readonly detail: string };

export const leaveRows = ({ key }: Pick<Leave, 'key'>): `${string}/${string}/${string}`[] => [transferRowKey(key), goneRowKey(key)];

/** A key is given back or moves away. The file that says so is in the row, and may be handed out once this is durable. */
export const decideLeave = (rows: SeatRows, command: Leave): SeatDecision<LeaveReply> => {
  const { key, gone, erased } = command;
  const before = rows.get<GoneRow>(goneRowKey(key));
  if (before !== undefined) {
    // The same again, because its file was lost: the first one counts. To anybody else it is gone.
    const same = before.why === gone.why && before.to === gone.to;
    if (same) return { changes: [], audit: [], reply: { kind: 'gone', gone: before, repeated: true } };
    return refused(key, Status.LICENSE_REHOSTED, `The key was ${before.why} at ${new Date(before.at).toISOString()}.`);
  }
  const state = rows.get<TransferRow>(transferRowKey(key)) ?? NO_TRANSFERS;
  if (state.out > 0)
    return refused(key, Status.DETACHED_LICENSE_FOUND, `${state.out} detached ${state.out === 1 ? 'copy is' : 'copies are'} out.`);
  const changes: Change[] = [
    ...erased.map((row) => ({ key: row, row: undefined })),
    { key: goneRowKey(key), row: gone },
    { key: transferRowKey(key), row: { ...state, rehosts: gone.why === 'rehosted' ? gone.number : state.rehosts } satisfies TransferRow },
  ];
  const detail = { why: gone.why, to: gone.to, number: gone.number };
  return { changes, audit: [{ kind: `key ${gone.why}`, scope: key, detail }], reply: { kind: 'gone', gone, repeated: false } };
};
const refused = (key: string, status: StatusCode, detail: string): SeatDecision<LeaveReply> => ({
  changes: [],
  audit: [{ kind: 'transfer refused', scope: key, detail: { status, cause: detail } }],
  reply: { kind: 'refused', status, detail },
});

export type Arrive = {
  readonly key: string;
  readonly move: { readonly rehosts: number; readonly sequence: number };
  /** The key, its license, its counts and its memory. */
  readonly written: readonly Change[];
  /** The row that says that the key is here and holds a license. */
  readonly present: `${string}/${string}/${string}`;
};
export type ArriveReply = { readonly kind: 'arrived' } | { readonly kind: 'refused'; readonly status: StatusCode; readonly detail: string };

export const arriveRows = ({ key, present }: Pick<Arrive, 'key' | 'present'>): `${string}/${string}/${string}`[] => [
  transferRowKey(key),
  goneRowKey(key),
  present,
];

/** A whole key comes from another computer. */
export const decideArrive = (rows: SeatRows, command: Arrive): SeatDecision<ArriveReply> => {
  const { key, move, written, present } = command;
  const refuse = (status: StatusCode, detail: string): SeatDecision<ArriveReply> => ({
    changes: [],
    audit: [{ kind: 'transfer refused', scope: key, detail: { status, cause: detail } }],
    reply: { kind: 'refused', status, detail },
  });
  const state = rows.get<TransferRow>(transferRowKey(key)) ?? NO_TRANSFERS;
  const here = rows.get(present) !== undefined;
  if (move.rehosts <= state.rehosts) {
    return here && move.rehosts === state.rehosts
      ? refuse(Status.UPDATE_ALREADY_ADDED, 'This move of the key was applied here before.')
      : refuse(Status.REHOST_ALREADY_APPLIED, `The key has moved ${state.rehosts} times, and this is its move ${move.rehosts}.`);
  }
  const changes: Change[] = [
    ...written,
    { key: goneRowKey(key), row: undefined },
    {
      key: transferRowKey(key),
      row: { sequence: Math.max(state.sequence, move.sequence), out: 0, rehosts: move.rehosts } satisfies TransferRow,
    },
  ];
  return { changes, audit: [{ kind: 'key arrived', scope: key, detail: { rehosts: move.rehosts } }], reply: { kind: 'arrived' } };
};
