import { Agent } from 'node:http';
import { connect, isIPv6, type Socket } from 'node:net';
import { isLoopback, zoneOf } from '@keyhaven/core/discovery';
import type { Note } from '@keyhaven/core/network';
import { noteConnection } from './note-connection.ts';
import { AGENT, type Carriage, CONNECT_MS, type PeerAddress, plainCarriage } from './post.ts';

// To other LMs through an HTTP proxy (field-facts 2.7): plain requests in absolute form (RFC 9112 section 3.2.2), and tunnels where TLS is inside
// (RFC 9110 section 9.3.6).

/** This computer itself, and what is on a link of it: a proxy cannot get there. */
export const isBesideProxy = (host: string): boolean => isLoopback(host) || zoneOf(host) !== undefined;

export const authorityOf = ({ host, port }: PeerAddress): string => (isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`);
const through = (proxy: PeerAddress): string => `through the proxy ${authorityOf(proxy)}`;

/** One name of connections for all peers, so there are more of it. */
const PROXY_AGENT = { ...AGENT, maxSockets: 1_024 };

/** `isBeside`: what the proxy is not asked for. */
export const proxyCarriage = (proxy: PeerAddress, note: Note, isBeside = isBesideProxy): Carriage => {
  const direct = plainCarriage(note);
  let agent: Agent | undefined;
  const noted = (): Agent => {
    const made = new Agent(PROXY_AGENT);
    made.createConnection = () => {
      const socket = connect({ ...proxy, timeout: CONNECT_MS, noDelay: true });
      noteConnection(socket, proxy, note);
      return socket;
    };
    return made;
  };
  return {
    carry(target, path) {
      if (isBeside(target.host)) return direct.carry(target, path);
      const name = authorityOf(target);
      return { agent: (agent ??= noted()), ...proxy, path: `http://${name}${path}`, name, via: through(proxy) };
    },
    close() {
      direct.close();
      agent?.destroy();
    },
  };
};

/** BOUNDED: bytes of what a proxy says before the tunnel. */
const HEAD_LIMIT = 8 * 1024;

/** Turns a connection to a proxy into one to the target. @throws Error with what the proxy says instead */
export const tunnel = (socket: Socket, proxy: PeerAddress, target: PeerAddress): Promise<void> =>
  new Promise((resolve, reject) => {
    const name = authorityOf(target);
    let head = '';
    const fail = (reason: string): void => {
      done();
      reject(new Error(`${through(proxy)}: ${reason}`));
    };
    const listen = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return head.length > HEAD_LIMIT ? fail('the answer to CONNECT is too long') : undefined;
      const code = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
      if (code === undefined) return fail('it does not speak HTTP');
      if (!code.startsWith('2'))
        return fail(code === '407' ? 'it asks for a password, which is not supported' : `CONNECT is refused with HTTP ${code}`);
      // The other side of a tunnel says nothing before it is spoken to.
      if (head.length > end + 4) return fail('it says more than an answer to CONNECT');
      done();
      resolve();
    };
    const closed = (): void => fail('it closed the connection');
    const failed = (error: Error): void => fail(error.message);
    const done = (): void => void socket.off('data', listen).off('close', closed).off('error', failed);
    socket.on('data', listen).on('close', closed).on('error', failed);
    socket.write(`CONNECT ${name} HTTP/1.1\r\nhost: ${name}\r\n\r\n`);
  });
