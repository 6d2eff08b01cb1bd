import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { HostKind } from '@keyhaven/core/hosts';
import type { VendorCode } from '@keyhaven/core/license';
import type { Candidate } from '@keyhaven/core/wire';
import type { Surroundings } from './environment.ts';
import { type CertificateCache, type KeyPath, openKeyPath, PathLost } from './key-path.ts';
import type { LmConnection } from './lm-connection.ts';

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
};

export type LmLink = {
  readonly kind: HostKind;
  /** True while there is a connection, or one is being made. */
  readonly connected: boolean;
  /** @throws LicensingError where there is no connection */
  using<T>(work: (connection: LmConnection) => Promise<T>): Promise<T>;
  /** @throws PathLost; LicensingError, which is not about the path */
  pathTo(target: Target): Promise<KeyPath>;
  /** Repeats until there is a path, at most RECOVERY_MS; what is not about the path passes through. */
  persist<T>(target: Target, attempt: (path: KeyPath) => Promise<T>, signal?: AbortSignal): Promise<T>;
  readonly users: Set<LinkUser>;
  /** Closes the connection for good where it does not come back, otherwise until it is needed. */
  close(): void;
};

export type LinkOptions = {
  readonly kind: HostKind;
  /** @param onClosed called once, after it resolved */
  connect(onClosed: (idle: boolean, why: LicensingError) => void): Promise<LmConnection>;
  /** Whether a connection that is lost is made again. */
  readonly recovers: boolean;
  /** Called once, where it does not recover. */
  readonly onGone?: () => void;
  readonly entropy: Entropy;
  readonly time: Surroundings['time'];
};

/** How long a session's call waits for an LM that restarts, before it says LOCAL_COMM_ERR (33) or REMOTE_COMM_ERR (40). The session stays. */
const RECOVERY_MS = 5_000;
const RETRY_MS = 100;

export const createLmLink = ({ kind, connect, recovers, onGone, entropy, time }: LinkOptions): LmLink => {
  const paths = new Map<string, Promise<KeyPath>>(); // BOUNDED by the keys in use
  const certificates = new Map<string, CertificateCache>(); // BOUNDED by the vendors in use
  const users = new Set<LinkUser>(); // BOUNDED by what the application holds
  let connection: Promise<LmConnection> | undefined;
  let gone: LicensingError | undefined;

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
      paths.clear();
      leave(why);
      if (recovers && !idle) for (const user of users) user.recover();
    });
    connection = attempt;
    attempt.catch((error: unknown) => {
      if (connection === attempt) connection = undefined;
      leave(error instanceof LicensingError ? error : new LicensingError(Status.INT_ERR, { cause: error }));
    });
    return attempt;
  };

  const cacheOf = (vendor: VendorCode): CertificateCache => {
    const name = Buffer.from(vendor.publicKey).toString('base64url');
    const known = certificates.get(name) ?? new Map();
    certificates.set(name, known);
    return known;
  };
  const pathTo = async ({ candidate, vendor }: Target): Promise<KeyPath> => {
    const lm = candidate.licenseManager.guid;
    const name = `${candidate.key} ${lm} ${vendor.vendor}`;
    const existing = paths.get(name);
    if (existing !== undefined) return existing;
    const attempt = (async (): Promise<KeyPath> => {
      let via: LmConnection;
      try {
        via = await connected();
      } catch (error) {
        throw error instanceof LicensingError && error.status === Status.LOCAL_COMM_ERR ? new PathLost(error) : error;
      }
      via.retain();
      try {
        return await openKeyPath(via, { key: candidate.key, lm, vendor }, cacheOf(vendor), entropy, (idle) => {
          if (paths.get(name) === attempt) paths.delete(name);
          // L4: a connection closed for being unused is made again by the next call, and nobody is told.
          if (idle || (!recovers && !via.alive)) return;
          for (const user of users) if (user.uses(candidate)) user.recover();
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

  return {
    kind,
    get connected() {
      return connection !== undefined;
    },
    users,
    pathTo,
    async using(work) {
      const via = await connected();
      via.retain();
      try {
        return await work(via);
      } finally {
        via.release();
      }
    },
    async persist(target, attempt, signal) {
      const until = time.now() + RECOVERY_MS;
      for (;;) {
        signal?.throwIfAborted();
        try {
          return await attempt(await pathTo(target));
        } catch (error) {
          if (!(error instanceof PathLost)) throw error;
          // Somebody on the way interferes: no time is spent on that. Nor on what does not come back.
          if (error.reason.status === Status.SCHAN_ERR || gone !== undefined) throw gone ?? error.reason;
          if (time.now() + RETRY_MS > until) throw error.reason;
        }
        await time.pause(RETRY_MS);
      }
    },
    close() {
      connection?.then((open) => open.close()).catch(() => undefined);
    },
  };
};
