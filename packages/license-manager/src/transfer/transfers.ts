import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { armor, type DocumentKind, type KeyType, openStanding, type Secrets, unarmor } from '@keyhaven/core/license';
import type { LmIdentity } from '@keyhaven/core/link';
import { EMPTY_POOL } from '@keyhaven/core/seats';
import {
  DEFAULT_DETACH_MS,
  DETACH_MARGIN_MS,
  type Detach,
  type DetachRow,
  decideDetach,
  decideReattach,
  detachRows,
  faultOfMoving,
  faultOfReceiving,
  type GoneRow,
  lendingDocument,
  type Moved,
  movingDocument,
  NO_TRANSFERS,
  openLending,
  openMoving,
  openRecipient,
  openReturning,
  peekH2h,
  peekH2r,
  peekR2h,
  type Reattach,
  type ReattachReply,
  type Recipient,
  reattachRows,
  recipientDocument,
  returningDocument,
  type TransferRow,
  transferRowKey,
  type Usage,
} from '@keyhaven/core/transfer';
import { type Clock, DAY, MINUTE, SECOND, wall } from '@keyhaven/core/time';
import type { Ledger, RowKey } from '@keyhaven/ledger';
import type { Authority } from '../authority/index.ts';
import { type Key, type Keystore, READ_ONLY_FILE, READ_WRITE_FILE } from '../keystore/index.ts';
import { usageOf } from './usage.ts';

// Licenses that go from computer to computer (K5): joins the decisions of core/transfer to the ledger, the keys and the sessions of this LM.
// Promised: the ledger is durable before a file exists; a key that leaves has no session left; what is over comes back by itself.
// Not here: who may ask. The faces ask `mayDetach`, and the gate of HTTP stands before administration (S7).

export type TransferSettings = {
  /** undefined: administrators may detach, applications may not; false: nobody; true: both. */
  readonly enabled: boolean | undefined;
  readonly maxDays: number;
};

export type DetachWish = {
  readonly key: string;
  readonly product: number;
  /** Text of the ID. */
  readonly recipient: string;
  /** undefined = a day. */
  readonly seconds?: number | undefined;
  /** Seats to serve over a network there; undefined = one, for the recipient alone. */
  readonly seats?: number | undefined;
  readonly by: 'administrator' | 'application';
};

/** A copy that is out. */
export type DetachedCopy = Omit<DetachRow, 'reserved' | 'from' | 'until'> & {
  readonly key: string;
  readonly recipient: string;
  readonly from: string;
  readonly until: string;
};
export type AppliedTransfer = { readonly key: Key; readonly added: boolean };

export type Transfers = {
  /** Text of an ID: of a fresh key of this computer, or of one that has a lent license and is to have it longer. */
  recipient(of: { readonly type: KeyType } | { readonly key: string }): Promise<string>;
  /** Text of an H2R. */
  detach(wish: DetachWish): Promise<string>;
  /** Text of an R2H. */
  giveBack(key: string): Promise<string>;
  /** Text of an H2H. */
  rehost(key: string, recipient: string): Promise<string>;
  apply(kind: 'H2R' | 'R2H' | 'H2H', document: Uint8Array): Promise<AppliedTransfer>;
  detached(): readonly DetachedCopy[];
  close(): void;
};

export type TransfersOptions = {
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly ledger: Ledger;
  readonly keystore: Keystore;
  readonly authority: Authority;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly settings: TransferSettings;
  readonly virtualMachine: () => Promise<boolean>;
  /** A key went away. */
  readonly onGone: (key: string) => void;
  readonly onEvent: (event: { readonly level: 'info' | 'warn'; readonly event: string; readonly [detail: string]: unknown }) => void;
};

export const DEFAULT_TRANSFER_SETTINGS: TransferSettings = { enabled: undefined, maxDays: 14 };

const refusal = ({ status, detail }: { readonly status: StatusCode; readonly detail: string }): LicensingError => new LicensingError(status, { detail });

export const openTransfers = async (options: TransfersOptions): Promise<Transfers> => {
  const { self, hostname, ledger, keystore, authority, clock, entropy, settings, onEvent } = options;
  /** Copies that are out, by the key that lent them and the key that got them. BOUNDED by the seats of the keys here. */
  const out = new Map<string, { readonly key: string; readonly child: string; readonly row: DetachRow }>();
  const nameOf = (key: string, child: string): string => `${key} ${child}`;
  for await (const [name, row] of ledger.scan<DetachRow>('')) {
    const [key = '', kind, child = ''] = name.split('/');
    if (kind === 'detach') out.set(nameOf(key, child), { key, child, row });
  }

  const keyHere = (id: string): Key => {
    const key = keystore.get(id);
    if (key === undefined) keystore.transfers.refuseGone(id);
    if (key === undefined) throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: `No key ${id} is on this computer.` });
    if (key.damage !== undefined) throw new LicensingError(Status.STORAGE_CORRUPT, { detail: `Key ${id}: ${key.damage}.` });
    return key;
  };
  const licensedKey = (id: string) => {
    const key = keyHere(id);
    if (key.license === undefined) throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: `Key ${id} has no license yet.` });
    return { ...key, license: key.license };
  };
  const recipientIn = (text: string): Recipient => {
    let found: { readonly kind: DocumentKind; readonly bytes: Uint8Array };
    try {
      found = unarmor(text);
    } catch (cause) {
      throw new LicensingError(Status.INV_RECIPIENT, { detail: 'The recipient is no ID file.', cause });
    }
    if (found.kind !== 'ID') throw new LicensingError(Status.INV_RECIPIENT, { detail: `The recipient is a ${found.kind}, not an ID.` });
    const recipient = openRecipient(found.bytes);
    if (recipient.guid === self.guid) throw new LicensingError(Status.INV_RECIPIENT, { detail: 'The recipient is this computer itself.' });
    return recipient;
  };
  const stateOf = (id: string): Promise<TransferRow> =>
    ledger.update([transferRowKey(id)], (rows) => ({ changes: [], audit: [], reply: rows.get<TransferRow>(transferRowKey(id)) ?? NO_TRANSFERS }));
  const refuseWhileOut = async (id: string): Promise<void> => {
    const { out: copies } = await stateOf(id);
    if (copies > 0) throw new LicensingError(Status.DETACHED_LICENSE_FOUND, { detail: `${copies} detached ${copies === 1 ? 'copy is' : 'copies are'} out.` });
  };
  const now = () => wall(Math.max(clock.wall(), authority.time()));

  /** A decision that changes pools: the count of used seats follows it, also where the disk refuses it. */
  const decide = async <T>(id: string, rows: readonly RowKey[], run: Parameters<typeof ledger.update<T>>[1]): Promise<T> => {
    try {
      return await ledger.update<T>(rows, (view, at) => {
        const decision = run(view, wall(Math.max(at, authority.time())));
        authority.decided(id, decision.changes);
        return decision;
      });
    } catch (error) {
      const pools = rows.filter((row) => row.includes('/pool/'));
      ledger
        .update(pools, (view) => ({ changes: [], audit: [], reply: pools.map((key) => ({ key, row: view.get(key) ?? EMPTY_POOL })) }))
        .then((found) => authority.decided(id, found))
        .catch(() => undefined);
      throw error;
    }
  };

  const reattach = async (key: string, child: string, cause: Reattach['cause']): Promise<ReattachReply['kind']> => {
    for (;;) {
      const command: Reattach = { key, child, known: out.get(nameOf(key, child))?.row, cause };
      const reply = await decide<ReattachReply>(key, reattachRows(command), (rows, at) => decideReattach(rows, command, at));
      if (reply.kind === 'stale') {
        out.set(nameOf(key, child), { key, child, row: reply.row });
        continue;
      }
      if (reply.kind !== 'early') out.delete(nameOf(key, child));
      if (reply.kind === 'free') onEvent({ level: 'info', event: 'detached license is back', key, recipient: child, cause });
      return reply.kind;
    }
  };

  let closed = false;
  const sweep = (): void => {
    if (closed) return;
    const at = now();
    for (const { key, child, row } of out.values()) {
      // What the disk refuses is tried again by the next sweep.
      if (at > row.until + DETACH_MARGIN_MS && keystore.get(key)?.damage === undefined) reattach(key, child, 'ended').catch(() => undefined);
    }
    cancel = clock.after(MINUTE, sweep);
  };
  let cancel = clock.after(SECOND, sweep);

  const contents = (key: Key): Pick<Secrets, 'readOnly' | 'readWrite'> => {
    const [readOnly, readWrite] = [key.memory.get(READ_ONLY_FILE), key.memory.get(READ_WRITE_FILE)];
    return { ...(readOnly === undefined ? {} : { readOnly: toBase64(readOnly) }), ...(readWrite === undefined ? {} : { readWrite: toBase64(readWrite) }) };
  };

  const receive = async (document: Uint8Array): Promise<AppliedTransfer> => {
    const h2r = peekH2r(document);
    const gone = keystore.transfers.gone(h2r.key);
    const recipient = keystore.transfers.recipient(h2r.key);
    if (gone !== undefined) {
      const { delegation } = openStanding(fromBase64(h2r.certificate) ?? new Uint8Array(), fromBase64(h2r.vendorKey) ?? new Uint8Array());
      const [sequence, until] = [delegation?.sequence ?? 0, wall(Date.parse(delegation?.until ?? ''))];
      const fault = faultOfReceiving({ child: h2r.key, parent: h2r.parent, sequence, until, held: undefined }, gone, now());
      if (fault !== undefined) throw refusal(fault);
    }
    if (recipient === undefined)
      throw new LicensingError(Status.UNKNOWN_RECIPIENT, { detail: `The license is for recipient ${h2r.key}, which is not on this computer.` });
    const lent = openLending(document, recipient);
    const added = keystore.get(h2r.key) === undefined;
    const key = await authority.exclusively(h2r.key, 'keep', () => keystore.transfers.receive(lent, () => authority.time()));
    onEvent({ level: 'info', event: 'detached license received', key: key.identity.id, from: h2r.parent, until: lent.standing.delegation?.until });
    return { key, added };
  };

  const takeBack = async (document: Uint8Array): Promise<AppliedTransfer> => {
    const owner = keyHere(peekR2h(document).parent);
    const { child } = openReturning(document, owner.identity);
    const kind = await reattach(owner.identity.id, child, 'returned');
    if (kind === 'unknown') throw new LicensingError(Status.UPDATE_ALREADY_ADDED, { detail: 'The license is back already: it was given back before, or its time is over.' });
    return { key: owner, added: false };
  };

  const arrive = async (document: Uint8Array): Promise<AppliedTransfer> => {
    const h2h = peekH2h(document);
    const recipient = keystore.transfers.recipient(h2h.recipient);
    if (recipient === undefined) {
      const { rehosts } = await stateOf(h2h.key);
      if (h2h.rehosts > rehosts) throw new LicensingError(Status.UNKNOWN_RECIPIENT, { detail: `The key is for recipient ${h2h.recipient}, which is not on this computer.` });
      const here = keystore.get(h2h.key) !== undefined && h2h.rehosts === rehosts;
      throw here
        ? new LicensingError(Status.UPDATE_ALREADY_ADDED, { detail: 'This move of the key was applied here before.' })
        : new LicensingError(Status.REHOST_ALREADY_APPLIED, { detail: `The key has moved ${rehosts} times, and this is its move ${h2h.rehosts}.` });
    }
    const arrival = openMoving(document, recipient);
    const key = await authority.exclusively(h2h.key, 'end', () => keystore.transfers.arrive(arrival));
    onEvent({ level: 'info', event: 'key arrived', key: h2h.key, moves: h2h.rehosts });
    return { key, added: true };
  };

  const detach: Transfers['detach'] = async (wish) => {
    const { enabled, maxDays } = settings;
    if (enabled === false || (enabled === undefined && wish.by === 'application')) {
      throw new LicensingError(Status.ACCESS_DENIED, {
        detail: enabled === false ? 'Detaching is off.' : 'Detaching by applications is off.',
        remedy: 'Ask the administrator of the license manager, who may set detach.enabled = true.',
      });
    }
    const to = recipientIn(wish.recipient);
    return authority.exclusively(wish.key, 'keep', async () => {
      const key = licensedKey(wish.key);
      const command: Detach = {
        key: wish.key,
        certificate: key.license.certificate,
        product: wish.product,
        to,
        seats: wish.seats,
        durationMs: wish.seconds === undefined ? DEFAULT_DETACH_MS : wish.seconds * SECOND,
        maxMs: maxDays * DAY,
      };
      const reply = await decide(wish.key, detachRows(command), (rows, at) => decideDetach(rows, command, at));
      if (reply.kind === 'refused') throw refusal(reply);
      const { detached } = reply;
      out.set(nameOf(wish.key, to.key), { key: wish.key, child: to.key, row: detached });
      onEvent({ level: 'info', event: 'detached', key: wish.key, product: wish.product, recipient: to.key, host: to.host, until: new Date(detached.until).toISOString() });
      const secrets: Secrets = { features: key.license.secrets, ...contents(key) };
      return armor('H2R', lendingDocument({ identity: key.identity, shown: key.license.document, secrets }, detached, to, entropy));
    });
  };

  /** The file of a key that is gone may be asked for again: the first one may be lost. */
  const again = (gone: GoneRow, kind: 'R2H' | 'H2H'): string => armor(kind, fromBase64(gone.document) ?? new Uint8Array());

  return {
    async recipient(of) {
      const key = 'key' in of ? keystore.transfers.recipient(of.key) : await keystore.transfers.fresh(of.type, clock.wall());
      if (key === undefined) throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: 'No detached license with this key is on this computer.' });
      return armor('ID', recipientDocument(key, self, { name: hostname, virtualMachine: await options.virtualMachine() }, clock.wall()));
    },
    detach,
    async giveBack(id) {
      const before = keystore.transfers.gone(id);
      if (before?.why === 'returned') return again(before, 'R2H');
      // Before its sessions end; the decision itself looks again.
      await refuseWhileOut(id);
      return authority.exclusively(id, 'end', async () => {
        const { identity, license } = licensedKey(id);
        const { delegation } = license;
        if (delegation === undefined) throw new LicensingError(Status.INV_ACTION, { detail: `The license of key ${id} is its own; nothing was detached to this computer with it.` });
        const at = now();
        const document = returningDocument(identity, license.document, delegation.parent, at);
        const gone: GoneRow = { why: 'returned', at, vendor: identity.vendor, document: toBase64(document), number: delegation.sequence, to: delegation.parent };
        const left = await keystore.transfers.leave(id, gone);
        onEvent({ level: 'info', event: 'license given back', key: id, to: delegation.parent });
        options.onGone(id);
        return again(left, 'R2H');
      });
    },
    async rehost(id, text) {
      const to = recipientIn(text);
      const before = keystore.transfers.gone(id);
      if (before?.why === 'rehosted' && before.to === to.key) return again(before, 'H2H');
      const allowed = faultOfMoving(licensedKey(id).license.certificate, to);
      if (allowed !== undefined) throw refusal(allowed);
      await refuseWhileOut(id);
      return authority.exclusively(id, 'end', async () => {
        const key = licensedKey(id);
        const fault = faultOfMoving(key.license.certificate, to);
        if (fault !== undefined) throw refusal(fault);
        const [state, seeds, usage, at] = [await stateOf(id), await keystore.transfers.seeds(id), await usageOf(ledger, id), now()] as const;
        const rehosts = state.rehosts + 1;
        const moving = { identity: key.identity, certificate: key.license.document, moved: movedOf(key, key.license.secrets, seeds), usage: usage satisfies readonly Usage[], rehosts, sequence: state.sequence };
        const document = movingDocument(moving, to, entropy, at);
        const left = await keystore.transfers.leave(id, { why: 'rehosted', at, vendor: key.identity.vendor, document: toBase64(document), number: rehosts, to: to.key });
        onEvent({ level: 'info', event: 'key moved away', key: id, recipient: to.key, host: to.host });
        options.onGone(id);
        return again(left, 'H2H');
      });
    },
    async apply(kind, document) {
      switch (kind) {
        case 'H2R':
          return receive(document);
        case 'R2H':
          return takeBack(document);
        case 'H2H':
          return arrive(document);
      }
    },
    detached: () =>
      [...out.values()].map(({ key, child, row: { reserved: _, ...row } }) => ({
        ...row,
        key,
        recipient: child,
        from: new Date(row.from).toISOString(),
        until: new Date(row.until).toISOString(),
      })),
    close() {
      closed = true;
      cancel();
    },
  };
};

const movedOf = (key: Key, features: Secrets['features'], seeds: Uint8Array): Moved => ({
  signingSeed: toBase64(seeds.subarray(0, 32)),
  exchangeSeed: toBase64(seeds.subarray(32)),
  features,
  memory: [...key.memory].map(([file, data]) => ({ file, data: toBase64(data) })),
});
