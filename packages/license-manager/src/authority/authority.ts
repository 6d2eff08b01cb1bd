import { decideRelease, rowsOf } from '@keyhaven/core/seats';
import { HOUR, type Wall } from '@keyhaven/core/time';
import { openGround } from './ground.ts';
import { createLicenseChanges } from './license-changes.ts';
import { createLicensing } from './licensing.ts';
import { createOpening } from './opening.ts';
import { createReleasing, releaseOf } from './releasing.ts';
import { createSeatLogin } from './seat-logins.ts';
import { createSweeping } from './sweeping.ts';
import { withTrialUse } from './trial-use.ts';
import type { Authority, AuthorityCore, AuthorityOptions } from './types.ts';
import { createWaiting } from './waiting.ts';

// The authority for the seats of the keys on this computer: the one object that all faces call (DESIGN). It joins keys, seats, channels
// and leases to the ledger and knows no socket. What it promises:
// - a login is answered after it is durable (I3); whatever asks, the rules are `decide` of core (I1): seat-logins.ts, waiting.ts;
// - every session ends: logout, process end, lease, idle timeout, or kill (I6): releasing.ts, sweeping.ts, licensing.ts;
// - a session survives the loss of its channel, and this process: it is in the ledger (S22): ground.ts.

/** Idle timeout of a session: 12 hours (field-facts 1.6). */
export const DEFAULT_SESSION_IDLE_MS = 12 * HOUR;

export const openAuthority = async (options: AuthorityOptions): Promise<Authority> => {
  const { ledger, keystore, clock } = options;
  const ground = await openGround(options, {
    freed: (pool) => waiting.freed(pool),
    changed: (keyId) => waiting.changed(keyId),
  });
  const { sessions, facts, rules } = ground;
  const by = ground.sharing?.by;
  const decisions = ground.sharing?.decisions;
  const changes = createLicenseChanges((keyId) => waiting.changed(keyId));
  const releasing = createReleasing(ground, () => sweeping.schedule());
  const { release } = releasing;

  const attach: AuthorityCore['attach'] = (session, channel, party) => {
    // Coming back is no use of the session: else whoever only asks for info would keep it for ever (field-facts 1.6).
    session.channel = channel;
    sessions.keep(session);
    options.onAttached(party, session.id, channel);
  };
  const detached: AuthorityCore['detached'] = (channel, of) => {
    for (const session of of) {
      if (session.channel !== channel) continue;
      session.channel = undefined;
      if (session.ending === undefined) options.onAway(session);
    }
  };
  const seatLogin = createSeatLogin(ground, attach);
  const time = (): Wall => options.guard?.time() ?? clock.wall();
  const waiting = createWaiting({
    clock,
    time,
    priorityOf: rules.priorityOf,
    reservedForOthers: rules.reservedForOthers,
    login: (command, channel, party, shape) => changes.track(command.pool.key, seatLogin(command, channel, party, shape)),
    changing: changes.changing,
    live: sessions.get,
    release,
    detached: (channel, session) => detached(channel, [session]),
    note: options.audit.write,
  });

  const core: AuthorityCore = {
    ledger,
    keystore,
    clock,
    guard: options.guard,
    asksWhere: rules.asksWhere,
    idleTimeoutMs: options.idleTimeoutMs,
    decide: (keyId, rows, decide) => (decisions === undefined ? ledger.update(rows, decide) : decisions.decide(keyId, rows, decide)),
    verified: () => by?.instance.verified(),
    shared: by !== undefined,
    refresh: ground.refresh,
    login: (command, channel, party) =>
      changes.track(command.pool.key, seatLogin({ ...command, behind: waiting.behind(command) }, channel, party)),
    changing: changes.changing,
    attach,
    live: sessions.get,
    release,
    detached,
    facts,
    trials: options.trials,
    used: (pool) => facts.of(pool).used,
    waiting,
  };
  const sweeping = createSweeping(ground, releasing, options.idleTimeoutMs, time);
  const unheard = by?.onForeign(() => {
    ground.refresh()?.catch(() => undefined);
  });

  return {
    ...createOpening(core, options.entropy),
    ...createLicensing(ground, changes, releasing),
    release,
    async processEnded(pid, start) {
      waiting.processEnded(pid, start);
      await Promise.all(sessions.ofProcess(pid, start).map((session) => release(session, 'process ended')));
    },
    hasSessionsOf: (pid, start) => sessions.ofProcess(pid, start).length > 0,
    renew: sessions.renew,
    renewExactly: sessions.renewExactly,
    async releaseFor(holder, id, cause) {
      const session = sessions.get(id);
      if (session !== undefined && session.row.holder === holder) await release(session, cause);
    },
    sessions: sessions.all,
    session: sessions.get,
    get sessionCount() {
      return sessions.size;
    },
    used: core.used,
    peak: facts.peak,
    pool: (pool) =>
      withTrialUse(facts.of(pool), keystore.get(pool.key), options.trials, (product, feature) =>
        facts.of({ key: pool.key, product, feature }),
      ),
    waiting: waiting.count,
    waitingPlaces: waiting.places,
    decided(keyId, of) {
      for (const { key, row } of of) {
        const [scope, kind, id = ''] = key.split('/');
        const [product = 0, feature = 0] = id.split('.').map(Number);
        if (scope === keyId && kind === 'pool') facts.noteChanges({ key: keyId, product, feature }, [{ key, row }]);
      }
    },
    refresh: async () => ground.refresh(),
    async stopped() {
      const all = [...sessions.all()].filter(({ ending }) => ending === undefined);
      for (const session of all) sessions.ended(session, 'stopped');
      const commands = all.map((session) => releaseOf(session, 'stopped'));
      // What the disk refuses is given back by whoever finds that this instance is over.
      await Promise.allSettled(commands.map((command) => ledger.update(rowsOf(command), (rows) => decideRelease(rows, command))));
    },
    time,
    close() {
      releasing.close();
      unheard?.();
      waiting.close();
      sweeping.close();
    },
  };
};
