import { HOUR } from '../time/index.ts';
import type { Recipient } from './documents.ts';

// Stored shapes of what is lent, moved and gone. One row per copy that is out; a key that is no more leaves its last word behind.

/** Detached by default for a day (field-facts 4.4). */
export const DEFAULT_DETACH_MS = 24 * HOUR;
/**
 * The owner takes the seats back so long after the recipient's end, and a fiftieth of the time later (detach-end.ts): the clocks of two computers
 * may differ by so much. A recipient whose clock is further behind than that could still grant when its seats are granted here; nothing in
 * software alone prevents it, and docs/threat-model.md says so.
 */
export const DETACH_MARGIN_MS = 2 * HOUR;

export type Reserved = { readonly feature: number; readonly seats: number };

/** One copy that is out. Row `KEY/detach/CHILD`: the recipient's key is the name of the detachment. */
export type DetachRow = {
  readonly product: number;
  /** What it adds to `used` of each pool (I1): the most that any of its files gives, for any of them may be the one in force. */
  readonly reserved: readonly Reserved[];
  readonly seats: number;
  readonly network: boolean;
  readonly from: number;
  readonly until: number;
  readonly sequence: number;
  readonly guid: string;
  readonly host: string;
  /** Not free again before the owner has run for so many milliseconds in all (`countedTime`); absent in rows of versions before this rule. */
  readonly freeAt?: number;
  /** By the recipient's word: when the owner had run for 0 milliseconds it was this time or later. Milliseconds since 1970. */
  readonly realAtZero?: number;
};

/** Of a key as a whole. Row `KEY/transfer/state`. */
export type TransferRow = {
  /** The highest sequence of a delegation; never falls, so that an older file is known as older. */
  readonly sequence: number;
  /** Copies that are out: as long as there are any, the key can neither move nor be given back. */
  readonly out: number;
  /** How often the key has moved. */
  readonly rehosts: number;
};
export const NO_TRANSFERS: TransferRow = { sequence: 0, out: 0, rehosts: 0 };

/** Of a key that is no more here. Row `KEY/transfer/gone`; its private key went with it. */
export type GoneRow = {
  readonly why: 'returned' | 'rehosted';
  readonly at: number;
  readonly vendor: number;
  /** The file that says so, base64url: it may be asked for again where the first one was lost. */
  readonly document: string;
  /** The sequence of the last delegation, or how often the key has moved. */
  readonly number: number;
  /** Where a moved key went: the recipient's key. */
  readonly to: string;
};

type RowKey = `${string}/${string}/${string}`;
export const detachRowKey = (key: string, child: string): RowKey => `${key}/detach/${child}`;
export const transferRowKey = (key: string): RowKey => `${key}/transfer/state`;
export const goneRowKey = (key: string): RowKey => `${key}/transfer/gone`;

export type To = Pick<Recipient, 'key' | 'guid' | 'host' | 'virtualMachine' | 'created'>;
