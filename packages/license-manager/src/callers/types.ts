// What an LM knows of the process at the other end of a local connection. A hello says which process it comes from, and a connection to
// 127.0.0.1 says that something on this computer opened it; neither is proof. Seats that count processes or stations, and features without
// network, go by what the system says instead. Decision 0029.

/** Both ends of a TCP connection, as this end sees them. */
export type Ends = {
  readonly here: { readonly address: string; readonly port: number };
  readonly there: { readonly address: string; readonly port: number };
};

/** A process as it names itself; `start` 0 = it does not say when it started. */
export type Claim = { readonly pid: number; readonly start: number };

/** What the system says about the other end of a connection. */
export type Owner =
  /** The named process holds it. `pid` and `start` as this LM sees them. */
  | { readonly kind: 'process'; readonly pid: number; readonly start: number }
  /** Another process holds it, or the named one does not run on this computer. */
  | { readonly kind: 'other' }
  /** The system does not say. */
  | { readonly kind: 'unseen' };

/** Asks the system; takes at most some milliseconds where it can read, and never rejects. */
export type FindOwner = (ends: Ends, claim: Claim) => Promise<Owner>;

/** What seats go by. */
export type Seen = {
  /** Names the process among those of this computer, or begins with `?` and names a connection whose process is not seen. */
  readonly unit: string;
  /** Something stands between: the application is not known to be on this computer. */
  readonly forwarded: boolean;
  /** The process whose end ends the sessions, as this LM numbers it; absent = the one that the hello names. */
  readonly process?: Claim;
};

export type Caller = {
  /** The system is asked once, when this is first needed; later calls give the same. Never rejects. */
  seen(): Seen | Promise<Seen>;
};
