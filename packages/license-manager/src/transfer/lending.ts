import { toBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { armor, delegatedFeatures, type Secrets } from '@keyhaven/core/license';
import { READ_ONLY_FILE, READ_WRITE_FILE } from '@keyhaven/core/memory';
import { DAY, MINUTE, SECOND } from '@keyhaven/core/time';
import {
  DEFAULT_DETACH_MS,
  type Detach,
  type DetachRow,
  decideDetach,
  decideReattach,
  detachRows,
  earliestFree,
  lendingDocument,
  mayBeOver,
  openReturning,
  peekR2h,
  type Reattach,
  type ReattachReply,
  reattachRows,
  refuseTooLarge,
  reservedOf,
} from '@keyhaven/core/transfer';
import type { Key } from '../keystore/index.ts';
import { detachTermsOf } from './detach-terms.ts';
import { type Ground, refusal } from './ground.ts';
import type { AppliedTransfer, DetachedCopy, DetachWish, LentTo, TransfersOptions } from './types.ts';

// The owner's side of detached licenses: what is out, how it goes, and how it comes back, by file or by time.

/** The end of the year 9999, the last that has four digits. */
const LATEST = Date.UTC(10_000, 0, 1) - 1;

export type Lending = {
  /** Text of an H2R. Who may ask is not decided here. */
  detach(wish: DetachWish): Promise<string>;
  takeBack(document: Uint8Array): Promise<AppliedTransfer>;
  detached(): readonly DetachedCopy[];
  /** The license manager that has this copy; undefined where no such one is out. */
  holderOf(key: string, child: string): string | undefined;
  /** As `Transfers.available`, where detaching is on. */
  available(key: string, product: number): number | null | undefined;
  close(): void;
};

const contents = (key: Key): Pick<Secrets, 'readOnly' | 'readWrite' | 'dynamic'> => {
  const [readOnly, readWrite] = [key.memory.get(READ_ONLY_FILE), key.memory.get(READ_WRITE_FILE)];
  const dynamic = (key.license?.certificate.memory.dynamic ?? []).flatMap(({ id }) => {
    const data = key.memory.get(id);
    return data === undefined ? [] : [{ id, data: toBase64(data) }];
  });
  return {
    ...(readOnly === undefined ? {} : { readOnly: toBase64(readOnly) }),
    ...(readWrite === undefined ? {} : { readWrite: toBase64(readWrite) }),
    ...(dynamic.length === 0 ? {} : { dynamic }),
  };
};

export const openLending = async (
  options: TransfersOptions,
  { keyHere, licensedKey, recipientIn, refuseBarred, clocks, decide }: Ground,
): Promise<Lending> => {
  const { ledger, keystore, authority, clock, time, entropy, settings, onEvent } = options;
  /** Copies that are out, by the key that lent them and the key that got them. BOUNDED by the seats of the keys here. */
  const out = new Map<string, { readonly key: string; readonly child: string; readonly row: DetachRow }>();
  const nameOf = (key: string, child: string): string => `${key} ${child}`;
  for await (const [name, row] of ledger.scan<DetachRow>('')) {
    const [key = '', kind, child = ''] = name.split('/');
    if (kind === 'detach') out.set(nameOf(key, child), { key, child, row });
  }

  const reattach = async (key: string, child: string, cause: Reattach['cause']): Promise<ReattachReply['kind']> => {
    for (;;) {
      const command: Reattach = { key, child, known: out.get(nameOf(key, child))?.row, cause };
      const reply = await decide<ReattachReply>(key, reattachRows(command), (rows, _, set) => decideReattach(rows, command, set));
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
  /** The end is decided by clocks that are stored: what is free again because of them stays explained by them, whatever the clock is set to. */
  const takeBackEnded = async (): Promise<void> => {
    const at = clocks();
    const over = [...out.values()].filter(({ key, row }) => mayBeOver(row, at) && keystore.get(key)?.damage === undefined);
    await time.store({ mark: over.length > 0 });
    for (const { key, child } of over) if (!closed) await reattach(key, child, 'ended');
  };
  const sweep = (): void => {
    if (closed) return;
    // What the disk refuses is tried again by the next sweep.
    if (out.size > 0) takeBackEnded().catch(() => undefined);
    cancel = clock.after(MINUTE, sweep);
  };
  let cancel = clock.after(SECOND, sweep);

  return {
    async detach(wish) {
      const named = recipientIn(wish.recipient);
      const to = wish.from === undefined ? named : { ...named, host: wish.from.host };
      const whom: LentTo = {
        ...to,
        user: wish.user,
        administrator: wish.by === 'administrator',
        ...(wish.from === undefined ? {} : { address: wish.from.address }),
      };
      return authority.exclusively(wish.key, 'keep', async () => {
        const key = licensedKey(wish.key);
        await refuseBarred(key, wish.product);
        const product = key.license.certificate.products.find(({ id }) => id === wish.product);
        const features = product === undefined ? [] : delegatedFeatures(product).map(({ id }) => id);
        const bar = options.against?.(whom, { vendor: key.identity.vendor, key: wish.key, product: wish.product }, features);
        if (bar !== undefined) throw refusal(bar);
        const { maxDays, ...stay } = detachTermsOf(settings, { vendor: key.identity.vendor, key: wish.key, product: wish.product });
        const command: Detach = {
          key: wish.key,
          certificate: key.license.certificate,
          product: wish.product,
          to,
          seats: wish.seats,
          durationMs: wish.seconds === undefined ? DEFAULT_DETACH_MS : wish.seconds * SECOND,
          maxMs: maxDays * DAY,
          counted: time.counted(),
          stay,
          others: [...out.values()].flatMap((copy) => (copy.key === wish.key ? [copy.child] : [])),
          keptFrom: (feature) => options.keptFrom?.(whom, { key: wish.key, product: wish.product, feature }, key.identity.vendor) ?? 0,
        };
        const secrets: Secrets = { features: key.license.secrets, ...contents(key) };
        refuseTooLarge(key.license.document, secrets);
        // Named by the clock as it is set: where that was ahead once, the license time stays so, and recipients would refuse it.
        const reply = await decide(wish.key, detachRows(command), (rows, _, set) => decideDetach(rows, command, set));
        if (reply.kind === 'refused') throw refusal(reply);
        const { detached } = reply;
        out.set(nameOf(wish.key, to.key), { key: wish.key, child: to.key, row: detached });
        onEvent({
          level: 'info',
          event: 'detached',
          key: wish.key,
          product: wish.product,
          recipient: to.key,
          host: to.host,
          guid: to.guid,
          by: wish.by,
          until: new Date(detached.until).toISOString(),
        });
        return armor('H2R', lendingDocument({ identity: key.own, shown: key.license.document, secrets }, detached, to, entropy));
      });
    },
    async takeBack(document) {
      const owner = keyHere(peekR2h(document).parent);
      const { child } = openReturning(document, owner.identity);
      const kind = await reattach(owner.identity.id, child, 'returned');
      if (kind === 'unknown')
        throw new LicensingError(Status.UPDATE_ALREADY_ADDED, {
          detail: 'The license is back already: it was given back before, or its time is over.',
        });
      return { key: owner, added: false };
    },
    holderOf: (key, child) => out.get(nameOf(key, child))?.row.guid,
    detached() {
      const { now, counted } = clocks();
      const text = (at: number): string => new Date(Math.min(at, LATEST)).toISOString();
      return [...out.values()].map(({ key, child, row }) => {
        const { reserved: _, realAtZero: __, ...of } = row;
        const times = { from: text(row.from), until: text(row.until), freeAt: text(earliestFree(row, now, counted)) };
        return { ...of, key, recipient: child, ...times };
      });
    },
    available(id, product) {
      const key = keystore.get(id);
      const sold = key?.license?.certificate.products.find((each) => each.id === product);
      if (key === undefined || sold === undefined || key.signer.kind === 'device' || key.damage !== undefined) return undefined;
      const features = delegatedFeatures(sold);
      if (features.length === 0) return undefined;
      const terms = detachTermsOf(settings, { vendor: key.identity.vendor, key: id, product });
      let least: number | null = null;
      for (const { id: feature, concurrency } of features) {
        if (concurrency.seats === 'unlimited') continue;
        const copies = [...out.values()].filter((copy) => copy.key === id && copy.row.product === product);
        const lent = copies.flatMap(({ row }) => row.reserved).reduce((sum, of) => sum + (of.feature === feature ? of.seats : 0), 0);
        const free = concurrency.seats - authority.used({ key: id, product, feature });
        const left = Math.max(0, Math.min(free, concurrency.seats - reservedOf(terms, concurrency.seats) - lent));
        least = least === null ? left : Math.min(least, left);
      }
      return least;
    },
    close() {
      closed = true;
      cancel();
    },
  };
};
