import { decodeDatagram, type Reason } from '../discovery/index.ts';
import type { Kind } from './kinds.ts';

// From what is on the wire to its kind. What discovery gives as its reason is a kind by name; a `search` and a `hint` look alike on the wire and
// differ only for who sent them, so from outside both are a `search`.

export const kindOfReason = (reason: Reason): Kind => reason;

/** undefined: no datagram of ours. */
export const kindOfDatagram = (payload: Uint8Array): Kind | undefined => {
  const datagram = decodeDatagram(payload);
  if (datagram === undefined) return undefined;
  return datagram.kind === 'ask' ? 'search' : datagram.kind;
};

const REQUEST = /^([A-Z]+) ([^ ?]+)[^ ]* HTTP\/1\.[01]$/;
const LINK_PATHS = { hello: true, confirm: true, exchange: true, listen: true } as const;

/** Of an HTTP request on port 1947: one of the link's, or what its connection is then for. */
export const kindOfRequest = (method: string, path: string): Kind => {
  const name = /^\/lm\/v1\/([a-z]+)$/.exec(path)?.[1] ?? '';
  if (method === 'POST' && isLinkPath(name)) return name;
  return path === '/healthz' || path === '/readyz' ? 'health' : 'administration';
};
const isLinkPath = (name: string): name is keyof typeof LINK_PATHS => Object.hasOwn(LINK_PATHS, name);

/** By what the side that connected said first: its first line where that is HTTP (L6). */
export const kindOfConnection = (said: Uint8Array): Kind => {
  const first = said[0];
  if (first === 0x00) return 'local';
  if (first === 0x16) return 'tls';
  const line = Array.from(said.subarray(0, 512), (byte) => String.fromCharCode(byte))
    .join('')
    .split('\r\n', 1)[0];
  const [, method, path] = REQUEST.exec(line ?? '') ?? [];
  if (method === undefined || path === undefined) return 'refused';
  // As a proxy is asked: a tunnel to another LM, or its whole address before the path.
  if (method === 'CONNECT') return 'link';
  const kind = kindOfRequest(method, path.replace(/^http:\/\/[^/]+/, ''));
  return kind === 'administration' || kind === 'health' ? kind : 'link';
};

/** Of what is neither UDP nor TCP; `ipProtocol` and the first byte behind the IP header where it is IP. */
export const kindOfSystemPacket = (etherType: number, ipProtocol: number | undefined, type: number | undefined): Kind | undefined => {
  if (etherType === 0x0806) return 'arp';
  if (ipProtocol === 1) return type === 3 ? 'unreachable' : undefined;
  // A hop-by-hop header is in front of reports of multicast membership only.
  if (ipProtocol !== 58 || type === undefined) return undefined;
  if (type === 1) return 'unreachable';
  if (type >= 133 && type <= 137) return 'neighbours';
  return (type >= 130 && type <= 132) || type === 143 ? 'membership' : undefined;
};
