import { fromBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { MINUTE, type Mono, mono, SECOND, type Wall } from '@keyhaven/core/time';
import { MAX_ID_AGE_MS } from '@keyhaven/core/transfer';
import type { Keystore } from '../keystore/index.ts';
import type { Peers } from '../peers/index.ts';
import type { OnlineRows } from './online-rows.ts';
import type { UntoldReturn } from './online-types.ts';
import { ownerIn, peerOf } from './owners.ts';
import type { TransfersOptions } from './types.ts';

// Licenses that were given back here: their owners are told until they have heard it, over restarts too. Told is what the owner took, knows of nothing
// (65), or has back by itself. An owner that was off for a while, or has a wrong clock, waits longer than to the end, so it is told for a month more.

export type Telling = {
  /** Tells it now. undefined = the owner knows; else why it does not yet. Never rejects. */
  tell(child: string): Promise<string | undefined>;
  /** The license manager of this GUID is linked. */
  linked(guid: string): void;
  untold(): readonly UntoldReturn[];
  /** When somebody is told again, and where. */
  scheduled(): { readonly kind: 'exchange'; readonly to: string; readonly due: Mono }[];
  close(): void;
};

export type TellingOptions = Pick<TransfersOptions, 'clock' | 'onEvent'> & {
  readonly keystore: Pick<Keystore, 'transfers'>;
  readonly rows: OnlineRows;
  readonly peers: Pick<Peers, 'get' | 'found'>;
  /** License time. */
  readonly now: () => Wall;
};

/** Pauses after which an owner is told again; the last one goes on. One that comes back is told at once. */
const PAUSES = [15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE] as const;
const LONGEST = 5 * MINUTE;
/** So long after the end; a clock that jumps ahead does not shorten it. */
const GIVE_UP_MS = MAX_ID_AGE_MS;
/** What the owner itself refused is not told again whenever its link says something. */
const REFUSED = LONGEST;

type Attempts = { readonly count: number; readonly due: Mono; readonly refused: boolean; readonly fault: string | undefined };

export const createTelling = ({ clock, keystore, rows, peers, now, onEvent }: TellingOptions): Telling => {
  const attempts = new Map<string, Attempts>(); // BOUNDED by the rows
  const underWay = new Map<string, Promise<string | undefined>>(); // BOUNDED likewise
  let closed = false;
  let cancel = (): void => undefined;

  const waiting = () => rows.all().filter(([, { state }]) => state === 'returned');
  const settle = async (child: string, how: string, guid: string): Promise<undefined> => {
    await rows.drop(child, [{ kind: 'return told', scope: child, detail: { owner: guid, how } }]);
    attempts.delete(child);
    onEvent({ level: 'info', event: 'the owner knows of a license that was given back', key: child, owner: guid, how });
    return undefined;
  };
  const attempt = async (child: string): Promise<string | undefined> => {
    const [row, gone] = [rows.get(child), keystore.transfers.gone(child)];
    if (row?.state !== 'returned' || gone === undefined) return undefined;
    if (row.until !== undefined && Math.min(now(), clock.wall()) > row.until + GIVE_UP_MS)
      return settle(child, 'its time is over', row.guid);
    try {
      await peerOf(peers, ownerIn(row)).askFile({ what: 'return' }, fromBase64(gone.document) ?? new Uint8Array());
      return await settle(child, 'told', row.guid);
    } catch (error) {
      if (error instanceof LicensingError && error.status === Status.UPDATE_ALREADY_ADDED) return settle(child, 'back already', row.guid);
      const fault = error instanceof LicensingError ? (error.detail ?? error.message) : String(error);
      const refused = error instanceof LicensingError && error.status !== Status.REMOTE_COMM_ERR;
      const count = (attempts.get(child)?.count ?? 0) + 1;
      const pause = refused ? REFUSED : (PAUSES[count - 1] ?? LONGEST);
      attempts.set(child, { count, due: mono(clock.mono() + pause), refused, fault });
      if (count === 1 || refused)
        onEvent({ level: 'warn', event: 'the owner of a license that was given back is not told yet', key: child, owner: row.guid, fault });
      return fault;
    }
  };
  const tell = (child: string): Promise<string | undefined> => {
    const running = underWay.get(child);
    if (running !== undefined) return running;
    const telling = attempt(child)
      .catch(() => {
        // The disk refused to forget it: the owner is told once more, and says that it knows.
        const fault = 'The disk refused to write it down.';
        attempts.set(child, { count: 1, due: mono(clock.mono() + LONGEST), refused: false, fault });
        return fault;
      })
      .finally(() => {
        underWay.delete(child);
        schedule();
      });
    underWay.set(child, telling);
    return telling;
  };
  const dueOf = (child: string): Mono => attempts.get(child)?.due ?? mono(clock.mono());
  const turn = (): void => {
    for (const [child] of waiting()) if (dueOf(child) <= clock.mono()) void tell(child);
    schedule();
  };
  function schedule(): void {
    cancel();
    cancel = () => undefined;
    const due = waiting().flatMap(([child]) => (underWay.has(child) ? [] : [dueOf(child)]));
    if (!closed && due.length > 0) cancel = clock.after(Math.max(SECOND, Math.min(...due) - clock.mono()), turn);
  }
  schedule();

  return {
    tell,
    linked(guid) {
      for (const [child, row] of waiting()) if (row.guid === guid && attempts.get(child)?.refused !== true) void tell(child);
    },
    untold: () =>
      waiting().map(([key, { key: ownerKey, product, guid, hostname, since, until = since }]) => {
        const fault = attempts.get(key)?.fault;
        return {
          key,
          ownerKey,
          product,
          licenseManager: { guid, ...(hostname === '' ? {} : { hostname }) },
          since: new Date(since).toISOString(),
          until: new Date(until).toISOString(),
          ...(fault === undefined ? {} : { lastFault: fault }),
        };
      }),
    scheduled: () => waiting().map(([child, { host }]) => ({ kind: 'exchange', to: host, due: dueOf(child) })),
    close() {
      closed = true;
      cancel();
    },
  };
};
