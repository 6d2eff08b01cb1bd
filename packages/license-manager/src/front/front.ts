import { createServer, type Server, type Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { isLoopback } from '@keyhaven/core/discovery';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Kind, kindOfConnection, type Note } from '@keyhaven/core/network';
import type { Clock } from '@keyhaven/core/time';
import { type AdmissionLimits, createAdmission } from './admission.ts';

// The one TCP port (L2, L6): tells by the first byte whether a connection speaks the binary local protocol (0x00), HTTP (a capital
// letter) or TLS (0x16), and hands the socket on with that byte put back. A first byte that does not come in time closes the socket. The
// local protocol is served to this computer only: its applications are believed to be local (L1), so a stranger must not pass for one.

export type FrontLimits = AdmissionLimits & { readonly firstByteMs: number };

export type FrontOptions = {
  readonly bind: readonly string[];
  readonly port: number;
  readonly clock: Clock;
  readonly limits: FrontLimits;
  /** Whether a license manager with a link, or the administrator, is at this address (admission.ts); absent = nobody is known. */
  readonly isKnown?: (address: string) => boolean;
  readonly tls: SecureContext | undefined;
  readonly onLocal: (socket: Socket) => void;
  readonly onHttp: (socket: Socket) => void;
  /** A connection that was refused, with the reason; for logs. */
  readonly onRefused: (reason: string, address: string) => void;
  /** Told of each connection: when it is known what it is for, and when it is over (R10). */
  readonly note?: Note;
};

export type Front = { readonly addresses: readonly string[]; readonly connections: number; close(): Promise<void> };

type Protocol = 'local' | 'http' | 'tls' | 'unknown';

/** What a connection speaks, by its first byte. */
export const protocolOf = (first: number): Protocol => {
  if (first === 0x00) return 'local';
  if (first === 0x16) return 'tls';
  return first >= 0x41 && first <= 0x5a ? 'http' : 'unknown';
};

const refusals: Readonly<Record<Protocol, string>> = {
  local: 'the local protocol from another computer, or within TLS',
  http: 'HTTP',
  tls: 'TLS where no certificate is configured, or within TLS',
  unknown: 'an unknown protocol',
};

/** TLS alert "unrecognized name" is for names; a port without a certificate says handshake_failure (RFC 8446 section 6). */
const HANDSHAKE_FAILURE = Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28);

export const openFront = async (options: FrontOptions): Promise<Front> => {
  const { clock, limits } = options;
  const sockets = new Set<Socket>(); // BOUNDED by limits.connections
  const admission = createAdmission(limits, options.isKnown ?? (() => false), clock.mono);
  const servers: Server[] = [];
  const kinds = new WeakMap<Socket, Kind>();
  const reasons = new WeakMap<Socket, string>();
  /** The socket of a closed connection does not know its other side any more. */
  const note = (event: 'opened' | 'closed', socket: Socket, [peer, port]: readonly [string, number], result: string): void => {
    const [kind, sent, received] = [kinds.get(socket) ?? 'refused', socket.bytesWritten, socket.bytesRead];
    options.note?.({ event, direction: 'in', kind, peer, port, sent, received, result });
  };
  const refused = (socket: Socket, reason: string, address: string): void => {
    reasons.set(socket, reason);
    options.onRefused(reason, address);
  };

  const route = (socket: Socket, withinTls: boolean): void => {
    const cancel = clock.after(limits.firstByteMs, () => socket.destroy());
    const first = (): void => {
      const chunk: unknown = socket.read();
      if (!(chunk instanceof Uint8Array) || chunk.length === 0) return;
      socket.off('readable', first);
      cancel();
      socket.unshift(chunk);
      const protocol = protocolOf(chunk[0] ?? 0xff);
      if (!withinTls) {
        const kind = kindOfConnection(chunk);
        // Of HTTP the first line may come in pieces.
        kinds.set(socket, protocol === 'http' && kind === 'refused' && !chunk.includes(0x0a) ? 'administration' : kind);
        note('opened', socket, [socket.remoteAddress ?? '', socket.remotePort ?? 0], protocol);
      }
      if (protocol === 'local' && !withinTls && isLoopback(socket.remoteAddress ?? '')) options.onLocal(socket);
      else if (protocol === 'http') options.onHttp(socket);
      else if (protocol === 'tls' && !withinTls && options.tls !== undefined) {
        const secure = new TLSSocket(socket, { isServer: true, secureContext: options.tls });
        secure.on('error', () => socket.destroy());
        route(secure, true);
      } else {
        refused(socket, refusals[protocol], socket.remoteAddress ?? '');
        if (protocol === 'tls') socket.end(HANDSHAKE_FAILURE);
        else socket.destroy();
      }
    };
    socket.on('readable', first);
    socket.once('close', cancel);
  };

  const accept = (socket: Socket): void => {
    const address = socket.remoteAddress ?? '';
    const end = [address, socket.remotePort ?? 0] as const;
    socket.once('close', () => note('closed', socket, end, reasons.get(socket) ?? 'closed'));
    const place = admission.take(address);
    if ('refused' in place) {
      refused(socket, place.refused, address);
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      sockets.delete(socket);
      place.leave();
    });
    route(socket, false);
  };

  const listen = (host: string): Promise<boolean> =>
    new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true }, accept);
      server.once('error', (error: NodeJS.ErrnoException) => {
        if (host === '::' && (error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL')) resolve(false);
        else reject(listenError(error, host, options.port));
      });
      server.listen({ host, port: options.port, ipv6Only: host.includes(':'), backlog: 4_096 }, () => {
        servers.push(server);
        resolve(true);
      });
    });

  const addresses: string[] = [];
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  };
  try {
    // IPv4 always, IPv6 where it exists (L2).
    const hosts = options.bind.length > 0 ? options.bind : ['0.0.0.0', '::'];
    for (const host of hosts)
      if (await listen(host)) addresses.push(host.includes(':') ? `[${host}]:${options.port}` : `${host}:${options.port}`);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    addresses,
    get connections() {
      return sockets.size;
    },
    close,
  };
};

const listenError = (error: NodeJS.ErrnoException, host: string, port: number): LicensingError => {
  const at = `TCP ${host}:${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new LicensingError(Status.LOCAL_COMM_ERR, {
        detail: `${at} is in use by another program.`,
        remedy: 'Another license manager may be running: stop it, or name another port with --port.',
        cause: error,
      });
    case 'EACCES':
      return new LicensingError(Status.LOCAL_COMM_ERR, {
        detail: `This user may not listen on ${at}.`,
        remedy: 'Use a port above 1023.',
        cause: error,
      });
    case 'EAFNOSUPPORT':
      return new LicensingError(Status.LOCAL_COMM_ERR, {
        detail: `${at}: this computer has no IPv4, which the license manager needs.`,
        remedy: 'Enable IPv4 on this computer.',
        cause: error,
      });
    case 'EADDRNOTAVAIL':
      return new LicensingError(Status.LOCAL_COMM_ERR, {
        detail: `${host} is no address of this computer.`,
        remedy: 'Name an address of this computer with --bind.',
        cause: error,
      });
    default:
      return new LicensingError(Status.LOCAL_COMM_ERR, { detail: `${at} cannot be opened: ${error.message}.`, cause: error });
  }
};
