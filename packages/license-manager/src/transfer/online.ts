import { fromBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { armor, openStanding, unarmor } from '@keyhaven/core/license';
import type { FileQuestion } from '@keyhaven/core/link';
import { SECOND } from '@keyhaven/core/time';
import { openRecipient, peekH2r } from '@keyhaven/core/transfer';
import type { Peer, Peers } from '../peers/index.ts';
import type { OnlineRow } from './online-rows.ts';
import type { DetachHere, OnlineTransfers, ReturnedHere } from './online-types.ts';
import { isUncertain, type Owner, ownerNow, ownerWith, peerOf } from './owners.ts';
import { createTelling, type Telling, type TellingOptions } from './telling.ts';
import type { Transfers, TransfersOptions } from './types.ts';

// The recipient's side of detaching over the network (docs/decisions/0025-detach-online.md). Promised: the ID is durable before it is asked with, and
// the same wish is asked with the same ID until it is fulfilled, so whatever is lost on the way costs the owner one seat at most.

export type OnlineOptions = TellingOptions &
  Pick<TransfersOptions, 'self' | 'keystore'> & {
    readonly peers: Pick<Peers, 'get' | 'found' | 'all'>;
    readonly transfers: Pick<Transfers, 'recipient' | 'giveBack'>;
    /** Applies the text of a license file. */
    readonly apply: (text: string) => Promise<unknown>;
  };

export type RunningOnlineTransfers = OnlineTransfers & {
  linked(guid: string): void;
  scheduled: Telling['scheduled'];
  close(): void;
};

/** The owner has lent something else to this ID (73): what is wished for never comes with it. */
const isOfNoUse = (refusal: unknown): boolean => refusal instanceof LicensingError && refusal.status === Status.EXTENSION_NOT_ALLOWED;

/** BOUNDED: wishes that nobody knows the end of; the oldest one is given up for another. */
const MAX_ASKED = 64;
const PATIENCE_MS = 10 * SECOND;

type Wanted = {
  readonly owner: Owner;
  readonly product: number;
  readonly seconds: number | undefined;
  readonly seats: number | undefined;
  /** The lent key that is to be extended. */
  readonly child: string | undefined;
};
/** What came of asking; `sure`: the owner has lent nothing to this ID. */
type Answer = { readonly file: Buffer } | { readonly refusal: unknown; readonly sure: boolean };
type LinkWish = Extract<FileQuestion['wish'], { readonly what: 'detach' }>;

/** Work of one name at a time, in the order in which it was asked for. */
const createTurns = () => {
  const last = new Map<string, Promise<unknown>>(); // BOUNDED by requests under way
  return async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const before = last.get(name);
    const turn = (before ?? Promise.resolve()).then(work, work);
    last.set(name, turn);
    try {
      return await turn;
    } finally {
      if (last.get(name) === turn) last.delete(name);
    }
  };
};

export const openOnlineTransfers = (options: OnlineOptions): RunningOnlineTransfers => {
  const { self, keystore, rows, peers, transfers, clock, now, apply, onEvent } = options;
  const telling = createTelling(options);
  const inTurn = createTurns();

  /** The delegation of a lent key here. @throws LicensingError as `Ground.lentKey` */
  const lentHere = (child: string) => {
    const key = keystore.get(child);
    if (key === undefined) keystore.transfers.refuseGone(child);
    if (key === undefined) throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: `No key ${child} is on this computer.` });
    const delegation = key.license?.delegation;
    if (delegation !== undefined) return delegation;
    throw new LicensingError(Status.INV_ACTION, {
      detail: `The license of key ${child} is its own; nothing was detached to this computer with it.`,
    });
  };
  const ownerOf = (child: string, parent: string, byFile: string): Owner => {
    const row = rows.get(child);
    const owner = row === undefined ? ownerWith(peers, parent) : ownerNow(peers, row);
    if (owner !== undefined) return owner;
    throw new LicensingError(Status.INV_ACTION, {
      detail: `The license of key ${child} came by a file, and the license manager that lent it is not in reach.`,
      remedy: `Use a file: ${byFile}`,
    });
  };

  const wantedBy = (wish: DetachHere): Wanted => {
    if ('licenseManager' in wish) {
      const { licenseManager: guid, key, product, duration, seats } = wish;
      if (guid === self.guid)
        throw new LicensingError(Status.INV_RECIPIENT, {
          detail: 'The license manager that is to lend is the one of this computer itself.',
        });
      return { owner: { guid, hostname: '', address: undefined, key }, product, seconds: duration, seats, child: undefined };
    }
    const { key: child, duration } = wish;
    const { parent, product, network, seats } = lentHere(child);
    const owner = ownerOf(child, parent, `keyhaven recipient --key ${child} --out ID, and keyhaven detach on the computer of the owner`);
    return { owner, product, seconds: duration, seats: network ? seats : undefined, child };
  };

  const isOf = (row: OnlineRow, { owner, product, seats }: Wanted): boolean =>
    row.guid === owner.guid && row.key === owner.key && row.product === product && row.network === (seats !== undefined);
  /** The key that was asked for it before, or that has it; a second one would be a second seat. */
  const before = (wanted: Wanted): string | undefined =>
    wanted.child ??
    rows.all().find(([id, row]) => row.state !== 'returned' && isOf(row, wanted) && keystore.transfers.recipient(id) !== undefined)?.[0];

  /** Asks with a fresh key, which is durable then with what it is for. */
  const prepare = async ({ owner, product, seats }: Wanted, { guid, hostname, address }: Peer): Promise<string> => {
    const asked = rows.all().filter(([, { state }]) => state === 'asked');
    const oldest = asked.toSorted(([, a], [, b]) => a.since - b.since)[0];
    if (asked.length >= MAX_ASKED && oldest !== undefined) await rows.drop(oldest[0], []);
    const text = await transfers.recipient({ type: 'sl-adminmode' });
    const child = recipientOf(text);
    const { host, port } = address;
    const row: OnlineRow = {
      state: 'asked',
      guid,
      hostname,
      host,
      port,
      key: owner.key,
      product,
      network: seats !== undefined,
      since: now(),
    };
    await rows.put(child, row, [{ kind: 'detach asked', scope: child, detail: { owner: guid, host: hostname, key: owner.key, product } }]);
    return child;
  };
  /** `known`: this ID was asked with before. */
  const askOf = async (peer: Peer, wish: LinkWish, id: Uint8Array, known: boolean): Promise<Answer> => {
    const linked = peer.state === 'linked';
    try {
      return { file: await peer.askFile(wish, id) };
    } catch (refusal) {
      if (!linked || !(refusal instanceof LicensingError) || refusal.status !== Status.REMOTE_COMM_ERR)
        return { refusal, sure: !known && !isUncertain(refusal) };
    }
    // The link was broken without a word, as where the other one was started again: what is asked twice is done once.
    try {
      return { file: await peer.askFile(wish, id) };
    } catch (refusal) {
      return { refusal, sure: false };
    }
  };

  /** What came is for this key, of the key and of the product that were asked for. */
  const check = (file: Uint8Array, child: string, { owner, product }: Wanted): number => {
    const h2r = peekH2r(file);
    const { delegation } = openStanding(fromBase64(h2r.certificate) ?? new Uint8Array(), fromBase64(h2r.vendorKey) ?? new Uint8Array());
    if (h2r.key === child && h2r.parent === owner.key && delegation?.product === product) return delegation.sequence;
    throw new LicensingError(Status.INV_UPDATE_DATA, {
      detail: 'The other license manager answered with a license that was not asked for.',
    });
  };
  const take = async (file: Uint8Array, child: string, wanted: Wanted): Promise<void> => {
    const sequence = check(file, child, wanted);
    try {
      await apply(armor('H2R', file));
    } catch (error) {
      // The owner said the same again, and it is in force already.
      const inForce = keystore.get(child)?.license?.delegation?.sequence === sequence;
      if (!(inForce && error instanceof LicensingError && error.status === Status.UPDATE_ALREADY_ADDED)) throw error;
    }
  };

  const detach = async (wanted: Wanted) => {
    const peer = peerOf(peers, wanted.owner);
    const known = before(wanted);
    const child = known ?? (await prepare(wanted, peer));
    const { owner, product, seconds, seats } = wanted;
    const id = unarmor(await transfers.recipient({ key: child })).bytes;
    const answer = await askOf(peer, { what: 'detach', key: owner.key, product, seconds, seats }, id, known !== undefined);
    if ('refusal' in answer) {
      if ((answer.sure || isOfNoUse(answer.refusal)) && rows.isAsked(child)) await discard(child);
      throw answer.refusal;
    }
    await take(answer.file, child, wanted);
    const until = keystore.get(child)?.license?.delegation?.until ?? '';
    onEvent({ level: 'info', event: 'detached to this computer', key: child, owner: owner.guid, of: owner.key, product, until });
    return { key: child, product, until, licenseManager: owner.guid };
  };
  /** The owner said no to the first question with this ID, so it has lent nothing to it. */
  const discard = async (child: string): Promise<void> => {
    const { changes, done } = rows.discarding(child);
    await keystore.transfers.discard(child, changes);
    done();
  };

  /** Whoever gives back does not wait for ever; the owner is told all the same. */
  const soon = async (telling: Promise<string | undefined>): Promise<string | undefined> => {
    let cancel = (): void => undefined;
    const patience = new Promise<string>((done) => {
      cancel = clock.after(PATIENCE_MS, () => done('The license manager that lent the license has not answered yet.'));
    });
    return Promise.race([telling, patience]).finally(() => cancel());
  };

  const giveBack = async (child: string): Promise<ReturnedHere> => {
    const gone = keystore.transfers.gone(child);
    const again = gone?.why === 'returned';
    const lent = again ? undefined : lentHere(child);
    const owner = ownerOf(child, lent?.parent ?? gone?.to ?? '', `keyhaven return --key ${child} --out R2H`);
    if (rows.get(child) === undefined) {
      const { guid, hostname, key, address = { host: '', port: 0 } } = owner;
      const at = now();
      // Given back before, and the owner is there: asked once more, it says that it knows.
      const state = again ? { state: 'returned' as const, until: at } : { state: 'lent' as const };
      const of = { guid, hostname, host: address.host, port: address.port, key };
      await rows.put(child, { ...state, ...of, product: lent?.product ?? 0, network: lent?.network ?? false, since: at }, []);
    }
    await transfers.giveBack(child);
    const fault = await soon(telling.tell(child));
    return { key: child, told: fault === undefined, licenseManager: owner.guid, ...(fault === undefined ? {} : { detail: fault }) };
  };

  return {
    async detach(wish) {
      const wanted = wantedBy(wish);
      return inTurn(`${wanted.owner.guid}/${wanted.owner.key}/${wanted.product}`, () => detach(wanted));
    },
    giveBack,
    untold: telling.untold,
    ownerOf(child) {
      const row = rows.get(child);
      return row?.state === 'lent' ? { guid: row.guid, key: row.key } : undefined;
    },
    linked: telling.linked,
    scheduled: telling.scheduled,
    close: telling.close,
  };
};

const recipientOf = (text: string): string => openRecipient(unarmor(text).bytes).key;
