import type { Entropy } from '@keyhaven/core/crypto';
import type { LicensingError } from '@keyhaven/core/errors';
import type { Login, PoolId, PoolRow, ReleaseCause } from '@keyhaven/core/seats';
import type { Clock, Wall } from '@keyhaven/core/time';
import type { Decision, Ledger, RowKey, Rows } from '@keyhaven/ledger';
import type { Access } from '../access/index.ts';
import type { AuditWriter } from '../acts/index.ts';
import type { Applied, Keystore } from '../keystore/index.ts';
import type { LoginGuard, TrialUse } from './guard.ts';
import type { KeyChannel, Party } from './key-channel.ts';
import type { LiveSession } from './live-sessions.ts';
import type { PoolFacts } from './pool-facts.ts';
import type { Sharing } from './sharing.ts';
import type { Waiting, WaitingPlace } from './wish.ts';

// What an authority is given, what it does for others, and what its key channels may ask of it.

export type AuthorityOptions = {
  readonly ledger: Ledger;
  readonly audit: Pick<AuditWriter, 'write'>;
  readonly keystore: Keystore;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly idleTimeoutMs: number;
  /** What is known against logins apart from seats, and the license time; without it nothing, and the computer's clock. */
  readonly guard?: LoginGuard;
  /** The administrator's rules; without them everybody may take every seat (R9). */
  readonly access?: Access;
  /** What is marked of trial licenses here; absent = nothing but the rows of their pools (K8). */
  readonly trials?: TrialUse;
  /** Whom the ledger is shared with (T4); absent = nobody. */
  readonly sharing?: Sharing;
  /** A session began to run for this party, in this channel. */
  readonly onAttached: (party: Party, session: string, channel: KeyChannel) => void;
  /** A session is without a channel: somebody has to look whether its application still runs. */
  readonly onAway: (session: LiveSession) => void;
  /** A session has ended, whoever ended it. */
  readonly onEnded: (session: LiveSession, cause: ReleaseCause) => void;
};

export type Authority = {
  /**
   * Opens a channel to a key here.
   * @throws WireError, or LicensingError KEY_NOT_FOUND (7), STORAGE_CORRUPT (47), OLD_LM (42)
   */
  open(
    keyId: string,
    opening: Uint8Array,
    party: Party,
    send: (record: Uint8Array) => void,
    fail: (error: LicensingError) => void,
    onHeld?: () => void,
  ): KeyChannel;
  /**
   * Likewise for a key whose device signs, which takes its time (K7); undefined where the key is software, or not here.
   * Rejects as `open` throws; DEVICE_ERR (43) where the device does not sign.
   */
  openAtDevice(...opening: Parameters<Authority['open']>): Promise<KeyChannel> | undefined;
  release(session: LiveSession, cause: ReleaseCause): Promise<void>;
  /** The application ended: its sessions here are released. */
  processEnded(pid: number, start: number): Promise<void>;
  hasSessionsOf(pid: number, start: number): boolean;
  renew(holder: string, count: number, digest: Uint8Array): boolean;
  renewExactly(holder: string, sessions: readonly Uint8Array[]): Uint8Array[];
  /**
   * A remote LM says that its session has ended: with its application, or by an administrator there. Another LM's session is not touched (S14).
   */
  releaseFor(holder: string, session: string, cause: 'process ended' | 'killed'): Promise<void>;
  sessions(): IterableIterator<LiveSession>;
  session(id: string): LiveSession | undefined;
  readonly sessionCount: number;
  /** Seats in use of a pool. */
  used(pool: PoolId): number;
  /** Most seats of a pool in use at once since this process began. */
  peak(pool: PoolId): number;
  /** All that is decided of a pool. */
  pool(pool: PoolId): PoolRow;
  /** Who waits for a seat of a pool (A4). */
  waiting(pool: PoolId): number;
  /** Who waits for the keys here, each line in its order. */
  waitingPlaces(): readonly WaitingPlace[];
  /** V2C documents of one key, all or nothing. */
  apply(documents: Uint8Array | readonly Uint8Array[]): Promise<Applied>;
  /** A license file of SL Legacy. */
  applyLegacy(document: Uint8Array): Promise<Applied>;
  /**
   * Runs `work` while nobody logs in to the key and nothing else changes its license (K5).
   * @param sessions `end`: its sessions have ended when `work` begins.
   */
  exclusively<T>(keyId: string, sessions: 'keep' | 'end', work: () => Promise<T>): Promise<T>;
  /** A decision made elsewhere has changed pools of the key. */
  decided(keyId: string, changes: readonly { readonly key: string; readonly row: object | undefined }[]): void;
  /** Takes over what other processes changed that share the ledger. */
  refresh(): Promise<void>;
  /** This license manager is over for the others: its sessions have ended (T4). Never rejects. */
  stopped(): Promise<void>;
  /** The license time: what licenses end by. */
  time(): Wall;
  close(): void;
};

/** What key channels may ask of the authority. */
export type AuthorityCore = {
  readonly ledger: Ledger;
  readonly keystore: Keystore;
  readonly clock: Clock;
  readonly guard: LoginGuard | undefined;
  /** Whether the administrator's rules say something else to an application of another computer than to one of this. */
  asksWhere(): boolean;
  login(command: Login, channel: KeyChannel, party: Party): Promise<LiveSession>;
  /** A decision about the seats of a key, by the license in force. Rejects with LicenseChanged where that is another one by now. */
  decide<T>(keyId: string, rows: readonly RowKey[], decide: (rows: Rows, now: Wall) => Decision<T>): Promise<T>;
  /** undefined while the sessions here are believed; else resolves when that is known, and then they have ended or go on. */
  verified(): Promise<void> | undefined;
  /** Other processes share the ledger. */
  readonly shared: boolean;
  /** Resolves when what other processes did is known; undefined where there are none. */
  refresh(): Promise<void> | undefined;
  attach(session: LiveSession, channel: KeyChannel, party: Party): void;
  /** Set while the license of the key changes: its logins wait, for what is sold is about to be another. */
  changing(keyId: string): Promise<void> | undefined;
  live(id: string): LiveSession | undefined;
  release(session: LiveSession, cause: ReleaseCause): Promise<void>;
  /** The channel is gone; its sessions wait for their application. */
  detached(channel: KeyChannel, sessions: readonly LiveSession[]): void;
  used(pool: PoolId): number;
  readonly facts: PoolFacts;
  readonly trials: TrialUse | undefined;
  readonly waiting: Waiting;
  readonly idleTimeoutMs: number;
};
