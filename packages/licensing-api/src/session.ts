import { Buffer } from 'node:buffer';
import { hex, Reader } from '@keyhaven/core/bytes';
import { LicensingError, type SelectionNote, Status, type StatusCode } from '@keyhaven/core/errors';
import { type Format, type FormatInput, type InfoData, toFormat } from '@keyhaven/core/format';
import type { Feature } from '@keyhaven/core/license';
import { type ApplicationIdentity, type Call, decodeGrant, type Grant, MAX_CALL_BYTES, type Reply } from '@keyhaven/core/session';
import type { Candidate } from '@keyhaven/core/wire';
import { createConsuming } from './consuming.ts';
import { createExpiry, type Expiring } from './expiry.ts';
import { needsLicenseManager, render, sessionData, wantedBy } from './information.ts';
import type { KeyPath, PathLost } from './key-path.ts';
import { type MemoryCalls, readMemory, writeMemory } from './memory-access.ts';
import { createSessionEvents } from './session-events.ts';
import type { Session, SessionEvent, SessionInfo } from './session-types.ts';

export type { Session, SessionEvent, SessionInfo } from './session-types.ts';

export type SessionOptions = {
  readonly candidate: Candidate;
  readonly grant: Grant;
  readonly sold: Feature;
  readonly selection: readonly SelectionNote[];
  readonly path: KeyPath;
  readonly identity: ApplicationIdentity;
  readonly persist: <T>(attempt: (path: KeyPath) => Promise<T>) => Promise<T>;
  /** What the LM says of itself and of the key. */
  readonly ask: (wanted: number) => Promise<InfoData>;
  readonly later: (milliseconds: number, task: () => void) => void;
  readonly onClosed: (session: Session) => void;
  /** Milliseconds on a clock that only counts forward. */
  readonly now: () => number;
  /** 16 fresh random bytes. */
  readonly nonce: () => Uint8Array;
  readonly expiringWithinMs: number;
};

type State =
  | { readonly kind: 'open'; readonly path: KeyPath; readonly handle: number }
  | { readonly kind: 'away' }
  | { readonly kind: 'ended'; readonly error: LicensingError };

const errorOf = (reply: Reply): LicensingError => new LicensingError(reply.status, { detail: Buffer.from(reply.body).toString('utf8') });
const failure = (error: unknown): LicensingError =>
  error instanceof LicensingError ? error : new LicensingError(Status.INT_ERR, { cause: error });
/** Statuses after which a session does not come back. */
const final: ReadonlySet<StatusCode> = new Set([
  Status.BROKEN_SESSION,
  Status.KILLED_SESSION,
  Status.FEATURE_EXPIRED,
  Status.ACCESS_DENIED,
]);
/** Statuses of a call that say that its session has ended. */
const ending: ReadonlySet<StatusCode> = new Set([Status.BROKEN_SESSION, Status.KILLED_SESSION, Status.FEATURE_EXPIRED]);
const RETRY_MS = 1_000;

export const createSession = (options: SessionOptions): Session => {
  const { candidate, grant, identity } = options;
  const events = createSessionEvents();
  const expiry = createExpiry(options.now, options.expiringWithinMs);
  expiry.learn(grant.end);
  let certificate = options.path.certificate;
  let state: State = { kind: 'open', path: options.path, handle: grant.handle };
  let resuming: Promise<{ readonly path: KeyPath; readonly handle: number }> | undefined;
  let recovering = false;

  const end = (error: LicensingError): void => {
    if (state.kind === 'ended') return;
    state = { kind: 'ended', error };
    options.onClosed(session);
  };

  /** One resumption for however many calls wait for it. */
  const resume = (): Promise<{ readonly path: KeyPath; readonly handle: number }> => {
    resuming ??= options
      .persist(async (path) => {
        const reply = await new Promise<Reply>((done, fail) =>
          path.call({ kind: 'resume', session: grant.session, token: grant.token, application: identity }, done, fail),
        );
        if (reply.status !== Status.OK) throw errorOf(reply);
        const again = decodeGrant(reply.body);
        const same = again.product === grant.product && again.feature === grant.feature && again.seats === grant.seats;
        if (!same || !Buffer.from(again.session).equals(grant.session))
          throw new LicensingError(Status.SCHAN_ERR, { detail: 'Another session was resumed.' });
        return { path, handle: again.handle };
      })
      .then(
        (found) => {
          if (state.kind !== 'ended') state = { kind: 'open', ...found };
          certificate = found.path.certificate;
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
        resuming = undefined;
      });
    return resuming;
  };

  /** @param keeps a status after which the session goes on, though others end it by that. */
  const call = <T>(make: (handle: number, repeated: boolean) => Call, take: (reply: Reply) => T, keeps?: StatusCode): Promise<T> =>
    new Promise((resolve, reject) => {
      const done = (reply: Reply): void => {
        expiry.look();
        if (reply.status === Status.OK) return resolve(take(reply));
        const error = errorOf(reply);
        if (ending.has(reply.status) && reply.status !== keeps) {
          end(error);
          events.ended(error);
        }
        reject(error);
      };
      const retry = (lost: PathLost | undefined, again = false): void => {
        if (state.kind === 'ended') return reject(state.error);
        // A record that does not open means that somebody interferes: told, not smoothed over (46).
        if (lost?.reason.status === Status.SCHAN_ERR) return reject(lost.reason);
        if (state.kind === 'open' && !state.path.alive) state = { kind: 'away' };
        // A resumption that was under way already may be near its end: then this call waits for one more.
        const joined = resuming !== undefined;
        resume().then(
          ({ path, handle }) => path.call(make(handle, true), done, (lostAgain) => retry(lostAgain)),
          (error: unknown) => (joined && !again && state.kind !== 'ended' ? retry(undefined, true) : reject(failure(error))),
        );
      };
      if (state.kind === 'open' && state.path.alive) state.path.call(make(state.handle, false), done, (lost) => retry(lost));
      else retry(undefined);
    });

  // Made by the key and authenticated by the channel.
  const ownInfo = async (): Promise<SessionInfo> => {
    const own = await call(
      (handle) => ({ kind: 'info', handle }),
      (reply) => JSON.parse(Buffer.from(reply.body).toString('utf8')) as SessionInfo,
    );
    const { time, ends, graceEnds } = own;
    // The license may have been renewed meanwhile.
    expiry.learn(time === undefined || ends === undefined || graceEnds === undefined ? undefined : { now: time, ends, last: graceEnds });
    return own;
  };
  const memory: MemoryCalls = {
    call: (make, take) => call(make, (reply) => take(reply.body)),
    size: (file) =>
      call(
        (handle) => ({ kind: 'size', handle, file }),
        (reply) => new Reader(reply.body).u32(),
      ),
  };
  const consuming = createConsuming(
    (nonce, executions) =>
      call(
        (handle) => ({ kind: 'consume', handle, nonce, executions }),
        (reply) => new Reader(reply.body).u32(),
        Status.FEATURE_EXPIRED,
      ),
    options.nonce,
  );
  function on(event: 'lost' | 'restored', listener: (error?: LicensingError) => void): void;
  function on(event: 'expiring', listener: (expiring: Expiring) => void): void;
  function on(event: SessionEvent, listener: ((error?: LicensingError) => void) | ((expiring: Expiring) => void)): void {
    // The signatures above say which listener belongs to which event.
    if (event === 'expiring') expiry.listen(listener as (expiring: Expiring) => void);
    else events.on(event, listener as (error?: LicensingError) => void);
  }
  const dataFor = async (format: Format | undefined): Promise<InfoData> => {
    const told = format !== undefined && needsLicenseManager(format) ? await options.ask(wantedBy(format)) : undefined;
    return sessionData({ info: await ownInfo(), certificate, sold: options.sold, candidate, identity, told });
  };
  function info(): Promise<SessionInfo>;
  function info(format: 'data'): Promise<InfoData>;
  function info(format: FormatInput): Promise<string>;
  async function info(input?: FormatInput): Promise<SessionInfo | InfoData | string> {
    if (input === undefined) return ownInfo();
    if (input === 'data') return dataFor(undefined);
    const format = toFormat(input);
    return render(format, await dataFor(format));
  }

  const session: Session = {
    id: hex(grant.session),
    feature: grant.feature,
    product: grant.product,
    key: candidate.key,
    licenseManager: candidate.licenseManager,
    selection: options.selection,
    license: options.sold.license,
    encrypt: (data) => (fits(data) ? call((handle) => ({ kind: 'encrypt', handle, data }), bytesOf) : tooLong()),
    decrypt: (data) => (fits(data) ? call((handle) => ({ kind: 'decrypt', handle, data }), bytesOf) : tooLong()),
    read({ file, offset, length }) {
      if (!isWhole(file) || !isWhole(offset) || !isWhole(length)) return notWhole('file, offset and length');
      return readMemory(memory, { file, offset }, length);
    },
    write({ file, offset, data }) {
      if (!isWhole(file) || !isWhole(offset)) return notWhole('file and offset');
      return writeMemory(memory, { file, offset }, data);
    },
    size: (file) => (isWhole(file) ? memory.size(file) : notWhole('file')),
    clock: () =>
      call(
        (handle) => ({ kind: 'clock', handle }),
        (reply) => new Date(new Reader(reply.body).u53()),
      ),
    info,
    consume: (executions) =>
      isWhole(executions) && executions > 0 ? consuming(executions) : invalid('executions must be a whole number of 32 bits and not 0.'),
    async logout() {
      if (state.kind === 'ended') return;
      const unmute = events.mute();
      try {
        await call((handle) => ({ kind: 'logout', handle }), nothing);
      } catch (error) {
        // It has ended already, or repeating the logout found nothing left to end.
        if (!(error instanceof LicensingError) || !(final.has(error.status) || error.status === Status.INV_HND)) {
          unmute();
          throw error;
        }
      }
      end(new LicensingError(Status.ALREADY_LOGGED_OUT));
    },
    on,
    [Symbol.asyncDispose]: () => session.logout(),
    uses: (of) => of.key === candidate.key && of.licenseManager.guid === candidate.licenseManager.guid,
    fail(error) {
      end(error);
      events.ended(error);
    },
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
  return session;
};

// The checks give rejections, not async functions around every call: a call is one promise (P1).
const isWhole = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
const fits = (bytes: Uint8Array): boolean => bytes.length <= MAX_CALL_BYTES;
const invalid = (detail: string): Promise<never> => Promise.reject(new LicensingError(Status.INVALID_PARAMETER, { detail }));
const notWhole = (names: string): Promise<never> => invalid(`${names} must be a whole number of 32 bits.`);
const tooLong = (): Promise<never> => invalid(`One call takes at most ${MAX_CALL_BYTES} bytes.`);
/** A copy: the reply is a view on what the socket read. */
const bytesOf = (reply: Reply): Uint8Array => new Uint8Array(reply.body);
const nothing = (): void => undefined;
