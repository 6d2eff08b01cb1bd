// The kinds of traffic by name, and what the table says of each.

/** Payload bytes: of a datagram, or of one message within a connection. */
export type Range = { readonly least: number; readonly most: number };
/**
 * `datagram`: one packet. `connection`: a TCP connection, by its first bytes. `request`: an HTTP request within a connection `link`. `system`:
 * what the operating system sends because of the others.
 */
export type Layer = 'datagram' | 'connection' | 'request' | 'system';

export type Traffic = {
  readonly kind: Kind;
  readonly layer: Layer;
  readonly transport: string;
  readonly trigger: string;
  readonly from: string;
  readonly to: string;
  /** From port to port. */
  readonly ports: string;
  readonly bytes: Range;
  /** Of the answer, where it is part of the same exchange. */
  readonly answer?: Range;
  readonly interval: string;
  readonly purpose: string;
  readonly clause: string;
};

export const kinds = [
  'search',
  'hint',
  'answer',
  'started',
  'stopping',
  'changed',
  'stray',
  'link',
  'hello',
  'confirm',
  'exchange',
  'listen',
  'local',
  'administration',
  'health',
  'tls',
  'refused',
  'names',
  'arp',
  'neighbours',
  'membership',
  'unreachable',
] as const;
export type Kind = (typeof kinds)[number];

export type Words = Omit<Traffic, 'kind'>;

export const exactly = (bytes: number): Range => ({ least: bytes, most: bytes });
export const OWN_PORT = 'any to 1947';
