import type { LicensingError, SelectionNote } from '@keyhaven/core/errors';
import type { FormatInput, InfoData } from '@keyhaven/core/format';
import type { License } from '@keyhaven/core/license';
import type { Candidate } from '@keyhaven/core/wire';
import type { Expiring } from './expiry.ts';
import type { LinkUser } from './lm-link.ts';

// What an application gets from a login.

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

/** The bytes of any view or buffer. They are to stay as they are until the call is settled. */
export type Bytes = ArrayBufferView | ArrayBufferLike;

/** One login to one feature. Every method rejects with LicensingError, also where its arguments are wrong (501). */
export type Session = {
  readonly id: string;
  readonly feature: number;
  readonly product: number;
  readonly key: string;
  readonly licenseManager: Candidate['licenseManager'];
  /** How its license manager was selected (T5). */
  readonly selection: readonly SelectionNote[];
  /** What the vendor signed about the feature. */
  readonly license: License;
  /** @param bytes at least 16; the result is 41 bytes longer and opens with `decrypt` of the same feature in any key of the vendor. */
  encrypt(bytes: Bytes): Promise<Uint8Array>;
  decrypt(bytes: Bytes): Promise<Uint8Array>;
  /**
   * Memory of the key: 65524 can be read and written, 65525 only read, 1 to 65471 as its vendor says. Up to 512 KiB in one call, which is atomic;
   * longer ones are read and written in pieces, each atomic and durable by itself.
   */
  read(options: { readonly file: number; readonly offset: number; readonly length: number }): Promise<Uint8Array>;
  /** Resolves when it is durable. */
  write(options: { readonly file: number; readonly offset: number; readonly data: Bytes }): Promise<void>;
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
  /** Told once when the end is near and once in grace, also where no call is made. It does not keep the process alive. */
  on(event: 'expiring', listener: (expiring: Expiring) => void): void;
  [Symbol.asyncDispose](): Promise<void>;
} & LinkUser;
