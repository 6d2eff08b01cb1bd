import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type FormatInput, type InfoData, parseInfoData, toFormat } from '@keyhaven/core/format';
import { parseVendorCode, type VendorCode } from '@keyhaven/core/license';
import { parseScope, type Scope, type ScopeInput, type LoginOptions as ScopeOptions, scopeToXml, toScope } from '@keyhaven/core/scope';
import {
  type ApplicationIdentity,
  type Call,
  checkGrant,
  decodeGrant,
  type Grant,
  type LoginCall,
  type Reply,
  soldFeature,
} from '@keyhaven/core/session';
import { DAY } from '@keyhaven/core/time';
import { ASK, type Candidate } from '@keyhaven/core/wire';
import { acknowledge, type Updated } from './acknowledge.ts';
import { type LmAddress, type Surroundings, systemSurroundings } from './environment.ts';
import { render, wantedBy } from './information.ts';
import { type CertificateCache, type KeyPath, openKeyPath, PathLost } from './key-path.ts';
import { connectToLm, type LmConnection } from './lm-connection.ts';
import { createSession, type Session } from './session.ts';
import { type TransferOptions, transferWish } from './transfer.ts';
import { checkWait, waitForSeat } from './waiting.ts';

// Everything one process does with licenses: one connection to the local LM, one path per key, and the sessions in them. When a connection or
// a path is lost, it is made again and the sessions are resumed by their tokens; calls under way are repeated, and repeating one changes
// nothing twice.

/** For hosts and simulations that bring their own way to the LM and their own time; applications use `login` of index.ts. */
export type { Surroundings } from './environment.ts';
export type { LmSocket } from './lm-connection.ts';

export type LoginOptions = {
  readonly vendorCode: string;
  /** Feature id; 0 = the default feature, which says that a key is there. */
  readonly feature?: number;
  readonly scope?: Scope | ScopeInput | string;
  readonly seats?: number;
  readonly executions?: number;
  readonly dieAtExpiration?: boolean;
  /** How long before the end of a license `expiring` is told; 7 days where it is left out. */
  readonly expiringWithinMs?: number;
  /** Stands in line for a seat where none is free. */
  readonly wait?: { readonly timeoutMs: number };
  /** The place in line, from 1 on, when it is known and whenever it has changed. */
  readonly onWaiting?: (place: number) => void;
  readonly lm?: 'auto' | 'admin' | 'external' | 'integrated';
  readonly signal?: AbortSignal;
};

/** Where a session runs. */
export type Target = { readonly candidate: Candidate; readonly vendor: VendorCode };

export type Licensing = {
  login(options: LoginOptions): Promise<Session>;
  find(options: Pick<LoginOptions, 'vendorCode' | 'feature' | 'scope'>): Promise<readonly Candidate[]>;
  /** What is here and at other LMs, within the scope; without taking a seat. The LM says it, and nobody proves it. */
  information(options: Pick<LoginOptions, 'vendorCode' | 'scope'>): Promise<InfoData>;
  /** The same as the XML that the format asks for. */
  information(options: Pick<LoginOptions, 'vendorCode' | 'scope'> & { readonly format: FormatInput }): Promise<string>;
  /** Applies a license document of this text; `ack` where its vendor asks for an acknowledgement. */
  update(document: string): Promise<Updated>;
  /** The text of the file. */
  transfer(options: TransferOptions): Promise<string>;
  close(): void;
};

/** How long a session's call waits for an LM that restarts, before it says LOCAL_COMM_ERR (33) or REMOTE_COMM_ERR (40). The session stays. */
const RECOVERY_MS = 5_000;
const RETRY_MS = 100;
const MAX_SCOPE = 32 * 1024;
const MAX_UNSETTLED = 64;

const parseOptions = (options: LoginOptions) => {
  const vendor = parseVendorCode(options.vendorCode);
  let scope = '';
  let fromScope: ScopeOptions = {};
  if (typeof options.scope === 'string' && options.scope !== '') {
    fromScope = parseScope(options.scope).options;
    scope = options.scope;
  } else if (options.scope !== undefined && typeof options.scope !== 'string') {
    scope = scopeToXml(toScope(options.scope));
  }
  if (Buffer.byteLength(scope, 'utf8') > MAX_SCOPE)
    throw new LicensingError(Status.INVALID_PARAMETER, { detail: 'The scope is longer than 32 KiB.' });
  const whole = (value: number | undefined, otherwise: number, max: number, name: string): number => {
    const number = value ?? otherwise;
    if (!Number.isInteger(number) || number < 0 || number > max)
      throw new LicensingError(Status.INVALID_PARAMETER, { detail: `${name} must be a whole number from 0 to ${max}.` });
    return number;
  };
  return {
    vendor,
    scope,
    feature: whole(options.feature, 0, 0xffff_ffff, 'feature'),
    seats: Math.max(1, whole(options.seats ?? fromScope.seats, 1, 32_752, 'seats')),
    executions: whole(options.executions ?? fromScope.executions, 0, 16_777_215, 'executions'),
    dieAtExpiration: options.dieAtExpiration ?? fromScope.dieAtExpiration ?? false,
    expiringWithinMs: whole(options.expiringWithinMs, 7 * DAY, Number.MAX_SAFE_INTEGER, 'expiringWithinMs'),
  };
};

export const createLicensing = (
  address: LmAddress,
  identity: ApplicationIdentity,
  entropy: Entropy,
  surroundings: Surroundings = systemSurroundings,
): Licensing => {
  const { time } = surroundings;
  const paths = new Map<string, Promise<KeyPath>>(); // BOUNDED by the keys in use
  const certificates = new Map<string, CertificateCache>(); // BOUNDED by the vendors in use
  const sessions = new Set<Session>(); // BOUNDED by what the application holds
  /**
   * Logins that nobody answered: the key may have granted them. The next login of the same kind repeats one of them, so that neither its seat
   * nor its executions are lost. BOUNDED by MAX_UNSETTLED for each kind of login.
   */
  const unsettled = new Map<string, Uint8Array[]>();
  let connection: Promise<LmConnection> | undefined;

  const connected = (): Promise<LmConnection> => {
    if (connection !== undefined) return connection;
    const attempt = connectToLm(address, identity, surroundings, (idle) => {
      connection = undefined;
      paths.clear();
      if (!idle) for (const session of sessions) session.recover();
    });
    connection = attempt;
    attempt.catch(() => {
      if (connection === attempt) connection = undefined;
    });
    return attempt;
  };

  const pathTo = async ({ candidate, vendor }: Target): Promise<KeyPath> => {
    const lm = candidate.licenseManager.guid;
    const name = `${candidate.key} ${lm} ${vendor.vendor}`;
    const existing = paths.get(name);
    if (existing !== undefined) return existing;
    const vendorName = Buffer.from(vendor.publicKey).toString('base64url');
    let known = certificates.get(vendorName);
    if (known === undefined) {
      known = new Map();
      certificates.set(vendorName, known);
    }
    const cache = known;
    const attempt = (async (): Promise<KeyPath> => {
      let via: LmConnection;
      try {
        via = await connected();
      } catch (error) {
        throw error instanceof LicensingError && error.status === Status.LOCAL_COMM_ERR ? new PathLost(error) : error;
      }
      via.retain();
      try {
        return await openKeyPath(via, { key: candidate.key, lm, vendor }, cache, entropy, (idle) => {
          if (paths.get(name) === attempt) paths.delete(name);
          // L4: a connection closed for being unused is made again by the next call, and nobody is told.
          if (idle) return;
          for (const session of sessions) if (session.uses(candidate)) session.recover();
        });
      } finally {
        via.release();
      }
    })();
    paths.set(name, attempt);
    attempt.catch(() => {
      if (paths.get(name) === attempt) paths.delete(name);
    });
    return attempt;
  };

  const call = (path: KeyPath, of: Call): Promise<Reply> => new Promise((done, fail) => path.call(of, done, fail));

  /** Repeats until there is a path, at most RECOVERY_MS; what is not about the path passes through. */
  const persist = async <T>(target: Target, attempt: (path: KeyPath) => Promise<T>, signal?: AbortSignal): Promise<T> => {
    const until = time.now() + RECOVERY_MS;
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await attempt(await pathTo(target));
      } catch (error) {
        if (!(error instanceof PathLost)) throw error;
        // Somebody on the way interferes: no time is spent on that.
        if (error.reason.status === Status.SCHAN_ERR) throw error.reason;
        if (time.now() + RETRY_MS > until) throw error.reason;
      }
      await time.pause(RETRY_MS);
    }
  };

  type Asked = ReturnType<typeof parseOptions>;
  const wantedAt = ({ product }: Candidate, { feature, seats }: Asked) => ({ product, feature, seats });
  const requestFor = (candidate: Candidate, asked: Asked, nonce: Uint8Array): LoginCall => {
    const { executions, dieAtExpiration } = asked;
    const remote = surroundings.remoteDesktop?.() === true ? { remoteDesktop: true as const } : {};
    const terms = { ...wantedAt(candidate, asked), executions, dieAtExpiration, ...remote, tellEnd: true as const };
    return { kind: 'login', nonce, ...terms, application: identity };
  };
  const sessionWith = (target: Target, asked: Asked, grant: Grant, path: KeyPath): Session => {
    const { key } = target.candidate;
    const sold = checkGrant(grant, wantedAt(target.candidate, asked), path.certificate);
    const session = createSession({
      target,
      grant: { ...grant, session: Buffer.from(grant.session), token: Buffer.from(grant.token) },
      sold,
      path,
      identity,
      ask: (bits) => ask({ vendor: target.vendor, scope: scopeToXml(toScope({ key: { id: key } })) }, bits),
      later: time.later,
      persist: (attempt) => persist(target, attempt),
      onClosed: (closed) => sessions.delete(closed),
      now: time.now,
      nonce: () => entropy.bytes(16),
      expiringWithinMs: asked.expiringWithinMs,
    });
    sessions.add(session);
    return session;
  };

  const loginAt = async (target: Target, asked: Asked, signal: AbortSignal | undefined): Promise<Session> => {
    const { key, licenseManager: lm } = target.candidate;
    const { executions, dieAtExpiration } = asked;
    const name = JSON.stringify([key, lm.guid, { ...wantedAt(target.candidate, asked), executions, dieAtExpiration }]);
    const nonce = unsettled.get(name)?.pop() ?? entropy.bytes(16);
    const request = requestFor(target.candidate, asked, nonce);
    const work = persist(
      target,
      async (path) => {
        const reply = await call(path, request);
        if (reply.status !== Status.OK) throw new LicensingError(reply.status, { detail: Buffer.from(reply.body).toString('utf8') });
        return sessionWith(target, asked, decodeGrant(reply.body), path);
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
      const nonces = unsettled.get(name) ?? [];
      if (unknown && nonces.length < MAX_UNSETTLED) unsettled.set(name, [...nonces, nonce]);
      throw error;
    });
  };

  const find = async (asked: Pick<ReturnType<typeof parseOptions>, 'vendor' | 'feature' | 'scope'>): Promise<readonly Candidate[]> => {
    const via = await connected();
    via.retain();
    try {
      const found = await via.find({
        vendor: asked.vendor.vendor,
        vendorKey: asked.vendor.publicKey,
        feature: asked.feature,
        scope: asked.scope,
      });
      if (found.status !== Status.OK) throw refusal(found.status, found.detail);
      return found.candidates;
    } finally {
      via.release();
    }
  };

  const ask = async (asked: Pick<ReturnType<typeof parseOptions>, 'vendor' | 'scope'>, bits: number): Promise<InfoData> => {
    const via = await connected();
    via.retain();
    try {
      const { vendor, scope } = asked;
      return parseInfoData(await via.ask({ vendor: vendor.vendor, vendorKey: vendor.publicKey, wanted: bits, scope }));
    } finally {
      via.release();
    }
  };

  type Question = Pick<LoginOptions, 'vendorCode' | 'scope'>;
  function information(options: Question): Promise<InfoData>;
  function information(options: Question & { readonly format: FormatInput }): Promise<string>;
  async function information(options: Question & { readonly format?: FormatInput }): Promise<InfoData | string> {
    const asked = parseOptions(options);
    if (options.format === undefined) return ask(asked, ASK.sessions | ASK.fingerprint);
    const format = toFormat(options.format);
    return render(format, await ask(asked, wantedBy(format)));
  }

  const loginSomewhere = async (asked: ReturnType<typeof parseOptions>, signal: AbortSignal | undefined): Promise<Session> => {
    let refused: LicensingError | undefined;
    for (const candidate of await find(asked)) {
      try {
        return await loginAt({ candidate, vendor: asked.vendor }, asked, signal);
      } catch (error) {
        if (!(error instanceof LicensingError)) throw error;
        // All seats taken says more than what another key refused for.
        if (refused === undefined || error.status === Status.TOO_MANY_USERS) refused = error;
      }
    }
    throw refused ?? new LicensingError(Status.KEY_NOT_FOUND);
  };

  const loginWaiting = (asked: Asked, wait: { readonly timeoutMs: number }, { signal, onWaiting }: LoginOptions): Promise<Session> => {
    const { vendor } = asked;
    return waitForSeat({
      find: () => find(asked),
      path: (candidate) => pathTo({ candidate, vendor }),
      call,
      request: (candidate, nonce) => requestFor(candidate, asked, nonce),
      accept: (candidate, grant, path) => sessionWith({ candidate, vendor }, asked, grant, path),
      loginAt: (candidate) => loginAt({ candidate, vendor }, asked, signal),
      isCounted: ({ product }, path) => soldFeature(path.certificate, product, asked.feature)?.license.type === 'executions',
      nonce: () => entropy.bytes(16),
      time,
      timeoutMs: wait.timeoutMs,
      signal,
      onWaiting,
    });
  };

  return {
    async login(options) {
      if (options.lm === 'external' || options.lm === 'integrated') {
        throw new LicensingError(Status.REQ_NOT_SUPP, {
          detail: `This version has no ${options.lm} license manager.`,
          remedy: 'Leave lm out, or use admin.',
        });
      }
      if (options.lm !== undefined && options.lm !== 'auto' && options.lm !== 'admin') {
        throw new LicensingError(Status.INVALID_PARAMETER, { detail: 'lm must be auto, admin, external or integrated.' });
      }
      const { signal } = options;
      const asked = parseOptions(options);
      signal?.throwIfAborted();
      if (options.wait !== undefined) {
        checkWait(options.wait);
        return loginWaiting(asked, options.wait, options);
      }
      return abortable(loginSomewhere(asked, signal), signal);
    },
    find: (options) => find(parseOptions(options)),
    information,
    async update(document) {
      const via = await connected();
      via.retain();
      try {
        const message = await via.update(Buffer.from(document, 'utf8'));
        const ack = await acknowledge(document, (of, key) =>
          ask({ vendor: of, scope: scopeToXml(toScope({ key: { id: key } })) }, ASK.c2v),
        );
        return { message, ...(ack === undefined ? {} : { ack }) };
      } finally {
        via.release();
      }
    },
    async transfer(options) {
      const wish = transferWish(options);
      const { vendor, scope } = parseOptions({
        vendorCode: options.vendorCode,
        ...(options.scope === undefined ? {} : { scope: options.scope }),
      });
      const via = await connected();
      via.retain();
      try {
        return await via.transfer({ vendor: vendor.vendor, vendorKey: vendor.publicKey, scope, ...wish });
      } finally {
        via.release();
      }
    },
    close() {
      connection?.then((open) => open.close()).catch(() => undefined);
    },
  };
};

const refusal = (status: number, detail: string): LicensingError => {
  const known = Object.values(Status).find((each) => each === status && each !== Status.OK);
  return new LicensingError(known ?? Status.INT_ERR, { detail });
};

/** Rejects as soon as the signal says so, whatever the LM does; a seat that comes afterwards is given back. */
const abortable = (work: Promise<Session>, signal: AbortSignal | undefined): Promise<Session> => {
  if (signal === undefined) return work;
  const aborted = Promise.withResolvers<never>();
  let decided = false;
  const abort = (): void => {
    if (decided) return;
    try {
      signal.throwIfAborted();
    } catch (reason) {
      aborted.reject(reason);
    }
    work.then((session) => session.logout()).catch(() => undefined);
  };
  signal.addEventListener('abort', abort, { once: true });
  const settled = (): void => {
    decided = true;
    signal.removeEventListener('abort', abort);
  };
  work.then(settled, settled);
  return Promise.race([work, aborted.promise]);
};
