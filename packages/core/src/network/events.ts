import type { Kind } from './kinds.ts';

// What happened on the network, as the live view tells it (R10). Says who and how much, and nothing of users, keys or sessions.

export type NetworkEvent = {
  /** Rises by one; a gap is what was not kept for whoever reads late. */
  readonly number: number;
  /** ISO 8601. */
  readonly at: string;
  readonly event: 'datagram' | 'opened' | 'closed' | 'request';
  /** Who began: `out` this license manager, `in` the other side. */
  readonly direction: 'in' | 'out';
  readonly kind: Kind;
  readonly peer: string;
  readonly port: number;
  /** Payload bytes; of a connection all of them, of a request those of its body. */
  readonly sent: number;
  readonly received: number;
  readonly result: string;
};
/** As whoever sees it reports it. */
export type Noted = Omit<NetworkEvent, 'number' | 'at'>;
export type Note = (noted: Noted) => void;

/** What is going to be sent, and when. */
export type Upcoming = { readonly kind: Kind; readonly to: string; readonly at: string };
