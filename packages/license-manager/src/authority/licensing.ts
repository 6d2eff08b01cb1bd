import type { Applied, Before } from '../keystore/index.ts';
import { refuseBelowDetached } from './below-detached.ts';
import { endedBy, releaseBeside } from './ended-by.ts';
import type { Ground } from './ground.ts';
import type { LicenseChanges } from './license-changes.ts';
import type { LiveSession } from './live-sessions.ts';
import type { Releasing } from './releasing.ts';
import { SeatsMoved } from './sharing.ts';
import type { Authority } from './types.ts';

// What changes the license of a key: nobody logs in to the key meanwhile, and the sessions that it ends, end with it.

export type Licensing = Pick<Authority, 'apply' | 'applyLegacy' | 'exclusively'>;

export const createLicensing = (ground: Ground, changes: LicenseChanges, releasing: Releasing): Licensing => {
  const { ledger, keystore, sessions, facts, rules, sharing } = ground;

  /** What an update of a key ends, ends in its decision. @throws SeatsMoved where other processes let sessions begin or end meanwhile */
  const updateOnce = async (apply: (before: Before) => Promise<Applied>): Promise<Applied> => {
    let changed = (): void => undefined;
    let ending: readonly LiveSession[] = [];
    try {
      const applied = await apply(async (key, next) => {
        changed = await changes.begin(key.identity.id);
        const snapshot = await sharing?.decisions.snapshot(key, next, (id) => sessions.get(id));
        for (const each of next) await refuseBelowDetached(ledger, key, each);
        ending = endedBy(key, next, snapshot?.sessions ?? sessions.all(), snapshot?.used ?? ((pool) => facts.of(pool).used));
        const beside = releaseBeside(ending, 'license changed', facts.noteChanges);
        return snapshot?.guarding(beside) ?? beside;
      });
      for (const session of ending) {
        // One that ended by itself meanwhile is over already, and those of other processes are told by these.
        if (session.ending !== undefined || sessions.get(session.id) !== session) continue;
        rules.ended(session.id);
        sessions.ended(session, 'license changed');
      }
      return applied;
    } catch (error) {
      for (const { pool } of ending) ground.recount(pool);
      throw error;
    } finally {
      changed();
    }
  };
  const update = async (apply: (before: Before) => Promise<Applied>): Promise<Applied> => {
    for (;;) {
      try {
        await ground.refresh();
        return await updateOnce(apply);
      } catch (error) {
        if (!(error instanceof SeatsMoved)) throw error;
      }
    }
  };

  return {
    apply: (documents) => update((before) => keystore.apply(documents, before)),
    applyLegacy: (document) => update((before) => keystore.applyLegacy(document, before)),
    async exclusively(keyId, of, work) {
      const changed = await changes.begin(keyId);
      try {
        const ending = of === 'keep' ? [] : [...sessions.all()].filter((session) => session.pool.key === keyId);
        await Promise.all(ending.map((session) => releasing.release(session, 'license changed')));
        if (of === 'end') await sharing?.decisions.releaseAll(keyId);
        return await work();
      } finally {
        changed();
      }
    },
  };
};
