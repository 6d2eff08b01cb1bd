import { Buffer } from 'node:buffer';
import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { type ApplicationIdentity, type Call, decodeGrant, type Grant, type Reply } from '@keyhaven/core/session';
import { callWithin, type KeyPath, type PathLost } from './key-path.ts';
import type { Limit } from './limits.ts';
import type { SessionEvents } from './session-events.ts';

// How the calls of a session reach its key: in the channel in which it was granted, or, when that is lost, in one in which it was resumed. Each call
// has a limit; what it does not get within that it does not get (33, 40), and the session stays.

export type SessionCallsOptions = {
  readonly grant: Grant;
  readonly path: KeyPath;
  readonly identity: ApplicationIdentity;
  readonly events: SessionEvents;
  readonly persist: <T>(limit: Limit, attempt: (path: KeyPath) => Promise<T>) => Promise<T>;
  /** For one call. */
  readonly limit: () => Limit;
  /** Why nothing came in time. */
  readonly silence: (limit: Limit) => Promise<LicensingError>;
  readonly later: (milliseconds: number, task: () => void) => void;
  /** The key has replied to a call. */
  readonly onReply: () => void;
  /** The session has ended. */
  readonly onEnd: () => void;
  /** It runs in a channel of the key with this certificate. */
  readonly onPath: (path: KeyPath) => void;
};

export type SessionCalls = {
  /**
   * @param keeps a status after which the session goes on, though others end it by that
   * @param limit of several calls together; where absent, this one has its own
   */
  call<T>(make: (handle: number, repeated: boolean) => Call, take: (reply: Reply) => T, keeps?: StatusCode, limit?: Limit): Promise<T>;
  readonly ended: boolean;
  /** Ends it here: later calls reject with this. */
  end(error: LicensingError): void;
  /** The path is lost: looks for another one until there is one. */
  recover(): void;
};

type Open = { readonly kind: 'open'; readonly path: KeyPath; readonly handle: number };
type State = Open | { readonly kind: 'away' } | { readonly kind: 'ended'; readonly error: LicensingError };

/** Statuses after which a session does not come back. */
export const final: ReadonlySet<StatusCode> = new Set([
  Status.BROKEN_SESSION,
  Status.KILLED_SESSION,
  Status.FEATURE_EXPIRED,
  Status.ACCESS_DENIED,
]);
/** Statuses of a call that say that its session has ended. */
const ending: ReadonlySet<StatusCode> = new Set([Status.BROKEN_SESSION, Status.KILLED_SESSION, Status.FEATURE_EXPIRED]);
const RETRY_MS = 1_000;

const errorOf = (reply: Reply): LicensingError => new LicensingError(reply.status, { detail: Buffer.from(reply.body).toString('utf8') });
const failure = (error: unknown): LicensingError =>
  error instanceof LicensingError ? error : new LicensingError(Status.INT_ERR, { cause: error });

export const createSessionCalls = (options: SessionCallsOptions): SessionCalls => {
  const { grant, events, silence } = options;
  let state: State = { kind: 'open', path: options.path, handle: grant.handle };
  let resuming: Promise<Open> | undefined;
  let recovering = false;

  const end = (error: LicensingError): void => {
    if (state.kind === 'ended') return;
    state = { kind: 'ended', error };
    options.onEnd();
  };
  const resumeOn = async (path: KeyPath, limit: Limit): Promise<Open> => {
    const { session, token } = grant;
    const resumption: Call = { kind: 'resume', session, token, application: options.identity };
    const reply = await callWithin(path, resumption, limit, { silence: () => silence(limit) });
    if (reply.status !== Status.OK) throw errorOf(reply);
    const again = decodeGrant(reply.body);
    const same = again.product === grant.product && again.feature === grant.feature && again.seats === grant.seats;
    if (!same || !Buffer.from(again.session).equals(session))
      throw new LicensingError(Status.SCHAN_ERR, { detail: 'Another session was resumed.' });
    return { kind: 'open', path, handle: again.handle };
  };
  /** One resumption for however many calls wait for it, with a limit of its own. */
  const resume = (): Promise<Open> => {
    if (resuming !== undefined) return resuming;
    const limit = options.limit();
    resuming = options
      .persist(limit, (path) => resumeOn(path, limit))
      .then(
        (found) => {
          if (state.kind !== 'ended') state = found;
          options.onPath(found.path);
          recovering = false;
          events.here();
          return found;
        },
        (error: unknown) => {
          if (error instanceof LicensingError && final.has(error.status)) {
            end(error);
            events.ended(error);
          }
          throw error;
        },
      )
      .finally(() => {
        limit.end();
        resuming = undefined;
      });
    return resuming;
  };

  const call: SessionCalls['call'] = (make, take, keeps, shared) =>
    new Promise((resolve, reject) => {
      const limit = shared ?? options.limit();
      let sent: { readonly path: KeyPath; readonly call: number } | undefined;
      /** Why it was not answered so far. */
      let trouble: LicensingError | undefined;
      const over = (): void => {
        if (shared === undefined) limit.end();
      };
      const refuse = (error: LicensingError): void => {
        over();
        reject(error);
      };
      const giveUp = (): void => {
        if (sent !== undefined) sent.path.letGo(sent.call);
        if (trouble?.status === Status.REMOTE_COMM_ERR) refuse(trouble);
        else void silence(limit).then(refuse);
      };
      const done = (reply: Reply): void => {
        options.onReply();
        if (reply.status === Status.OK) {
          over();
          return resolve(take(reply));
        }
        const error = errorOf(reply);
        if (ending.has(reply.status) && reply.status !== keeps) {
          end(error);
          events.ended(error);
        }
        refuse(error);
      };
      const send = ({ path, handle }: Open, repeated: boolean): void => {
        if (path.stuck) return giveUp();
        let request: Call;
        try {
          request = make(handle, repeated);
        } catch (error) {
          return refuse(failure(error));
        }
        sent = { path, call: path.call(request, done, retry) };
      };
      const retry = (lost: PathLost | undefined, again = false): void => {
        if (state.kind === 'ended') return refuse(state.error);
        // A record that does not open means that somebody interferes: told, not smoothed over (46).
        if (lost?.reason.status === Status.SCHAN_ERR) return refuse(lost.reason);
        trouble = lost?.reason ?? trouble;
        // It was given up: what it asked for may have been done or not, and is not asked for again behind the application's back.
        if (limit.over) return;
        if (state.kind === 'open' && !state.path.alive) state = { kind: 'away' };
        // A resumption that was under way already may be near its end: then this call waits for one more.
        const joined = resuming !== undefined;
        resume().then(
          (found) => (limit.over ? undefined : send(found, true)),
          (error: unknown) => (joined && !again && state.kind !== 'ended' ? retry(undefined, true) : refuse(failure(error))),
        );
      };
      limit.whenOver(giveUp);
      if (limit.over) return;
      if (state.kind === 'open' && state.path.alive) send(state, false);
      else retry(undefined);
    });

  return {
    call,
    get ended() {
      return state.kind === 'ended';
    },
    end,
    recover() {
      if (recovering || state.kind === 'ended') return;
      recovering = true;
      if (state.kind === 'open') state = { kind: 'away' };
      events.away();
      const attempt = (): void => {
        if (!recovering || state.kind === 'ended') return;
        // The next call tries on its own; this keeps trying so that `restored` comes without one.
        resume().catch(() => options.later(RETRY_MS, attempt));
      };
      options.later(10, attempt);
    },
  };
};
