import type { Applicant, Login, LoginReply, PoolId, SeatDecision } from '@keyhaven/core/seats';
import type { AttemptDenial } from '@keyhaven/core/session';
import type { Clock, Wall } from '@keyhaven/core/time';
import type { AuditEntry } from '@keyhaven/ledger';
import type { KeyChannel, Party } from './key-channel.ts';
import type { LiveSession } from './live-sessions.ts';

// The words of waiting for a seat: between a channel, the line (waiting.ts) and the authority.

/** Somebody who wants a seat, as its channel knows him. */
export type Wish = {
  /** Of the session that it will be. */
  readonly id: string;
  readonly pool: PoolId;
  readonly applicant: Applicant;
  readonly seats: number;
  /** When its refusal, or its wait in vain, is a denial; absent = always. */
  readonly denial: AttemptDenial | undefined;
  readonly channel: KeyChannel;
  readonly party: Party;
  /** Resolves when what logins are judged by is known. */
  ready(): Promise<void> | undefined;
  /** By the license in force. @throws LicensingError */
  command(): Login;
  /** Whether its channel was opened under the license in force (I4). */
  current(): boolean;
  open(): boolean;
};

export type Told =
  | { readonly kind: 'granted'; readonly session: LiveSession }
  | { readonly kind: 'waiting'; readonly place: number; readonly since: Wall };
export type Asked = Told | { readonly kind: 'held'; readonly answer: Promise<Told> };
export type Shape = (decision: SeatDecision<LoginReply>) => SeatDecision<LoginReply>;

/** Somebody in a line, for people. */
export type WaitingPlace = {
  readonly pool: PoolId;
  /** From 1 on. */
  readonly place: number;
  readonly applicant: Applicant;
  readonly seats: number;
  readonly priority: number;
  readonly since: Wall;
};
export type WaitingOptions = {
  readonly clock: Clock;
  time(): Wall;
  priorityOf(applicant: Applicant, pool: PoolId): number;
  reservedForOthers(applicant: Applicant, pool: PoolId): number;
  /** As any login; `shape` may add to what the ledger notes of it. */
  login(command: Login, channel: KeyChannel, party: Party, shape: Shape): Promise<LiveSession>;
  changing(keyId: string): Promise<void> | undefined;
  live(id: string): LiveSession | undefined;
  release(session: LiveSession, cause: 'logout' | 'process ended'): Promise<void>;
  detached(channel: KeyChannel, session: LiveSession): void;
  note(entry: AuditEntry): void;
};

export type Waiting = {
  /**
   * A seat or a place; `held` where the place is the one `known`: then its answer comes when there is something to say.
   * @param since when it first asked, where its ticket proves that
   * @throws LicensingError where waiting is in vain
   */
  ask(wish: Wish, known: number, since: Wall | undefined): Promise<Asked>;
  /** Gives back its place, or the seat that it got. Resolves when that is done. */
  withdraw(id: string, holder: string): Promise<void>;
  /** The channel is gone: passed over from now on, and forgotten unless its application asks again. */
  left(id: string, channel: KeyChannel): void;
  processEnded(pid: number, start: number): void;
  /** Seats of the pool may have come free. */
  freed(pool: PoolId): void;
  /** The license of the key, or what is known against it, has changed. */
  changed(keyId: string): void;
  /** For a login that does not wait: how many wait, where one of them stands before it; else 0. */
  behind(command: Login): number;
  count(pool: PoolId): number;
  /** Who waits, each line in its order. */
  places(): readonly WaitingPlace[];
  close(): void;
};
