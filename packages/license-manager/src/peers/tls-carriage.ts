import { Agent } from 'node:http';
import { connect as connectTcp, Socket } from 'node:net';
import { clearTimeout, setTimeout } from 'node:timers';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Note } from '@keyhaven/core/network';
import { noteConnection } from './note-connection.ts';
import { AGENT, type Carriage, CONNECT_MS, NO_CONNECTION, type PeerAddress } from './post.ts';
import { authorityOf, isBesideProxy, tunnel } from './proxy.ts';

// To other LMs by TLS, on the same port (L6). TLS keeps strangers from reading along who asks what; who the other LM is, the handshake of the link
// proves inside (K1). So a certificate is checked against its authority, and not for a name: LMs are found by address.

/** `prefer`: by TLS where the peer has it, whatever its certificate; `require`: by TLS with a certificate that is trusted, or not at all. */
export type TlsPeers = 'prefer' | 'require';

export type TlsCarriageOptions = {
  readonly mode: TlsPeers;
  /** With the authorities that are trusted. */
  readonly context: SecureContext;
  readonly proxy?: PeerAddress | undefined;
  /** What the proxy is not asked for. */
  readonly isBeside?: (host: string) => boolean;
  readonly note: Note;
  /** Milliseconds that only count forward. */
  readonly now: () => number;
};

/** How long a peer without TLS is not asked for it again. */
const PLAIN_MS = 5 * 60_000;
/** BOUNDED: such peers remembered. */
const MAX_PLAIN = 1_024;

const noTls = (target: PeerAddress, reason: string): LicensingError =>
  new LicensingError(Status.REMOTE_COMM_ERR, {
    detail: `${authorityOf(target)} does not speak TLS (${reason}), which tls.peers = "require" here asks of every other license manager.`,
    remedy: 'Give that license manager a certificate (tls.certificate and tls.key there), or set tls.peers to "prefer" here.',
    cause: new Error('no TLS'),
  });
const notTrusted = (target: PeerAddress, reason: string): LicensingError =>
  new LicensingError(Status.REMOTE_COMM_ERR, {
    detail: `${authorityOf(target)} shows a certificate that is not trusted here (${reason}).`,
    remedy: 'Name the authority that signed it in tls.authorities here, or give it a certificate of one that is named there.',
    cause: new Error('a certificate that is not trusted'),
  });

/** In one line: what OpenSSL says has several, with places in its source. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
};

/** Rejects, and ends the socket, when it takes too long. */
const within = <T>(socket: Socket, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(NO_CONNECTION));
    }, CONNECT_MS);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
const connected = (socket: Socket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  });

export const tlsCarriage = ({ mode, context, proxy, note, now, isBeside = isBesideProxy }: TlsCarriageOptions): Carriage => {
  const plainUntil = new Map<string, number>(); // BOUNDED by MAX_PLAIN

  const reach = async (target: PeerAddress): Promise<Socket> => {
    const via = proxy === undefined || isBeside(target.host) ? undefined : proxy;
    const socket = connectTcp({ ...(via ?? target), noDelay: true });
    noteConnection(socket, via ?? target, note, via === undefined ? 'tls' : 'link');
    try {
      await within(socket, connected(socket));
      if (via !== undefined) await within(socket, tunnel(socket, via, target));
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  };
  /** @throws Error where there is no TLS; LicensingError where there is one that is not trusted */
  const secure = (socket: Socket, target: PeerAddress): Promise<Socket> =>
    new Promise((resolve, reject) => {
      // Checked below, so that the reason is known.
      const secured = connectTls({ socket, secureContext: context, rejectUnauthorized: false, checkServerIdentity: () => undefined });
      secured.once('error', reject);
      secured.once('close', () => reject(new Error('it closed the connection')));
      secured.once('secureConnect', () => {
        if (mode === 'prefer' || secured.authorized) return resolve(secured);
        secured.destroy();
        reject(notTrusted(target, String(secured.authorizationError)));
      });
    });

  const dial = async (target: PeerAddress): Promise<Socket> => {
    const name = authorityOf(target);
    const until = plainUntil.get(name) ?? 0;
    const socket = await reach(target);
    if (mode === 'prefer' && now() < until) return socket;
    try {
      return await within(socket, secure(socket, target));
    } catch (error) {
      socket.destroy();
      if (error instanceof LicensingError) throw error;
      if (mode === 'require') throw noTls(target, reasonOf(error));
    }
    plainUntil.delete(name);
    plainUntil.set(name, now() + PLAIN_MS);
    const [oldest] = plainUntil.keys();
    if (plainUntil.size > MAX_PLAIN && oldest !== undefined) plainUntil.delete(oldest);
    return reach(target);
  };

  const agent = new Agent(AGENT);
  agent.createConnection = (options, created) => {
    dial({ host: options.host ?? '', port: Number(options.port) }).then(
      (socket) => created?.(null, socket),
      (error: unknown) => created?.(error instanceof Error ? error : new Error(String(error)), new Socket()),
    );
    return undefined;
  };
  return {
    carry: ({ host, port }, path) => ({ agent, host, port, path }),
    close: () => agent.destroy(),
  };
};
