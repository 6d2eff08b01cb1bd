import type { StatusCode } from '../errors/index.ts';
import type { Wall } from '../time/index.ts';

// Words and stored shapes of the seats. Every row is small, so a decision costs the same with ten seats as with a million (P5).

/** The part of a license that the rules of seats need; the caller takes it from what the vendor signed. */
export type SeatTerms = {
  /** undefined = unlimited. */
  readonly seats: number | undefined;
  readonly count: 'login' | 'process' | 'station';
  /** False: only the computer with the key may use it. */
  readonly network: boolean;
  /** The last moment at which a login is granted. */
  readonly until: Wall | undefined;
  /** Executions sold; undefined where they are not counted. */
  readonly executions: number | undefined;
  /** No login is granted before this moment; absent = none such. */
  readonly from?: Wall;
  /** Ends so long after the first granted login; absent = not by that. */
  readonly periodMs?: number;
  /** It is a trial license, whose days are counted apart (K8); absent = no. */
  readonly trial?: true;
  /** Logins are granted so long after the end, too (K8); absent = not at all. */
  readonly graceMs?: number;
  /** False: not in a remote desktop session, or not with the key in a virtual machine; absent = allowed. */
  readonly remoteDesktop?: boolean;
  readonly virtualMachine?: boolean;
};

/** A pool is one feature of one product in one key. */
export type PoolId = { readonly key: string; readonly product: number; readonly feature: number };

/** `used` = sum of the seats of all sessions of the pool, a process or station counted once (I1). */
export type PoolRow = {
  readonly used: number;
  readonly executions: number;
  /** The first granted login of a license that counts its days from there; once set it never changes (K1). */
  readonly firstUse?: Wall;
  /** Likewise of a trial license: what is bought after it begins anew. */
  readonly trialUse?: Wall;
};
export const EMPTY_POOL: PoolRow = { used: 0, executions: 0 };

/** Who asks. `holder` is who answers for the application: `local`, the GUID of the remote LM, or an identity (holder.ts). */
export type Applicant = {
  readonly holder: string;
  readonly host: string;
  readonly user: string;
  readonly application: string;
  readonly pid: number;
  /** When the process started, in the units of its own system; tells apart two processes of one id. */
  readonly start: number;
  readonly address: string;
  /** Of several LMs that share a ledger, the one that answers for it (T3, T4); absent = there is one. */
  readonly instance?: string;
  /** The computer of the remote LM, as that has proven: all LMs of one computer have the same one; absent = the holder is the computer. */
  readonly station?: string;
  /** What the application is where processes count, as its LM saw it: the process, or a connection of which it sees no more; absent = pid and start. */
  readonly unit?: string;
  /** Another process stands between the application and its LM, as a TCP forward does: the application is not known to be on that computer. */
  readonly forwarded?: true;
};

export type SessionRow = Applicant & {
  readonly product: number;
  readonly feature: number;
  /** Seats of this session; of a process or station, what it asked for. */
  readonly seats: number;
  /** Which process or station it counts with; absent where each login counts. */
  readonly consumer?: string;
  readonly dieAtExpiration: boolean;
  readonly since: Wall;
  /** Nonces of the last CONSUMED_KEPT times that it consumed executions, the newest last; absent = it never did. */
  readonly consumed?: readonly string[];
};

/** All sessions of one process or station in one pool. */
export type ConsumerRow = { readonly sessions: number; readonly seats: number };

export type Login = {
  readonly kind: 'login';
  readonly pool: PoolId;
  /** What the vendor signed for the pool; undefined where the certificate has no such feature. */
  readonly terms: SeatTerms | undefined;
  /** Session id in hex, made from the request's nonce: a repeated request asks for the same session (S20). */
  readonly session: string;
  readonly applicant: Applicant;
  readonly seats: number;
  /** Executions to take; 0 means the default of one where executions are counted. */
  readonly executions: number;
  readonly dieAtExpiration: boolean;
  /** When its refusal is a denial; absent = always. Other keys are asked for the same login, too. */
  readonly denial?: 'never' | 'when full' | undefined;
  /** What the LM knows against it, whatever its seats: a clone, a clock set back, a key that is on two computers (K6, K9). */
  readonly barred?:
    | {
        readonly status: StatusCode;
        readonly detail: string;
        /** The administrator's rule that decided, and where it is written (R9). */
        readonly rule?: string;
        readonly place?: { readonly file: string; readonly line: number };
      }
    | undefined;
  /** Seats that rules keep for others (R9); absent = none. */
  readonly reservedForOthers?: number;
  /** So many wait for a seat of the pool, and one of them stands before this one: no seat is free for it (A4). Absent = 0 = nobody. */
  readonly behind?: number;
  /** The license time, where it is later than the ledger's: it only goes forward (K6). */
  readonly time?: Wall | undefined;
  /** The application runs in a remote desktop session, as it says. */
  readonly remoteDesktop?: boolean;
  /** The key's computer is a virtual machine. */
  readonly virtualMachine?: boolean;
  /** The first use of this license on this computer as it is known from elsewhere: what counts is the earlier one (K8). */
  readonly firstUse?: Wall | undefined;
};
/** Executions taken by a session that runs. */
export type Consume = {
  readonly kind: 'consume';
  readonly pool: PoolId;
  readonly terms: SeatTerms | undefined;
  readonly session: string;
  /** In hex: a repeated request has the same one, and takes nothing a second time. */
  readonly nonce: string;
  readonly executions: number;
};
export type ConsumeReply =
  | { readonly kind: 'consumed'; readonly left: number; readonly repeated: boolean }
  | { readonly kind: 'refused'; readonly status: StatusCode; readonly detail: string };
/** `stopped`: its own LM was stopped for longer than a lease lasts (T4). */
export const releaseCauses = ['logout', 'process ended', 'lease ended', 'idle', 'killed', 'license changed', 'expired', 'stopped'] as const;
export type ReleaseCause = (typeof releaseCauses)[number];
export type Release = {
  readonly kind: 'release';
  readonly pool: PoolId;
  readonly session: string;
  readonly consumer: string | undefined;
  readonly cause: ReleaseCause;
};
export type Command = Login | Release;

export type LoginReply =
  | { readonly kind: 'granted'; readonly session: SessionRow; readonly repeated: boolean }
  | { readonly kind: 'refused'; readonly status: StatusCode; readonly detail: string };
export type ReleaseReply = { readonly kind: 'released' } | { readonly kind: 'unknown' };
