import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { HostKind } from '@keyhaven/core/hosts';
import type { VendorCode } from '@keyhaven/core/license';
import type { Candidate } from '@keyhaven/core/wire';
import { type CertificateCache, type KeyPath, openKeyPath, PathLost } from './key-path.ts';
import type { Limit } from './limits.ts';
import { type LmConnection, SILENCE_REMEDY } from './lm-connection.ts';
import type { OwnTime } from './own-time.ts';

// One license manager as this process uses it, whichever of the three: one connection, one path per key, and who has to know when they are lost.
// To the Admin LM and to an Integrated LM a lost connection is made again, and calls under way are repeated; repeating one changes nothing twice. An
// External LM that is gone stays gone for the sessions that it served (T3): a link to one is used once.

/** Where a session runs. */
export type Target = { readonly candidate: Candidate; readonly vendor: VendorCode };

/** What a session is told of its way. */
export type LinkUser = {
  uses(candidate: Candidate): boolean;
  /** The way is lost, and may come back. */
  recover(): void;
  /** It does not come back. */
  fail(error: LicensingError): void;
  /** The application has closed everything; there is nothing to tell. */
  close(): void;
};

export type LmLink = {
  readonly kind: HostKind;
  /** True while there is a connection, or one is being made. */
  readonly connected: boolean;
  /** This application starts it, and it has not answered yet. */
  readonly starting: boolean;
  /** @throws LicensingError where there is no connection, LOCAL_COMM_ERR (33) where the limit is over */
  using<T>(limit: Limit, work: (connection: LmConnection) => Promise<T>): Promise<T>;
  /** @throws PathLost; LicensingError, which is not about the path, or what `silence` says where the limit is over */
  pathTo(target: Target, limit: Limit, keepsAlive?: 'quietly'): Promise<KeyPath>;
  /** Repeats until there is a path, at most RECOVERY_MS and within the limit; what is not about the path passes through. */
  persist<T>(target: Target, limit: Limit, attempt: (path: KeyPath) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /**
   * Why nothing came from a key in time: where its license manager is another one than this and this one answers, it is REMOTE_COMM_ERR (40), otherwise
   * LOCAL_COMM_ERR (33).
   */
  silence(target: Target, limit: Limit): Promise<LicensingError>;
  readonly users: Set<LinkUser>;
  /** It does not come back. */
  readonly gone: boolean;
  /** Closes the connection for good. Sessions end with INV_HND (9), everything else with `why`. */
  close(why: LicensingError): void;
};

export type LinkOptions = {
  readonly kind: HostKind;
  /** @param onClosed called once, after it resolved */
  connect(onClosed: (idle: boolean, why: LicensingError) => void): Promise<LmConnection>;
  /** Whether a connection that is lost is made again. */
  readonly recovers: boolean;
  /** Whether a call waits for the connection, which keeps the process alive as long, and no longer. */
  readonly onAwaited?: (awaited: boolean) => void;
  /** Called once, where it does not recover. */
  readonly onGone?: () => void;
  readonly entropy: Entropy;
  readonly time: OwnTime;
};

/** How long a session's call waits for an LM that restarts, before it says LOCAL_COMM_ERR (33) or REMOTE_COMM_ERR (40). The session stays. */
const RECOVERY_MS = 5_000;
const RETRY_MS = 100;
/** A license manager that runs answers sooner, so one that does not is silent itself. */
const PROBE_MS = 300;

/** For what was started and has said nothing yet. */
const STARTING_REMEDY =
  'Its start goes on: repeat the call. On a slow or busy computer configure({ callTimeoutMs }) waits longer. A file that is no External LM never answers: put the right one beside the application.';

const names: Readonly<Record<HostKind, string>> = { admin: 'The Admin LM', external: 'The External LM', integrated: 'The Integrated LM' };
const inSeconds = (ms: number): number => Math.round(ms / 100) / 10;

export const createLmLink = ({ kind, connect, recovers, onGone, onAwaited, entropy, time }: LinkOptions): LmLink => {
  const paths = new Map<string, { readonly opening: Promise<KeyPath>; path?: KeyPath }>(); // BOUNDED by the keys in use
  const certificates = new Map<string, CertificateCache>(); // BOUNDED by the vendors in use
  const users = new Set<LinkUser>(); // BOUNDED by what the application holds
  let connection: Promise<LmConnection> | undefined;
  /** That of `connection`, once it is made. */
  let made: LmConnection | undefined;
  let gone: LicensingError | undefined;
  let waiting = 0;
  const isStarting = (): boolean => kind !== 'admin' && made === undefined && gone === undefined;

  const leave = (why: LicensingError): void => {
    if (recovers || gone !== undefined) return;
    gone = why;
    onGone?.();
    for (const user of [...users]) user.fail(why);
  };
  const connected = (): Promise<LmConnection> => {
    if (gone !== undefined) return Promise.reject(gone);
    if (connection !== undefined) return connection;
    const attempt = connect((idle, why) => {
      connection = undefined;
      made = undefined;
      paths.clear();
      leave(why);
      if (recovers && !idle) for (const user of users) user.recover();
    });
    connection = attempt;
    attempt.then(
      (open) => {
        if (connection === attempt) made = open;
      },
      (error: unknown) => {
        if (connection === attempt) connection = undefined;
        leave(error instanceof LicensingError ? error : new LicensingError(Status.INT_ERR, { cause: error }));
      },
    );
    return attempt;
  };

  const cacheOf = (vendor: VendorCode): CertificateCache => {
    const name = Buffer.from(vendor.publicKey).toString('base64url');
    const known = certificates.get(name) ?? new Map();
    certificates.set(name, known);
    return known;
  };
  const silent = ({ ms }: Limit): LicensingError =>
    new LicensingError(Status.LOCAL_COMM_ERR, {
      detail: `${names[kind]} does not answer: ${isStarting() ? 'it was started, and ' : ''}nothing came within ${inSeconds(ms)} s.`,
      remedy: isStarting() ? STARTING_REMEDY : SILENCE_REMEDY,
    });
  const silence = async ({ candidate }: Target, limit: Limit): Promise<LicensingError> => {
    const { guid, hostname, address } = candidate.licenseManager;
    const open = made;
    if (limit.cancelled || open === undefined || !(await open.answers(PROBE_MS))) return open?.silence(limit) ?? silent(limit);
    if (guid === open.guid) return open.silence(limit);
    return new LicensingError(Status.REMOTE_COMM_ERR, {
      detail: `The license manager of ${hostname} (${address}), which holds key ${candidate.key}, does not answer: nothing came within ${inSeconds(limit.ms)} s.`,
    });
  };
  const awaited = async <T>(connecting: Promise<T>): Promise<T> => {
    waiting += 1;
    if (waiting === 1) onAwaited?.(true);
    try {
      return await connecting;
    } finally {
      waiting -= 1;
      if (waiting === 0) onAwaited?.(false);
    }
  };
  const using: LmLink['using'] = async (limit, work) => {
    const via = await awaited(limit.until(connected(), () => silent(limit)));
    via.retain();
    try {
      return await work(via);
    } finally {
      via.release();
    }
  };

  const openPath = (name: string, { candidate, vendor }: Target): Promise<KeyPath> => {
    const entry: { readonly opening: Promise<KeyPath>; path?: KeyPath } = {
      opening: (async (): Promise<KeyPath> => {
        let via: LmConnection;
        try {
          via = await connected();
        } catch (error) {
          throw error instanceof LicensingError && error.status === Status.LOCAL_COMM_ERR ? new PathLost(error) : error;
        }
        const lm = candidate.licenseManager.guid;
        return openKeyPath(via, { key: candidate.key, lm, vendor }, cacheOf(vendor), entropy, (idle) => {
          if (paths.get(name) === entry) paths.delete(name);
          // L4: a connection closed for being unused is made again by the next call, and nobody is told.
          if (idle || (!recovers && !via.alive)) return;
          for (const user of users) if (user.uses(candidate)) user.recover();
        });
      })(),
    };
    paths.set(name, entry);
    entry.opening.then(
      (path) => {
        entry.path = path;
      },
      () => {
        if (paths.get(name) === entry) paths.delete(name);
      },
    );
    return entry.opening;
  };
  const pathTo: LmLink['pathTo'] = async (target, limit, keepsAlive) => {
    const { candidate, vendor } = target;
    const name = `${candidate.key} ${candidate.licenseManager.guid} ${vendor.vendor}`;
    const existing = paths.get(name);
    if (existing?.path !== undefined) return existing.path;
    const opening = existing?.opening ?? openPath(name, target);
    // Whoever waits for it keeps the process alive, and nobody else does.
    let waits = true;
    let release = (): void => undefined;
    connection?.then(
      (via) => {
        if (!waits || keepsAlive === 'quietly') return;
        via.retain();
        release = via.release;
      },
      () => undefined,
    );
    try {
      return await limit.until(opening, () => silence(target, limit));
    } finally {
      waits = false;
      release();
    }
  };

  return {
    kind,
    get connected() {
      return connection !== undefined;
    },
    get starting() {
      return isStarting();
    },
    get gone() {
      return gone !== undefined;
    },
    users,
    pathTo,
    silence,
    using,
    async persist(target, limit, attempt, signal) {
      let until: number | undefined;
      for (;;) {
        signal?.throwIfAborted();
        try {
          return await attempt(await pathTo(target, limit));
        } catch (error) {
          if (!(error instanceof PathLost)) throw error;
          // Somebody on the way interferes: no time is spent on that. Nor on what does not come back.
          if (error.reason.status === Status.SCHAN_ERR || gone !== undefined) throw gone ?? error.reason;
          until ??= time.now() + RECOVERY_MS;
          if (time.now() + RETRY_MS > until || limit.leftMs() <= RETRY_MS) throw error.reason;
        }
        await time.pause(RETRY_MS);
      }
    },
    close(why) {
      gone ??= why;
      for (const user of [...users]) user.close();
      users.clear();
    },
  };
};
