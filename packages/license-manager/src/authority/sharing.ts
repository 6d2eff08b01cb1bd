import { toBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import {
  decideLogin,
  decideRelease,
  type Login,
  type LoginReply,
  type PoolId,
  type PoolRow,
  poolRowKey,
  type Release,
  rowsOf,
  type SeatDecision,
  type SessionRow,
  sessionRowKey,
} from '@keyhaven/core/seats';
import { mono, type Wall } from '@keyhaven/core/time';
import type { Change, Decision, Ledger, Row, RowKey, Rows } from '@keyhaven/ledger';
import { type Beside, type Key, type KeyLicense, type Keystore, licenseRow } from '../keystore/index.ts';
import type { LiveSession } from './live-sessions.ts';

// An authority that shares its ledger with those of other processes (T4). Whatever it knows in memory may be old, so each decision looks at the
// rows that it stands on in its own transaction:
// - seats are never decided by a license that another process has replaced, nor for an LM that is over;
// - a seat is refused only after what others left behind was given back;
// - an update that ends sessions ends those of all processes, and none is granted in between.

/** The near LM whose authority it is (near/instance.ts), and the others. */
export type Sharing = {
  readonly instance: {
    readonly id: string;
    readonly row: RowKey;
    holds(rows: Rows): boolean;
    verified(): Promise<void> | undefined;
    renew(): Promise<void>;
  };
  /** Gives back what others left behind; resolves to whether a seat came free. */
  sweep(): Promise<boolean>;
  /** Another process has committed. */
  onForeign(listener: () => void): () => void;
};

/** The license of the key is another one than the channel was opened with: the application needs a new channel (I4). */
export class LicenseChanged extends LicensingError {
  constructor() {
    super(Status.REMOTE_COMM_ERR, { detail: 'The license of the key has changed since the channel was opened.' });
  }
}
/** Sessions came or went between the look at them and the decision. */
export class SeatsMoved extends Error {
  override readonly name = 'SeatsMoved';
}

type Stale = { readonly kind: 'stale'; readonly why: 'license' | 'instance' | 'elsewhere' | 'full' };
const nothingBy = <T>(reply: T) => ({ changes: [], audit: [], reply });
/** BOUNDED: how often a decision is tried again for what others do meanwhile. */
const MAX_TRIES = 20;

export type Shared = {
  /** As `decideLogin` in one update. @throws LicenseChanged, LicensingError BROKEN_SESSION (39), DEVICE_ERR (43) */
  login(command: Login, take: (decision: SeatDecision<LoginReply>) => SeatDecision<LoginReply>): Promise<LoginReply>;
  /** A decision by the license in force. @throws LicenseChanged */
  decide<T>(key: string, rows: readonly RowKey[], decide: (rows: Rows, now: Wall) => Decision<T>): Promise<T>;
  /** Ends the sessions of a key, whoever answers for them. */
  releaseAll(key: string): Promise<void>;
  /** All sessions of a key as they are now, with what makes a decision fail where they are not so any more. */
  snapshot(key: Key, next: readonly KeyLicense[], live: (id: string) => LiveSession | undefined): Promise<Snapshot>;
};
export type Snapshot = {
  readonly sessions: readonly LiveSession[];
  used(pool: PoolId): number;
  /** @throws SeatsMoved in the decision */
  guarding(beside: Beside): Beside;
};

/** @param refresh takes over what other processes changed */
export const createShared = (sharing: Sharing, ledger: Ledger, keystore: Keystore, refresh: () => Promise<void>): Shared => {
  const texts = new WeakMap<KeyLicense, string>();
  const textOf = (license: KeyLicense): string => {
    const text = texts.get(license) ?? toBase64(license.document);
    texts.set(license, text);
    return text;
  };
  const isInForce = (rows: Rows, id: string): boolean => {
    const key = keystore.get(id);
    const license = key?.license;
    // What hardware is licensed for is in the hardware.
    if (key?.signer.kind === 'device') return license !== undefined;
    const row = rows.get<{ readonly certificate: string }>(licenseRow(id));
    return license !== undefined && row?.certificate === textOf(license);
  };

  return {
    async login(asked, take) {
      const { key } = asked.pool;
      const own = sessionRowKey(key, asked.session);
      let swept = false;
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const names = [...new Set([...rowsOf(asked), licenseRow(key), sharing.instance.row])];
        const reply = await ledger.update<LoginReply | Stale>(names, (rows, now): SeatDecision<LoginReply | Stale> => {
          const stale = (why: Stale['why']) => nothingBy<Stale>({ kind: 'stale', why });
          if (!isInForce(rows, key)) return stale('license');
          if (!names.includes(sharing.instance.row) || !sharing.instance.holds(rows)) return stale('instance');
          const existing = rows.get<SessionRow>(own);
          if (existing !== undefined && existing.instance !== sharing.instance.id) return stale('elsewhere');
          const command = { ...asked, applicant: { ...asked.applicant, instance: sharing.instance.id } };
          const decision = decideLogin(rows, command, now);
          const { reply: decided } = decision;
          if (!swept && decided.kind === 'refused' && decided.status === Status.TOO_MANY_USERS) return stale('full');
          return take(decision);
        });
        if (reply.kind !== 'stale') return reply;
        switch (reply.why) {
          case 'license':
            await refresh();
            throw new LicenseChanged();
          case 'instance':
            await sharing.instance.renew();
            break;
          case 'elsewhere':
            if (swept)
              throw new LicensingError(Status.BROKEN_SESSION, { detail: 'Another license manager of this user answers for the session.' });
            await sharing.sweep();
            swept = true;
            break;
          case 'full':
            await sharing.sweep();
            swept = true;
            break;
        }
      }
      throw new LicensingError(Status.DEVICE_ERR, { detail: 'The state of this license manager does not come to rest.' });
    },

    async decide<T>(key: string, rows: readonly RowKey[], decide: (rows: Rows, now: Wall) => Decision<T>) {
      const taken = await ledger.update<{ readonly reply: T } | undefined>([...new Set([...rows, licenseRow(key)])], (view, now) => {
        if (!isInForce(view, key)) return nothingBy(undefined);
        const decision = decide(view, now);
        return { ...decision, reply: { reply: decision.reply } };
      });
      if (taken !== undefined) return taken.reply;
      await refresh();
      throw new LicenseChanged();
    },

    async releaseAll(key) {
      const prefix = `${key}/session/`;
      const found: Release[] = [];
      for await (const [name, { product, feature, consumer }] of ledger.scan<SessionRow>(prefix)) {
        const pool = { key, product, feature };
        found.push({ kind: 'release', pool, session: name.slice(prefix.length), consumer, cause: 'license changed' });
      }
      await Promise.all(found.map((command) => ledger.update(rowsOf(command), (rows) => decideRelease(rows, command))));
    },

    async snapshot({ identity: { id: key }, license }, next, live) {
      const seen = new Map<RowKey, string | undefined>();
      const sessions: LiveSession[] = [];
      const pools = new Map<string, PoolRow>();
      for (const of of [...(license === undefined ? [] : [license]), ...next]) {
        for (const { product, feature } of of.pools.values())
          seen.set(poolRowKey({ key, product: product?.id ?? 0, feature: feature.id }), undefined);
      }
      // Sessions last: one that comes while it is looked changes a pool or consumer that was seen before, and the decision fails.
      for (const kind of ['pool', 'consumer', 'detach', 'session']) {
        for await (const [name, row] of ledger.scan<SessionRow & PoolRow>(`${key}/${kind}/`)) {
          seen.set(name, JSON.stringify(row));
          const id = name.slice(`${key}/${kind}/`.length);
          if (kind === 'pool') pools.set(name, row);
          if (kind !== 'session') continue;
          const pool = { key, product: row.product, feature: row.feature };
          sessions.push(live(id) ?? { id, pool, row, lastUse: mono(0), ending: undefined, channel: undefined });
        }
      }
      const textIn = (rows: Rows, name: RowKey): string | undefined => {
        const row = rows.get<Row>(name);
        return row === undefined ? undefined : JSON.stringify(row);
      };
      return {
        sessions,
        used: (pool) => pools.get(poolRowKey(pool))?.used ?? 0,
        guarding: (beside) => ({
          keys: [...new Set([...beside.keys, ...seen.keys()])],
          decide(rows): { readonly changes: readonly Change[]; readonly audit: ReturnType<Beside['decide']>['audit'] } {
            for (const [name, text] of seen) if (textIn(rows, name) !== text) throw new SeatsMoved();
            return beside.decide(rows);
          },
        }),
      };
    },
  };
};
