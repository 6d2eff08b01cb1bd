import { answerOpening, prepareAnswer } from '@keyhaven/core/channel';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { createOwnerLeases, LEASE_MS } from '@keyhaven/core/lease';
import {
  decideLogin,
  decideRelease,
  EMPTY_POOL,
  type Login,
  type LoginReply,
  type PoolId,
  type PoolRow,
  poolRowKey,
  type Release,
  type ReleaseCause,
  rowsOf,
  type SeatDecision,
  type SessionRow,
} from '@keyhaven/core/seats';
import { HOUR, MINUTE, SECOND, type Wall } from '@keyhaven/core/time';
import type { Applied, Before } from '../keystore/index.ts';
import { refuseBelowDetached } from './below-detached.ts';
import { endedBy, releaseBeside } from './ended-by.ts';
import { createKeyChannel, type KeyChannel, type Party } from './key-channel.ts';
import { createLicenseChanges } from './license-changes.ts';
import { createLiveSessions, type LiveSession } from './live-sessions.ts';
import { createPoolFacts } from './pool-facts.ts';
import { createRefreshing } from './refreshing.ts';
import { createShared, SeatsMoved } from './sharing.ts';
import type { Authority, AuthorityCore, AuthorityOptions } from './types.ts';
import { createWaiting } from './waiting.ts';
import type { Shape } from './wish.ts';

// The authority for the seats of the keys on this computer: the one object that all faces call (DESIGN). It joins keys, seats, channels
// and leases to the ledger and knows no socket. What it promises:
// - a login is answered after it is durable (I3); whatever asks, the rules are `decide` of core (I1);
// - every session ends: logout, process end, lease, idle timeout, or kill (I6);
// - a session survives the loss of its channel, and this process: it is in the ledger (S22).

/** Idle timeout of a session: 12 hours (field-facts 1.6). */
export const DEFAULT_SESSION_IDLE_MS = 12 * HOUR;

/** How soon a release that the disk refused is tried again. */
const OWED_MS = 2 * SECOND;

export const openAuthority = async (options: AuthorityOptions): Promise<Authority> => {
  const { ledger, keystore, clock, entropy, access, sharing, onEnded } = options;
  const sessions = createLiveSessions();
  const leases = createOwnerLeases(LEASE_MS);
  const changes = createLicenseChanges((keyId) => waiting.changed(keyId));
  const facts = createPoolFacts((pool) => waiting.freed(pool));
  /** Releases that were answered and are not known to be durable. BOUNDED by the sessions that there were. */
  let unsettled: Release[] = [];
  /** Those that the disk refused afterwards: done again until it takes them, or their seats would stay taken. BOUNDED likewise. */
  const owed = new Map<string, Release>();
  let watching = false;
  let closed = false;

  const ownerOf = (session: LiveSession): string => session.row.holder;
  const vendorOf = (key: string): number => keystore.get(key)?.identity.vendor ?? 0;

  for await (const [name, row] of ledger.scan<SessionRow & PoolRow>('')) {
    const [key = '', kind, id = ''] = name.split('/');
    // The sessions of other instances are their business, and its own are yet to come.
    if (kind === 'session' && sharing === undefined) {
      const pool = { key, product: row.product, feature: row.feature };
      const live: LiveSession = { id, pool, row, lastUse: clock.mono(), ending: undefined, channel: undefined };
      sessions.add(live);
      access?.began(id, pool, vendorOf(key), row);
      // After a restart every stored lease gets a full term again (DESIGN "lease safety").
      if (row.holder !== 'local') leases.keep(clock.mono(), row.holder, id);
    } else if (kind === 'pool') {
      const [product = 0, feature = 0] = id.split('.').map(Number);
      facts.note({ key, product, feature }, row);
    }
  }

  const release = async (session: LiveSession, cause: ReleaseCause): Promise<void> => {
    if (session.ending !== undefined) return;
    session.ending = cause;
    const command: Release = { kind: 'release', pool: session.pool, session: session.id, consumer: session.row.consumer, cause };
    try {
      await ledger.update(
        rowsOf(command),
        (rows) => {
          const decision = decideRelease(rows, command);
          access?.ended(session.id); // In the order of decisions, as all that is counted.
          facts.noteChanges(session.pool, decision.changes);
          return decision;
        },
        // Losing a release errs to the safe side: the seat stays taken until the release is repeated, or until the next start (DESIGN).
        { durability: 'later' },
      );
      // A shared ledger answers nothing before it is durable.
      if (sharing === undefined) unsettled.push(command);
      watchDurability().catch(() => undefined);
    } catch (error) {
      session.ending = undefined;
      access?.began(session.id, session.pool, vendorOf(session.pool.key), session.row);
      throw error;
    }
    sessions.delete(session);
    if (ownerOf(session) !== 'local') leases.ended(ownerOf(session), session.id);
    onEnded(session, cause);
  };

  /** Asks nothing of the ledger, but is answered when all that was decided before is durable, or refused with it. */
  const watchDurability = async (): Promise<void> => {
    if (watching) return;
    watching = true;
    while (unsettled.length > 0 && !closed) {
      const batch = unsettled;
      unsettled = [];
      try {
        await ledger.update([], () => ({ changes: [], audit: [], reply: undefined }));
      } catch {
        for (const command of batch) owed.set(command.session, command);
        cancelSweep();
        schedule();
      }
    }
    watching = false;
  };
  const settleOwed = async (): Promise<void> => {
    for (const [id, command] of owed) {
      if (sessions.get(id) === undefined) {
        await ledger.update(rowsOf(command), (rows) => {
          const decision = decideRelease(rows, command);
          facts.noteChanges(command.pool, decision.changes);
          return decision;
        });
      }
      owed.delete(id);
    }
  };
  /** After a refusal the ledger holds what is durable, and the count follows it. */
  const recount = (pool: PoolId): Promise<void> =>
    ledger.update([poolRowKey(pool)], (rows) => {
      facts.note(pool, rows.get<PoolRow>(poolRowKey(pool)) ?? EMPTY_POOL);
      return { changes: [], audit: [], reply: undefined };
    });

  const forgetEnded = (session: LiveSession, cause: ReleaseCause): void => {
    session.ending = cause;
    sessions.delete(session);
    onEnded(session, cause);
  };
  const refresh =
    sharing &&
    createRefreshing({
      ledger,
      keystore,
      sessions,
      facts,
      sharing,
      onLost: (session) => forgetEnded(session, 'license changed'),
      onChanged: (keyId) => waiting.changed(keyId),
    });
  const shared = sharing && createShared(sharing, ledger, keystore, async () => refresh?.());

  const loginNow = async (asked: Login, channel: KeyChannel, party: Party, shape: Shape = (decision) => decision): Promise<LiveSession> => {
    const command = access?.ruled(asked, vendorOf(asked.pool.key)) ?? asked;
    let reply: LoginReply;
    try {
      const take = (decided: SeatDecision<LoginReply>): SeatDecision<LoginReply> => {
        const decision = shape(decided);
        const granted = decision.reply.kind === 'granted' ? decision.reply.session : undefined;
        if (granted !== undefined) access?.began(command.session, command.pool, vendorOf(command.pool.key), granted);
        facts.noteChanges(command.pool, decision.changes);
        return decision;
      };
      reply = await (shared === undefined
        ? ledger.update(rowsOf(command), (rows, now) => take(decideLogin(rows, command, now)))
        : shared.login(command, take));
    } catch (error) {
      settle(recount(command.pool));
      if (sessions.get(command.session) === undefined) access?.ended(command.session);
      throw error;
    }
    if (reply.kind === 'refused') throw new LicensingError(reply.status, { detail: reply.detail });
    // Between the decision and here it found itself over.
    if (sharing !== undefined && reply.session.instance !== sharing.instance.id) throw new LicensingError(Status.BROKEN_SESSION);
    const known = sessions.get(command.session);
    const live: LiveSession =
      known !== undefined && known.ending === undefined
        ? known
        : {
            id: command.session,
            pool: command.pool,
            row: reply.session,
            lastUse: clock.mono(),
            ending: undefined,
            channel: undefined,
          };
    if (live !== known) sessions.add(live);
    core.attach(live, channel, party);
    return live;
  };

  const core: AuthorityCore = {
    ledger,
    keystore,
    clock,
    guard: options.guard,
    idleTimeoutMs: options.idleTimeoutMs,
    decide: (keyId, rows, decide) => (shared === undefined ? ledger.update(rows, decide) : shared.decide(keyId, rows, decide)),
    verified: () => sharing?.instance.verified(),
    shared: sharing !== undefined,
    refresh: () => refresh?.(),
    login: (command, channel, party) =>
      changes.track(command.pool.key, loginNow({ ...command, behind: waiting.behind(command) }, channel, party)),
    changing: changes.changing,
    attach(session, channel, party) {
      // Coming back is no use of the session: else whoever only asks for info would keep it for ever (field-facts 1.6).
      session.channel = channel;
      if (ownerOf(session) !== 'local') leases.keep(clock.mono(), ownerOf(session), session.id);
      options.onAttached(party, session.id, channel);
    },
    live: (id) => sessions.get(id),
    release,
    detached(channel, of) {
      for (const session of of) {
        if (session.channel !== channel) continue;
        session.channel = undefined;
        if (session.ending === undefined) options.onAway(session);
      }
    },
    facts,
    trials: options.trials,
    used: (pool) => facts.of(pool).used,
    get waiting() {
      return waiting;
    },
  };

  const settle = (work: Promise<void>): void => {
    // What the disk refuses is tried again by the next sweep.
    work.catch(() => undefined);
  };

  const time = (): Wall => options.guard?.time() ?? clock.wall();
  const waiting = createWaiting({
    clock,
    time,
    priorityOf: (applicant, pool) => access?.priorityOf(applicant, pool, vendorOf(pool.key)) ?? 0,
    reservedForOthers: (applicant, pool) => access?.reservedForOthers(applicant, pool, vendorOf(pool.key)) ?? 0,
    login: (command, channel, party, shape) => changes.track(command.pool.key, loginNow(command, channel, party, shape)),
    changing: changes.changing,
    live: core.live,
    release,
    detached: (channel, session) => core.detached(channel, [session]),
    note: (entry) => settle(ledger.update([], () => ({ changes: [], audit: [entry], reply: undefined }), { durability: 'later' })),
  });
  const isOver = (session: LiveSession): boolean => {
    const lent = keystore.get(session.pool.key)?.license?.delegation;
    return lent !== undefined && time() > Date.parse(lent.until);
  };

  const sweep = (): void => {
    if (closed) return;
    const now = clock.mono();
    for (const { session } of leases.timeout(now)) {
      const live = sessions.get(session);
      if (live === undefined) continue;
      // The lease is forgotten by now; where the disk refuses, the session gets another one, and the end of that tries again.
      release(live, 'lease ended').catch(() => leases.keep(clock.mono(), ownerOf(live), live.id));
    }
    for (const session of sessions.all()) {
      if (now - session.lastUse >= options.idleTimeoutMs) settle(release(session, 'idle'));
      // What is lent ends for running sessions, too: the lender has its seats again soon after (K5).
      else if (isOver(session)) settle(release(session, 'license changed'));
    }
    settle(settleOwed());
    schedule();
  };
  let cancelSweep = (): void => undefined;
  const schedule = (): void => {
    const lease = leases.nextTimeout();
    const longest = owed.size > 0 ? OWED_MS : MINUTE;
    const wait = Math.min(lease === undefined ? MINUTE : Math.max(SECOND, lease - clock.mono()), longest);
    cancelSweep = clock.after(wait, sweep);
  };
  schedule();
  const unheard = sharing?.onForeign(() => settle(refresh?.() ?? Promise.resolve()));

  /** @throws LicensingError as `open` */
  const openable = (keyId: string) => {
    const key = keystore.get(keyId);
    if (key?.damage !== undefined) throw new LicensingError(Status.STORAGE_CORRUPT, { detail: `Key ${keyId}: ${key.damage}.` });
    if (key === undefined) keystore.transfers.refuseGone(keyId);
    if (key?.license === undefined)
      throw new LicensingError(Status.KEY_NOT_FOUND, { detail: `Key ${keyId} is not here, or has no license yet.` });
    const { identity, license, signer } = key;
    const target = { id: identity.id, vendor: identity.vendor, certificate: license.document, digest: license.digest };
    return { target, signer };
  };

  /** What an update of a key ends, ends in its decision; nobody logs in to the key meanwhile. */
  const licensing = async (apply: (before: Before) => Promise<Applied>): Promise<Applied> => {
    for (;;) {
      try {
        await refresh?.();
        return await licensingOnce(apply);
      } catch (error) {
        if (!(error instanceof SeatsMoved)) throw error;
      }
    }
  };
  const licensingOnce = async (apply: (before: Before) => Promise<Applied>): Promise<Applied> => {
    let changed = (): void => undefined;
    let ending: readonly LiveSession[] = [];
    try {
      const applied = await apply(async (key, next) => {
        changed = await changes.begin(key.identity.id);
        const snapshot = await shared?.snapshot(key, next, (id) => sessions.get(id));
        for (const each of next) await refuseBelowDetached(ledger, key, each);
        ending = endedBy(key, next, snapshot?.sessions ?? sessions.all(), snapshot?.used ?? core.used);
        const beside = releaseBeside(ending, 'license changed', facts.noteChanges);
        return snapshot?.guarding(beside) ?? beside;
      });
      for (const session of ending) {
        // One that ended by itself meanwhile is over already, and those of other processes are told by these.
        if (session.ending !== undefined || sessions.get(session.id) !== session) continue;
        session.ending = 'license changed';
        access?.ended(session.id);
        sessions.delete(session);
        if (ownerOf(session) !== 'local') leases.ended(ownerOf(session), session.id);
        onEnded(session, 'license changed');
      }
      return applied;
    } catch (error) {
      for (const { pool } of ending) settle(recount(pool));
      throw error;
    } finally {
      changed();
    }
  };

  return {
    open(keyId, opening, party, send, fail, onHeld) {
      const { target, signer } = openable(keyId);
      if (signer.kind === 'device') throw new LicensingError(Status.DEVICE_ERR, { detail: `Key ${keyId} is hardware.` });
      const answer = answerOpening(opening, { ...target, signingKey: signer.identity.signingKey }, entropy);
      return createKeyChannel(core, keyId, answer, party, send, fail, onHeld);
    },
    openAtDevice(keyId, opening, party, send, fail, onHeld) {
      if (keystore.get(keyId)?.signer.kind !== 'device') return undefined;
      const open = async (): Promise<KeyChannel> => {
        const { target, signer } = openable(keyId);
        if (signer.kind !== 'device') throw new LicensingError(Status.INT_ERR);
        const { toSign, sign } = prepareAnswer(opening, target, entropy);
        const signature = await signer.device.sign(toSign).catch((cause: unknown) => {
          throw new LicensingError(Status.DEVICE_ERR, { detail: `Key ${keyId} does not sign.`, cause });
        });
        if (signature.length !== 64) throw new LicensingError(Status.DEVICE_ERR, { detail: `What key ${keyId} signs is no signature.` });
        return createKeyChannel(core, keyId, sign(signature), party, send, fail, onHeld);
      };
      return open();
    },
    release,
    async processEnded(pid, start) {
      waiting.processEnded(pid, start);
      await Promise.all(sessions.ofProcess(pid, start).map((session) => release(session, 'process ended')));
    },
    hasSessionsOf: (pid, start) => sessions.ofProcess(pid, start).length > 0,
    renew: (holder, count, digest) => leases.renew(clock.mono(), holder, count, digest),
    renewExactly: (holder, list) => leases.renewExactly(clock.mono(), holder, list),
    async releaseFor(holder, id) {
      const session = sessions.get(id);
      if (session !== undefined && ownerOf(session) === holder) await release(session, 'process ended');
    },
    sessions: () => sessions.all(),
    session: (id) => sessions.get(id),
    get sessionCount() {
      return sessions.size;
    },
    used: core.used,
    peak: facts.peak,
    pool: facts.of,
    waiting: waiting.count,
    waitingPlaces: waiting.places,
    apply: (documents) => licensing((before) => keystore.apply(documents, before)),
    applyLegacy: (document) => licensing((before) => keystore.applyLegacy(document, before)),
    async exclusively(keyId, of, work) {
      const changed = await changes.begin(keyId);
      try {
        const ending = of === 'keep' ? [] : [...sessions.all()].filter((session) => session.pool.key === keyId);
        await Promise.all(ending.map((session) => release(session, 'license changed')));
        if (of === 'end') await shared?.releaseAll(keyId);
        return await work();
      } finally {
        changed();
      }
    },
    decided(keyId, of) {
      for (const { key, row } of of) {
        const [scope, kind, id = ''] = key.split('/');
        const [product = 0, feature = 0] = id.split('.').map(Number);
        if (scope === keyId && kind === 'pool') facts.noteChanges({ key: keyId, product, feature }, [{ key, row }]);
      }
    },
    refresh: async () => refresh?.(),
    async stopped() {
      const all = [...sessions.all()].filter(({ ending }) => ending === undefined);
      for (const session of all) forgetEnded(session, 'stopped');
      const of = ({ pool, id, row }: LiveSession): Release => ({
        kind: 'release',
        pool,
        session: id,
        consumer: row.consumer,
        cause: 'stopped',
      });
      // What the disk refuses is given back by whoever finds that this instance is over.
      await Promise.allSettled(all.map(of).map((command) => ledger.update(rowsOf(command), (rows) => decideRelease(rows, command))));
    },
    time,
    close() {
      closed = true;
      unheard?.();
      waiting.close();
      cancelSweep();
    },
  };
};
