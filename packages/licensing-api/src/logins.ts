import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import type { InfoData } from '@keyhaven/core/format';
import {
  type ApplicationIdentity,
  type AttemptDenial,
  checkGrant,
  decodeGrant,
  type Grant,
  type LoginCall,
  soldFeature,
} from '@keyhaven/core/session';
import type { Candidate } from '@keyhaven/core/wire';
import { createAlarms } from './alarms.ts';
import type { Asking } from './asking.ts';
import type { LoginCalls } from './denials.ts';
import { callWithin, type KeyPath, PathLost, type Within } from './key-path.ts';
import type { Limit } from './limits.ts';
import type { LmLink, Target } from './lm-link.ts';
import type { AskedLogin } from './login-options.ts';
import type { OwnTime } from './own-time.ts';
import { createSession, type Session } from './session.ts';
import { createUnsettled, type Unsettled } from './unsettled.ts';

// Logins at one key of one license manager, and the sessions that come of them.

/** One login at one license manager. */
export type Attempt = { readonly link: LmLink; readonly asked: AskedLogin; readonly asking: Asking };

export type Logins = {
  requestFor(candidate: Candidate, asked: AskedLogin, nonce: Uint8Array): LoginCall;
  /** @throws LicensingError SCHAN_ERR (46) where the grant is not what was asked for */
  sessionWith(attempt: Attempt, candidate: Candidate, grant: Grant, path: KeyPath): Session;
  /**
   * @param denial how a refusal is to be counted; absent = as one
   * @throws LicensingError LOCAL_COMM_ERR (33), REMOTE_COMM_ERR (40) where the limit is over; a seat that comes later is given back
   */
  loginAt(attempt: Attempt, candidate: Candidate, limit: Limit, signal: AbortSignal | undefined, denial?: AttemptDenial): Promise<Session>;
};

export type LoginsOptions = {
  readonly identity: ApplicationIdentity;
  readonly entropy: Entropy;
  readonly remoteDesktop: (() => boolean) | undefined;
  readonly time: OwnTime;
  /** For one call about keys of a vendor. */
  readonly limit: (vendor: number) => Limit;
  /** What an LM says of itself and of the key. */
  readonly ask: (link: LmLink, target: Target, wanted: number, limit: Limit) => Promise<InfoData>;
  readonly calls: LoginCalls;
};

const wantedAt = ({ product }: Candidate, { feature, seats }: AskedLogin) => ({ product, feature, seats });

export const createLogins = ({ identity, entropy, remoteDesktop, time, limit: limitFor, ask, calls }: LoginsOptions): Logins => {
  const alarms = createAlarms(time);
  const unsettled = new WeakMap<LmLink, Unsettled>();
  const unsettledAt = (link: LmLink, vendor: number): Unsettled => {
    const found = unsettled.get(link) ?? createUnsettled(link, time, () => limitFor(vendor));
    unsettled.set(link, found);
    return found;
  };

  const logins: Logins = {
    requestFor(candidate, asked, nonce) {
      const { executions, dieAtExpiration } = asked;
      const remote = remoteDesktop?.() === true ? { remoteDesktop: true as const } : {};
      const terms = { ...wantedAt(candidate, asked), executions, dieAtExpiration, ...remote, tellEnd: true as const };
      return { kind: 'login', nonce, ...terms, application: identity };
    },

    sessionWith({ link, asked, asking }, candidate, grant, path) {
      const target: Target = { candidate, vendor: asked.vendor };
      const sold = checkGrant(grant, wantedAt(candidate, asked), path.certificate);
      const session = createSession({
        candidate,
        grant: { ...grant, session: Buffer.from(grant.session), token: Buffer.from(grant.token) },
        sold,
        path,
        identity,
        selection: asking.done(link.kind),
        ask: (bits, limit) => ask(link, target, bits, limit),
        limit: () => limitFor(asked.vendor.vendor),
        silence: (limit) => link.silence(target, limit),
        later: time.later,
        alarms,
        persist: (limit, attempt) => link.persist(target, limit, attempt),
        onClosed: (closed) => link.users.delete(closed),
        now: time.now,
        nonce: () => entropy.bytes(16),
        expiringWithinMs: asked.expiringWithinMs,
      });
      link.users.add(session);
      return session;
    },

    async loginAt(attempt, candidate, limit, signal, denial) {
      const { link, asked } = attempt;
      const { key, product, licenseManager: lm } = candidate;
      const { executions, dieAtExpiration, vendor } = asked;
      const open = unsettledAt(link, vendor.vendor);
      const name = JSON.stringify([key, lm.guid, { ...wantedAt(candidate, asked), executions, dieAtExpiration }]);
      const repeated = open.take(name);
      const nonce = repeated?.nonce ?? entropy.bytes(16);
      const request = logins.requestFor(candidate, asked, nonce);
      const target: Target = { candidate, vendor };
      const answer = Promise.withResolvers<'granted' | 'refused' | 'lost'>();
      let counted = repeated?.counted ?? executions > 0;
      let sent = repeated !== undefined;
      let underWay = false;
      const within: Within = {
        silence: () => link.silence(target, limit),
        late: (reply) => answer.resolve(reply === undefined ? 'lost' : reply.status === Status.OK ? 'granted' : 'refused'),
      };
      try {
        return await link.persist(
          target,
          limit,
          async (path) => {
            counted ||= isCounted(path, product, asked.feature);
            sent = true;
            underWay = true;
            const answered = await calls
              .ask(path, request, denial, (call) => callWithin(path, call, limit, within))
              .catch((error: unknown) => {
                underWay &&= !(error instanceof PathLost);
                throw error;
              });
            underWay = false;
            const { reply } = answered;
            if (reply.status !== Status.OK) throw calls.refusal(answered);
            return logins.sessionWith(attempt, candidate, decodeGrant(reply.body), path);
          },
          signal,
        );
      } catch (error) {
        // A grant that somebody spoiled on its way (46) was given too.
        const unknown = !(error instanceof LicensingError) || unanswered.has(error.status);
        if (sent && unknown) {
          if (!underWay) answer.resolve('lost');
          open.add(name, { nonce, target, counted }, answer.promise);
        }
        throw error;
      }
    },
  };
  return logins;
};

const unanswered: ReadonlySet<StatusCode> = new Set([Status.LOCAL_COMM_ERR, Status.REMOTE_COMM_ERR, Status.SCHAN_ERR]);
/** Whether the license counts executions: then two grants would cost two. */
export const isCounted = (path: KeyPath, product: number, feature: number): boolean =>
  soldFeature(path.certificate, product, feature)?.license.type === 'executions';
