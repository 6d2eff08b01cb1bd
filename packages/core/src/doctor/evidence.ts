// What the probes of `keyhaven net doctor` saw (R10, decision 0017): facts without a judgement. `diagnose` makes findings of them.

/** Who probed: the license manager of this computer from its own port, or the command from any port because none runs. */
export type SelfEvidence =
  | {
      readonly kind: 'license manager';
      readonly name: string;
      readonly guid: string;
      readonly port: number;
      readonly remoteLicenses: boolean;
      readonly remoteClients: boolean;
      readonly broadcast: boolean;
      /** It listens on single addresses only. */
      readonly bound: boolean;
    }
  | { readonly kind: 'command'; readonly name: string; readonly port: number; readonly found: 'nothing' | 'another program' };

/** Another license manager that this one knows. */
export type KnownLm = { readonly name: string; readonly guid: string; readonly address: string; readonly linked: boolean };

/** `failed`: the system says so by this code after so long; an ICMP message comes at once, an address that nobody has takes seconds. */
export type TcpEvidence =
  | { readonly kind: 'connected'; readonly ms: number }
  | { readonly kind: 'failed'; readonly code: string; readonly ms: number }
  | { readonly kind: 'silent' };

/** What answers a hello (K2) on the connection. */
export type HelloEvidence =
  | { readonly kind: 'license manager'; readonly guid: string; readonly name: string; readonly aheadSeconds?: number }
  | { readonly kind: 'denied'; readonly said: string }
  | { readonly kind: 'version'; readonly said: string }
  | { readonly kind: 'busy'; readonly said: string }
  | { readonly kind: 'other program'; readonly sign: string }
  | { readonly kind: 'closed' }
  | { readonly kind: 'mute' };

/** `too old`: its license manager does not know how to test back. */
export const inbounds = ['arrived', 'refused', 'lost', 'not sent', 'too old', 'not tried'] as const;
export type Inbound = (typeof inbounds)[number];

/** What its license manager says on a link. A guest has an identity of the moment, so that a link in use is not replaced (K14). */
export type LinkEvidence =
  | {
      readonly kind: 'linked';
      readonly as: 'itself' | 'guest';
      /** Whether a datagram that it sends uninvited reaches the port here. */
      readonly call: 'arrived' | 'lost' | 'not sent' | 'not tried';
      /** Whether it heard the question that got no answer. */
      readonly heard?: boolean;
      /** Whether TCP connections from it reach the port here; absent where nobody listens here, or an older version of this computer looked. */
      readonly inbound?: Inbound;
      /** Requests, and answers, larger than a packet. */
      readonly there: 'passed' | 'lost' | 'not tried';
      readonly back: 'passed' | 'lost' | 'not tried';
    }
  | { readonly kind: 'denied'; readonly as: 'itself' | 'guest'; readonly said: string }
  /** It knows no probes, or the link failed. */
  | { readonly kind: 'failed'; readonly code: string };

export type UdpEvidence =
  | { readonly kind: 'answered'; readonly from: string; readonly guid: string; readonly ms: number }
  | { readonly kind: 'silent' }
  /** The time did not suffice. */
  | { readonly kind: 'untried' }
  /** This computer refused to send it. */
  | { readonly kind: 'unsent'; readonly code: string };
/** From another port, which hears what the network says against it. */
export type DirectEvidence =
  | UdpEvidence
  | { readonly kind: 'failed'; readonly code: string; readonly ms: number }
  | { readonly kind: 'stray'; readonly bytes: number };

export type AddressEvidence = {
  readonly address: string;
  /** `subnet`: `group` reaches everybody there. */
  readonly place: { readonly kind: 'own' } | { readonly kind: 'subnet'; readonly group: string } | { readonly kind: 'elsewhere' };
  readonly tcp: TcpEvidence;
  /** Absent without a connection. */
  readonly hello?: HelloEvidence;
  /** Absent where no license manager answered, and for this computer itself. */
  readonly link?: LinkEvidence;
  /** From the port of the license manager here. */
  readonly udp: UdpEvidence;
  readonly direct: DirectEvidence;
  /** A license manager answers there. */
  readonly otherPort?: number;
  /** A rule here that keeps it out. */
  readonly deniedHere?: string;
};
export type NameEvidence =
  | { readonly kind: 'address' }
  | { readonly kind: 'resolved' }
  | { readonly kind: 'unresolved'; readonly code: string };
export type HostEvidence = {
  /** As it was asked for: HOST or HOST:PORT. */
  readonly asked: string;
  readonly host: string;
  readonly port: number;
  readonly name: NameEvidence;
  readonly addresses: readonly AddressEvidence[];
};
/** A search to everybody on the link of an interface. */
export type BroadcastEvidence = {
  readonly interface: string;
  readonly family: 4 | 6;
  readonly to: string;
  readonly unsent?: string;
  readonly answers: readonly { readonly guid: string; readonly address: string }[];
};
export type Evidence = {
  readonly self: SelfEvidence;
  readonly known: readonly KnownLm[];
  readonly broadcasts: readonly BroadcastEvidence[];
  readonly hosts: readonly HostEvidence[];
};

/** BOUNDED: hosts of one run, those at a time, and addresses of a host. */
export const MAX_HOSTS = 64;
export const HOSTS_AT_A_TIME = 8;
export const MAX_ADDRESSES = 4;
/** How long the probes of one host take at most. */
export const HOST_MS = 10_000;
