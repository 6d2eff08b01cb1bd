import { Buffer } from 'node:buffer';
import { hex, Reader } from '@keyhaven/core/bytes';
import { LicensingError, type SelectionNote, Status } from '@keyhaven/core/errors';
import type { Format, FormatInput, InfoData } from '@keyhaven/core/format';
import type { Feature } from '@keyhaven/core/license';
import { type ApplicationIdentity, type Grant, MAX_CALL_BYTES, type Reply } from '@keyhaven/core/session';
import type { Candidate } from '@keyhaven/core/wire';
import type { Alarms } from './alarms.ts';
import { callback, given, oneOf, reading, U32, whole } from './arguments.ts';
import { createConsuming } from './consuming.ts';
import { createExpiry, type Expiring } from './expiry.ts';
import { needsLicenseManager, render, sessionData, wantedBy } from './information.ts';
import type { KeyPath } from './key-path.ts';
import type { Limit } from './limits.ts';
import { type MemoryCalls, readMemory, writeMemory } from './memory-access.ts';
import { readData, readFile, readFormat, readRange, readWrite, unchanged } from './session-arguments.ts';
import { createSessionCalls, final } from './session-calls.ts';
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
  readonly persist: <T>(limit: Limit, attempt: (path: KeyPath) => Promise<T>) => Promise<T>;
  /** What the LM says of itself and of the key. */
  readonly ask: (wanted: number, limit: Limit) => Promise<InfoData>;
  /** For one call. */
  readonly limit: () => Limit;
  /** Why nothing came in time. */
  readonly silence: (limit: Limit) => Promise<LicensingError>;
  readonly later: (milliseconds: number, task: () => void) => void;
  /** For `expiring`. */
  readonly alarms: Alarms;
  readonly onClosed: (session: Session) => void;
  /** Milliseconds on a clock that only counts forward. */
  readonly now: () => number;
  /** 16 fresh random bytes. */
  readonly nonce: () => Uint8Array;
  readonly expiringWithinMs: number;
};

export const createSession = (options: SessionOptions): Session => {
  const { candidate, grant, identity } = options;
  const events = createSessionEvents();
  const expiry = createExpiry({ now: options.now, withinMs: options.expiringWithinMs, alarms: options.alarms, ask: () => ownInfo() });
  expiry.learn(grant.end);
  let certificate = options.path.certificate;
  const calls = createSessionCalls({
    grant,
    path: options.path,
    identity,
    events,
    persist: options.persist,
    limit: options.limit,
    silence: options.silence,
    later: options.later,
    onReply: expiry.look,
    onEnd() {
      expiry.stop();
      options.onClosed(session);
    },
    onPath(path) {
      certificate = path.certificate;
    },
  });
  const { call } = calls;
  /** Several calls within the time of one. */
  const within = async <T>(work: (limit: Limit) => Promise<T>): Promise<T> => {
    const limit = options.limit();
    try {
      return await work(limit);
    } finally {
      limit.end();
    }
  };

  // Made by the key and authenticated by the channel.
  const ownInfo = async (limit?: Limit): Promise<SessionInfo> => {
    const own = await call(
      (handle) => ({ kind: 'info', handle }),
      (reply) => JSON.parse(Buffer.from(reply.body).toString('utf8')) as SessionInfo,
      undefined,
      limit,
    );
    const { time, ends, graceEnds } = own;
    // The license may have been renewed meanwhile.
    expiry.learn(time === undefined || ends === undefined || graceEnds === undefined ? undefined : { now: time, ends, last: graceEnds });
    return own;
  };
  const memoryWithin = (limit?: Limit): MemoryCalls => ({
    call: (make, take) => call(make, (reply) => take(reply.body), undefined, limit),
    size: (file) =>
      call(
        (handle) => ({ kind: 'size', handle, file }),
        (reply) => new Reader(reply.body).u32(),
        undefined,
        limit,
      ),
  });
  const memory = memoryWithin();
  const consuming = createConsuming(
    (nonce, executions, limit) =>
      call(
        (handle) => ({ kind: 'consume', handle, nonce, executions }),
        (reply) => new Reader(reply.body).u32(),
        Status.FEATURE_EXPIRED,
        limit,
      ),
    options.nonce,
  );
  function on(event: 'lost' | 'restored', listener: (error?: LicensingError) => void): void;
  function on(event: 'expiring', listener: (expiring: Expiring) => void): void;
  function on(event: SessionEvent, listener: ((error?: LicensingError) => void) | ((expiring: Expiring) => void)): void {
    const asked = reading(() => oneOf(event, 'the name of the event', sessionEvents));
    const told = reading(() => callback<typeof listener>(listener, 'the listener'));
    // The signatures above say which listener belongs to which event.
    if (asked === 'expiring') expiry.listen(told as (expiring: Expiring) => void);
    else events.on(asked, told as (error?: LicensingError) => void);
  }
  const dataFor = async (format: Format | undefined, limit: Limit): Promise<InfoData> => {
    const told = format !== undefined && needsLicenseManager(format) ? await options.ask(wantedBy(format), limit) : undefined;
    return sessionData({ info: await ownInfo(limit), certificate, sold: options.sold, candidate, identity, told });
  };
  function info(): Promise<SessionInfo>;
  function info(format: 'data'): Promise<InfoData>;
  function info(format: FormatInput): Promise<string>;
  function info(input?: FormatInput): Promise<SessionInfo | InfoData | string> {
    if (input === undefined) return ownInfo();
    if (input === 'data') return within((limit) => dataFor(undefined, limit));
    return given(
      () => readFormat(input),
      (format) => within(async (limit) => render(format, await dataFor(format, limit))),
    );
  }
  const cipher = (kind: 'encrypt' | 'decrypt', value: unknown): Promise<Uint8Array> =>
    given(
      () => readData(value),
      (data) => call((handle, repeated) => ({ kind, handle, data: repeated ? unchanged(data) : data.bytes }), bytesOf),
    );

  const session: Session = {
    id: hex(grant.session),
    feature: grant.feature,
    product: grant.product,
    key: candidate.key,
    licenseManager: candidate.licenseManager,
    selection: options.selection,
    license: options.sold.license,
    encrypt: (data) => cipher('encrypt', data),
    decrypt: (data) => cipher('decrypt', data),
    read: (options) =>
      given(
        () => readRange(options),
        ({ length, ...range }) =>
          length <= MAX_CALL_BYTES ? readMemory(memory, range, length) : within((limit) => readMemory(memoryWithin(limit), range, length)),
      ),
    write: (options) =>
      given(
        () => readWrite(options),
        ({ data, ...range }) => within((limit) => writeMemory(memoryWithin(limit), range, data.bytes, () => unchanged(data))),
      ),
    size: (file) => given(() => readFile(file), memory.size),
    clock: () =>
      call(
        (handle) => ({ kind: 'clock', handle }),
        (reply) => new Date(new Reader(reply.body).u53()),
      ),
    info,
    consume: (executions) =>
      given(
        () => whole(executions, 'executions', 1, U32),
        (count) => within((limit) => consuming(count, limit)),
      ),
    async logout() {
      if (calls.ended) return;
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
      calls.end(new LicensingError(Status.ALREADY_LOGGED_OUT));
    },
    on,
    [Symbol.asyncDispose]: () => session.logout(),
    uses: (of) => of.key === candidate.key && of.licenseManager.guid === candidate.licenseManager.guid,
    fail(error) {
      calls.end(error);
      events.ended(error);
    },
    close: () =>
      calls.end(
        new LicensingError(Status.INV_HND, {
          detail: 'The application has closed its connections with close().',
          remedy: 'Call createLicensing again, and log in there.',
        }),
      ),
    recover: calls.recover,
  };
  return session;
};

const sessionEvents = ['lost', 'restored', 'expiring'] as const satisfies readonly SessionEvent[];
/** A copy: the reply is a view on what the socket read. */
const bytesOf = (reply: Reply): Uint8Array => new Uint8Array(reply.body);
const nothing = (): void => undefined;
