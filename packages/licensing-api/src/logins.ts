import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { InfoData } from '@keyhaven/core/format';
import {
  type ApplicationIdentity,
  type Call,
  checkGrant,
  decodeGrant,
  type Grant,
  type LoginCall,
  type Reply,
} from '@keyhaven/core/session';
import type { Candidate } from '@keyhaven/core/wire';
import type { Asking } from './asking.ts';
import type { Surroundings } from './environment.ts';
import type { KeyPath } from './key-path.ts';
import type { LmLink, Target } from './lm-link.ts';
import type { AskedLogin } from './login-options.ts';
import { createSession, type Session } from './session.ts';

// Logins at one key of one license manager, and the sessions that come of them.

/** One login at one license manager. */
export type Attempt = { readonly link: LmLink; readonly asked: AskedLogin; readonly asking: Asking };

export type Logins = {
  requestFor(candidate: Candidate, asked: AskedLogin, nonce: Uint8Array): LoginCall;
  /** @throws LicensingError SCHAN_ERR (46) where the grant is not what was asked for */
  sessionWith(attempt: Attempt, candidate: Candidate, grant: Grant, path: KeyPath): Session;
  loginAt(attempt: Attempt, candidate: Candidate, signal: AbortSignal | undefined): Promise<Session>;
};

export type LoginsOptions = {
  readonly identity: ApplicationIdentity;
  readonly entropy: Entropy;
  readonly surroundings: Pick<Surroundings, 'time' | 'remoteDesktop'>;
  /** What an LM says of itself and of the key. */
  readonly ask: (link: LmLink, target: Target, wanted: number) => Promise<InfoData>;
};

const MAX_UNSETTLED = 64;

export const callOn = (path: KeyPath, call: Call): Promise<Reply> => new Promise((done, fail) => path.call(call, done, fail));

const wantedAt = ({ product }: Candidate, { feature, seats }: AskedLogin) => ({ product, feature, seats });

export const createLogins = ({ identity, entropy, surroundings, ask }: LoginsOptions): Logins => {
  const { time } = surroundings;
  /**
   * Logins that nobody answered: the key may have granted them. The next login of the same kind repeats one of them, so that neither its seat
   * nor its executions are lost. BOUNDED by MAX_UNSETTLED for each kind of login at a license manager.
   */
  const unsettled = new WeakMap<LmLink, Map<string, Uint8Array[]>>();
  const unsettledAt = (link: LmLink): Map<string, Uint8Array[]> => {
    const found = unsettled.get(link) ?? new Map<string, Uint8Array[]>();
    unsettled.set(link, found);
    return found;
  };

  const logins: Logins = {
    requestFor(candidate, asked, nonce) {
      const { executions, dieAtExpiration } = asked;
      const remote = surroundings.remoteDesktop?.() === true ? { remoteDesktop: true as const } : {};
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
        ask: (bits) => ask(link, target, bits),
        later: time.later,
        persist: (attempt) => link.persist(target, attempt),
        onClosed: (closed) => link.users.delete(closed),
        now: time.now,
        nonce: () => entropy.bytes(16),
        expiringWithinMs: asked.expiringWithinMs,
      });
      link.users.add(session);
      return session;
    },

    async loginAt(attempt, candidate, signal) {
      const { link, asked } = attempt;
      const { key, licenseManager: lm } = candidate;
      const { executions, dieAtExpiration } = asked;
      const open = unsettledAt(link);
      const name = JSON.stringify([key, lm.guid, { ...wantedAt(candidate, asked), executions, dieAtExpiration }]);
      const nonce = open.get(name)?.pop() ?? entropy.bytes(16);
      const request = logins.requestFor(candidate, asked, nonce);
      const work = link.persist(
        { candidate, vendor: asked.vendor },
        async (path) => {
          const reply = await callOn(path, request);
          if (reply.status !== Status.OK) throw new LicensingError(reply.status, { detail: Buffer.from(reply.body).toString('utf8') });
          return logins.sessionWith(attempt, candidate, decodeGrant(reply.body), path);
        },
        signal,
      );
      return work.catch((error: unknown) => {
        // A grant that somebody spoiled on its way (46) was given too.
        const unknown =
          !(error instanceof LicensingError) ||
          error.status === Status.LOCAL_COMM_ERR ||
          error.status === Status.REMOTE_COMM_ERR ||
          error.status === Status.SCHAN_ERR;
        const nonces = open.get(name) ?? [];
        if (unknown && nonces.length < MAX_UNSETTLED) open.set(name, [...nonces, nonce]);
        throw error;
      });
    },
  };
  return logins;
};
