import type { Notification } from './datagram.ts';

// What the machine hands to its shell.

export type Reason = 'search' | 'hint' | 'answer' | 'started' | 'stopping' | 'changed';
export type Send = {
  readonly kind: 'send';
  readonly why: Reason;
  readonly to: string;
  readonly port: number;
  /** The interface of a broadcast. */
  readonly via: string | undefined;
  /** The socket of an answer. */
  readonly local: string | undefined;
  readonly bytes: Uint8Array;
};
export type Found = {
  readonly kind: 'found';
  readonly guid: string;
  /** As the answer's source, a link-local one with its zone. */
  readonly address: string;
  /** The TCP port. */
  readonly port: number;
  readonly family: 4 | 6;
  readonly scopeId: string | undefined;
};
export type Heard = {
  readonly kind: 'heard';
  readonly guid: string;
  readonly address: string;
  readonly notification: Notification;
  /** A peer, or one that was found. Of others only `started` and `changed` are told: a reason to `ask` there. */
  readonly known: boolean;
};
/** Another computer uses the GUID of this one (K9). */
export type Clone = { readonly kind: 'clone'; readonly address: string };
/** The answer to a question out of turn (D19): told, not followed. */
export type Probed = {
  readonly kind: 'probed';
  readonly cookie: number;
  readonly guid: string;
  readonly address: string;
  /** The TCP port. */
  readonly port: number;
};
export type Output = Send | Found | Heard | Clone | Probed;

/** What became of a datagram; for people who watch the network (R10). */
export type Verdict =
  | 'answered'
  | 'found'
  | 'probed'
  | 'heard'
  | 'own'
  | 'clone'
  | 'limited'
  | 'repeated'
  | 'not asked'
  | 'one of many'
  | 'nothing to offer'
  | 'unreadable'
  | 'impossible source'
  | 'inactive';
