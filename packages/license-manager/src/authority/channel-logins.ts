import type { Buffer } from 'node:buffer';
import { hex, sameBytes } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Applicant, Login } from '@keyhaven/core/seats';
import type { AttemptDenial, Call, LoginCall } from '@keyhaven/core/session';
import { isConnection, type Seen } from '../callers/index.ts';
import type { ChannelSessions } from './channel-sessions.ts';
import { endOf } from './ends.ts';
import type { KeyChannel } from './key-channel.ts';
import type { LiveSession } from './live-sessions.ts';
import type { ServedKey } from './served-key.ts';
import { resumeTokenFor, sessionIdFor } from './tokens.ts';
import type { AuthorityCore } from './types.ts';

// How sessions come into a channel: by a login, which becomes a command of the authority and its answer a grant, or by the token of one that
// ran in another channel. A login that waits (channel-waits.ts) takes the same steps with a pause between them.

export type ChannelLogins = {
  /** Resolves to the body of the grant when the login is durable (I3). Rejects as the steps below, and as `decideLogin` refuses. */
  login(call: LoginCall, denial?: AttemptDenial): Promise<Buffer>;
  /** @throws LicensingError ACCESS_DENIED (5), BROKEN_SESSION (39) */
  resume(call: Extract<Call, { kind: 'resume' }>): Buffer;
  /** Resolves when what logins are judged by is known; undefined where it is. */
  readyFor(call: LoginCall): Promise<void> | undefined;
  /** By the license in force. @throws LicensingError as `ServedKey.now` */
  commandFor(call: LoginCall, denial?: AttemptDenial): Login;
  /** The body of the grant, with a handle of this channel. */
  granted(call: LoginCall, session: LiveSession): Promise<Buffer>;
};

export const createChannelLogins = (
  authority: AuthorityCore,
  key: ServedKey,
  sessions: ChannelSessions,
  self: KeyChannel,
): ChannelLogins => {
  const { guard, trials } = authority;
  const { party } = self;
  let seen: Seen | undefined;
  /** What the application counts as that showed the token of its session here. */
  let resumed: string | undefined;

  /** Asks who is at the other end where the answer changes something; a seat of a login is one, whoever takes it. */
  const look = (call: LoginCall): Promise<void> | undefined => {
    if (seen !== undefined || party.caller === undefined) return undefined;
    const terms = key.pool(call.product, call.feature)?.terms;
    if (terms?.count === 'login' && terms.network && !authority.asksWhere()) return undefined;
    const found = party.caller.seen();
    if (!(found instanceof Promise)) {
      seen = found;
      return undefined;
    }
    return found.then((later) => {
      seen = later;
    });
  };
  const counted = (): Partial<Pick<Applicant, 'pid' | 'start' | 'station' | 'unit' | 'forwarded'>> => ({
    ...seen?.process,
    ...(party.station === undefined ? {} : { station: party.station }),
    ...(seen === undefined ? {} : { unit: isConnection(seen.unit) && resumed !== undefined ? resumed : seen.unit }),
    ...(seen?.forwarded === true ? { forwarded: true } : {}),
  });

  const readyFor: ChannelLogins['readyFor'] = (call) => {
    const ready = guard?.ready(key.now(), call.product, key.pool(call.product, call.feature));
    const looked = look(call);
    if (ready === undefined || looked === undefined) return ready ?? looked;
    return Promise.all([ready, looked]).then(() => undefined);
  };
  const commandFor: ChannelLogins['commandFor'] = (call, denial) => {
    const now = key.now();
    const sold = key.pool(call.product, call.feature);
    return {
      kind: 'login',
      pool: { key: key.id, product: call.product, feature: call.feature },
      terms: sold?.terms,
      barred: guard?.against(now, call.product, sold),
      time: guard?.time(),
      session: sessionIdFor(now, call.nonce),
      // The local LM knows the process of its connection, so that liveness and counting mean the same process.
      applicant: { ...call.application, ...party.process, ...counted(), holder: party.holder, address: party.address },
      seats: call.seats,
      executions: call.executions,
      dieAtExpiration: call.dieAtExpiration,
      denial,
      remoteDesktop: call.remoteDesktop === true,
      virtualMachine: guard?.virtualMachine() === true,
      firstUse: trials?.firstUse(key.license()),
    };
  };
  const granted: ChannelLogins['granted'] = async (call, session) => {
    const { trialUse } = authority.facts.of(session.pool);
    if (trialUse !== undefined) await trials?.used(key.license(), trialUse);
    if (call.tellEnd !== true) return sessions.grant(session);
    const terms = key.pool(session.row.product, session.row.feature)?.terms;
    return sessions.grant(session, endOf(terms, authority.facts.of(session.pool), key.time()));
  };

  return {
    readyFor,
    commandFor,
    granted,
    async login(call, denial) {
      const ready = readyFor(call);
      if (ready !== undefined) await ready;
      // From here on to the authority without a pause, or a change of the license could begin in between.
      for (let change = authority.changing(key.id); change !== undefined; change = authority.changing(key.id)) await change;
      return granted(call, await authority.login(commandFor(call, denial), self, party));
    },
    resume(call) {
      if (!sameBytes(call.token, resumeTokenFor(key.now(), call.session)))
        throw new LicensingError(Status.ACCESS_DENIED, { detail: 'The session is not proven.' });
      const session = authority.live(hex(call.session));
      if (session === undefined || session.ending !== undefined)
        throw new LicensingError(Status.BROKEN_SESSION, { detail: 'The session has ended meanwhile.' });
      if (session.row.holder !== party.holder)
        throw new LicensingError(Status.ACCESS_DENIED, { detail: 'The session belongs to another computer.' });
      authority.attach(session, self, party);
      // Only the application knows the token, so this connection is its own, though nobody sees its process.
      resumed = session.row.unit;
      return sessions.grant(session);
    },
  };
};
