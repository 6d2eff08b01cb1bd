import { LicensingError, Status } from '@keyhaven/core/errors';
import { decideLogin, type Login, type LoginReply, rowsOf, type SeatDecision } from '@keyhaven/core/seats';
import type { Ground } from './ground.ts';
import type { KeyChannel, Party } from './key-channel.ts';
import type { LiveSession } from './live-sessions.ts';
import type { AuthorityCore } from './types.ts';
import type { Shape } from './wish.ts';

/**
 * Decides a login by the rules of core and of the administrator, and resolves to its session in the channel when that is durable (I3).
 * `shape` may add to what the ledger notes of the decision. Rejects with LicensingError as `decideLogin` refuses, DEVICE_ERR (43) where the disk does.
 */
export type SeatLogin = (asked: Login, channel: KeyChannel, party: Party, shape?: Shape) => Promise<LiveSession>;

export const createSeatLogin = (ground: Ground, attach: AuthorityCore['attach']): SeatLogin => {
  const { ledger, clock, sessions, facts, rules, sharing } = ground;
  return async (asked, channel, party, shape = (decision) => decision) => {
    const command = rules.ruled(asked);
    let reply: LoginReply;
    try {
      const take = (decided: SeatDecision<LoginReply>): SeatDecision<LoginReply> => {
        const decision = shape(decided);
        if (decision.reply.kind === 'granted') rules.began(command.session, command.pool, decision.reply.session);
        facts.noteChanges(command.pool, decision.changes);
        return decision;
      };
      reply = await (sharing === undefined
        ? ledger.update(rowsOf(command), (rows, now) => take(decideLogin(rows, command, now)))
        : sharing.decisions.login(command, take));
    } catch (error) {
      ground.recount(command.pool);
      if (sessions.get(command.session) === undefined) rules.ended(command.session);
      throw error;
    }
    if (reply.kind === 'refused') throw new LicensingError(reply.status, { detail: reply.detail });
    // Between the decision and here it found itself over.
    if (sharing !== undefined && reply.session.instance !== sharing.by.instance.id) throw new LicensingError(Status.BROKEN_SESSION);
    const { session: id, pool } = command;
    const known = sessions.get(id);
    const live: LiveSession =
      known !== undefined && known.ending === undefined
        ? known
        : { id, pool, row: reply.session, lastUse: clock.mono(), ending: undefined, channel: undefined };
    if (live !== known) sessions.add(live);
    attach(live, channel, party);
    return live;
  };
};
