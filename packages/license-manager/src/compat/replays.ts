import { createHash } from 'node:crypto';
import { setImmediate as eventsRead } from 'node:timers/promises';
import { DATE_WINDOW_MS, type SignedRequest } from '@keyhaven/core/compat';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { SECOND, type Wall } from '@keyhaven/core/time';
import type { Delivery } from '../http/route.ts';

// Which signed requests are done, and which are refused as replays (C6). A signature covers neither method nor query and has no nonce, so two programs that
// ask for the same in one second send the same bytes. Each of their requests is done by itself. Only a retry gets the result of another request: the same
// client sends the same bytes at once, because its connection ended before the answer was sent. Later, the same bytes are a replay.

/** How long after the first one an equal request is done: signatures name the second. */
const AT_ONCE_MS = 2 * SECOND;
/** BOUNDED: signatures that are remembered, of all identities and of one. */
const MAX_KEPT = 200_000;
const MAX_OF_ONE = 20_000;
/** BOUNDED: equal requests that are done; what others can read on the network is repeated less often, for an attacker could repeat it. */
const MAX_EQUAL = { sealed: 2_000, open: 64 } as const;

type Done = { delivery: Delivery; readonly client: string; readonly result: Promise<unknown> };
type Kept = {
  readonly identity: string;
  readonly target: string;
  /** The client that sent it first. */
  readonly client: string;
  readonly first: Wall;
  readonly until: number;
  /** BOUNDED by MAX_EQUAL. */
  done: Done[];
  count: number;
};

export type OnceRequest = {
  readonly signed: SignedRequest;
  /** Method and target. */
  readonly target: string;
  /** Nobody on the way can read it. What could be read is another request than the same bytes by TLS: only the latter is answered with a token. */
  readonly sealed: boolean;
  /** What tells one client from another: its address, and what it or its proxy calls it. */
  readonly client: string;
  readonly delivery: Delivery;
};
export type OnceWork<T> = {
  /** Clients other than the first one may send the same bytes: they share an identity, not what the request is for. */
  readonly shared: boolean;
  /** @param ordinal counts the equal requests that were done before */
  run(ordinal: number): Promise<T>;
  /** Whether a retry may be answered with that still. */
  holds(result: T): boolean;
};
export type Replays = {
  /** The result of `work`, or for a retry that of the request that it repeats. @throws LicensingError 88 for a replay, 108 where there are too many */
  once<T>(request: OnceRequest, now: Wall, work: OnceWork<T>): Promise<T>;
  /** Results whose answers were not sent, and that no retry asked for in time: each is told once. `later`: there may be more of them. */
  unclaimed(now: Wall): { readonly results: readonly Promise<unknown>[]; readonly later: boolean };
};

const replayed = (): LicensingError =>
  new LicensingError(Status.IDENTITY_UNAUTHENTICATED, {
    detail: 'A request with this signature was made before, and is not done again.',
    remedy: 'Sign each request anew, with the moment at which it is sent.',
  });
const nameOf = ({ identity, date, signature }: SignedRequest): string =>
  createHash('sha256').update(`${identity} ${date} `).update(signature).digest('base64');

export const createReplays = (): Replays => {
  const kept = new Map<string, Kept>(); // BOUNDED by MAX_KEPT, in the order in which they came
  const counts = new Map<string, number>(); // BOUNDED by identities
  /** Those whose results are still held. BOUNDED likewise. */
  let recent: Kept[] = [];
  let lost: Promise<unknown>[] = [];

  const forgetOld = (now: Wall): void => {
    for (const [name, entry] of kept) {
      // Moments of the future keep their entries a little longer than the order says; those behind them wait for them.
      if (entry.until >= now) break;
      kept.delete(name);
      const left = (counts.get(entry.identity) ?? 0) - 1;
      if (left > 0) counts.set(entry.identity, left);
      else counts.delete(entry.identity);
    }
    const isOver = ({ first }: Kept): boolean => now - first > AT_ONCE_MS;
    if (recent[0] === undefined || !isOver(recent[0])) return;
    for (const entry of recent.filter(isOver)) {
      lost.push(...entry.done.filter(({ delivery }) => delivery.state() === 'lost').map(({ result }) => result));
      entry.done = entry.done.filter(({ delivery }) => delivery.state() === 'pending');
    }
    // What is still on the way is looked at again.
    recent = recent.filter((entry) => !isOver(entry) || entry.done.length > 0);
  };
  const begun = ({ signed, target, client }: OnceRequest, now: Wall): Kept => {
    if (kept.size >= MAX_KEPT || (counts.get(signed.identity) ?? 0) >= MAX_OF_ONE)
      throw new LicensingError(Status.IDENTITY_RATE_LIMIT_EXCEEDED);
    const until = Math.max(now, signed.at) + DATE_WINDOW_MS;
    const entry: Kept = { identity: signed.identity, target, client, first: now, until, done: [], count: 0 };
    kept.set(nameOf(signed), entry);
    counts.set(signed.identity, (counts.get(signed.identity) ?? 0) + 1);
    recent.push(entry);
    return entry;
  };
  const oneOf = (entry: Kept, client: string, state: ReturnType<Delivery['state']>): Done | undefined =>
    entry.done.find((each) => each.client === client && each.delivery.state() === state);

  return {
    async once<T>(request: OnceRequest, now: Wall, { shared, run, holds }: OnceWork<T>): Promise<T> {
      forgetOld(now);
      const { signed, client, delivery, sealed } = request;
      const target = `${request.target}${sealed ? ' sealed' : ''}`;
      const entry = kept.get(nameOf(signed)) ?? begun({ ...request, target }, now);
      if (entry.target !== target || now - entry.first > AT_ONCE_MS) throw replayed();
      if (!shared && entry.client !== client) throw replayed();
      // The end of the first connection may be among the events that came with this request.
      if (oneOf(entry, client, 'pending') !== undefined) await eventsRead();
      for (let of = oneOf(entry, client, 'lost'); of !== undefined; of = oneOf(entry, client, 'lost')) {
        of.delivery = delivery; // Taken: no third request gets it, unless this one is lost, too.
        // Of the same target, so of the same kind. What was refused is asked for anew.
        const result = (await of.result.catch(() => undefined)) as T | undefined;
        if (result !== undefined && holds(result)) return result;
        const over = of;
        entry.done = entry.done.filter((each) => each !== over);
      }
      if (entry.count >= MAX_EQUAL[sealed ? 'sealed' : 'open'])
        throw new LicensingError(Status.IDENTITY_RATE_LIMIT_EXCEEDED, {
          detail: `${entry.count} equal requests came within one second.`,
          remedy: 'Send clientInfo.processId, so that the requests of two processes differ, or try again in a second.',
        });
      const result = run(entry.count);
      entry.count += 1;
      entry.done.push({ client, delivery, result });
      return result;
    },
    unclaimed(now) {
      forgetOld(now);
      const results = lost;
      lost = [];
      return { results, later: recent.length > 0 };
    },
  };
};
