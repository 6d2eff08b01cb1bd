import { Buffer } from 'node:buffer';
import { hex, Reader } from '@keyhaven/core/bytes';
import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { type Format, type FormatInput, type InfoData, toFormat } from '@keyhaven/core/format';
import type { Feature, License } from '@keyhaven/core/license';
import { type ApplicationIdentity, type Call, decodeGrant, type Grant, MAX_CALL_BYTES, type Reply } from '@keyhaven/core/session';
import type { Candidate } from '@keyhaven/core/wire';
import { createConsuming } from './consuming.ts';
import { createExpiry, type Expiring } from './expiry.ts';
import { needsLicenseManager, render, sessionData, wantedBy } from './information.ts';
import type { KeyPath, PathLost } from './key-path.ts';
import type { Target } from './licensing.ts';
import { type MemoryCalls, readMemory, writeMemory } from './memory-access.ts';
import { createSessionEvents } from './session-events.ts';

/** What a session says of itself. Times in seconds. */
export type SessionInfo = {
  readonly session: string;
  readonly key: string;
  readonly product: number;
  readonly feature: number;
  readonly seats: number;
  readonly since: number;
  readonly license: License | null;
  readonly limit: number | null;
  readonly used: number;
  readonly idleTimeout: number;
  readonly idleRemaining: number;
  /** Executions taken so far, where the license counts them. */
  readonly executions?: number;
  /** Milliseconds since 1970: the first use, where days count from there. */
  readonly firstUse?: number;
  /** Likewise: the end, the last moment of its grace (`ends` where it has none), and the time now; where time ends the license. */
  readonly ends?: number;
  readonly graceEnds?: number;
  readonly time?: number;
  readonly inGrace?: boolean;
};

/** `lost`: the way to the key is gone, or the session has ended. `restored`: it goes on. `expiring`: the license ends soon, or is in grace. */
export type SessionEvent = 'lost' | 'restored' | 'expiring';

/** One login to one feature. Every method rejects with LicensingError. */
export type Session = {
  readonly id: string;
  readonly feature: number;
  readonly product: number;
  readonly key: string;
  readonly licenseManager: Candidate['licenseManager'];
  /** What the vendor signed about the feature. */
  readonly license: License;
  /** @param bytes at least 16; the result is 41 bytes longer and opens with `decrypt` of the same feature in any key of the vendor. */
  encrypt(bytes: Uint8Array): Promise<Uint8Array>;
  decrypt(bytes: Uint8Array): Promise<Uint8Array>;
  /**
   * Memory of the key: 65524 can be read and written, 65525 only read, 1 to 65471 as its vendor says. Up to 512 KiB in one call, which is atomic;
   * longer ones are read and written in pieces, each atomic and durable by itself.
   */
  read(options: { readonly file: number; readonly offset: number; readonly length: number }): Promise<Uint8Array>;
  /** Resolves when it is durable. */
  write(options: { readonly file: number; readonly offset: number; readonly data: Uint8Array }): Promise<void>;
  size(file: number): Promise<number>;
  /** The time of the key's license manager. */
  clock(): Promise<Date>;
  info(): Promise<SessionInfo>;
  /** The same, and the key with its product and feature, as plain data. */
  info(format: 'data'): Promise<InfoData>;
  /** As the XML that the format asks for. Does not count as use of the session. */
  info(format: FormatInput): Promise<string>;
  /**
   * Takes executions, each call exactly once whatever gets lost; resolves to how many are left when that is durable. Rejects with FEATURE_EXPIRED
   * (41) where none is left, FEATURE_INSUFFICIENT_EXECUTION_COUNT (81) where there are fewer, INV_OPTION (104) where they are not counted.
   */
  consume(executions: number): Promise<number>;
  logout(): Promise<void>;
  on(event: 'lost' | 'restored', listener: (error?: LicensingError) => void): void;
  /** Looked at when the session begins, at its calls, and when somebody begins to listen: told once when the end is near, once in grace. */
  on(event: 'expiring', listener: (expiring: Expiring) => void): void;
  [Symbol.asyncDispose](): Promise<void>;
  /** For the API itself. */
  uses(candidate: Candidate): boolean;
  recover(): void;
};

export type SessionOptions = {
  readonly target: Target;
  readonly grant: Grant;
  readonly sold: Feature;
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
  const { target, grant, identity } = options;
  const { candidate } = target;
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
