import { Agent, request } from 'node:http';
import { LicensingError, Status } from '@keyhaven/core/errors';

/** One HTTP exchange with another LM (R7): base64 text there, base64 text back. */
export type Post = (target: PeerAddress, path: string, body: string) => Promise<string>;
export type PeerAddress = { readonly host: string; readonly port: number };

/** The peer answered, but not with what was asked for; `code` is the HTTP status. */
export class PeerRefusal extends Error {
  override readonly name = 'PeerRefusal';
  readonly code: number;
  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }
}

const ANSWER_LIMIT = 6 * 1024 * 1024;
/** An exchange is held for a quarter of a second at most, so a peer that says nothing for so long is gone. */
const TIMEOUT_MS = 5_000;
/** A computer on this network that is there accepts much sooner; so a call to one that is not fails while somebody waits for it. */
const CONNECT_MS = 3_000;

export type HttpPost = { readonly post: Post; close(): void };

/** Kept-alive connections, a few per peer (R8). */
export const createHttpPost = (): HttpPost => {
  const agent = new Agent({ keepAlive: true, maxSockets: 4, maxTotalSockets: 4_096, keepAliveMsecs: 30_000 });
  return {
    post: ({ host, port }, path, body) =>
      new Promise((resolve, reject) => {
        const fail = (cause: Error): void =>
          reject(new LicensingError(Status.REMOTE_COMM_ERR, { detail: `${host}:${port}: ${cause.message}`, cause }));
        const headers = { 'content-type': 'text/plain; charset=us-ascii', 'content-length': body.length };
        const sent = request({ host, port, path, method: 'POST', agent, headers, timeout: CONNECT_MS }, (response) => {
          let text = '';
          response.setEncoding('latin1');
          response.on('data', (chunk: string) => {
            text += chunk;
            if (text.length > ANSWER_LIMIT) sent.destroy(new Error('the answer is too long'));
          });
          response.on('error', fail);
          response.on('end', () => {
            if (response.statusCode === 200) resolve(text);
            else reject(new PeerRefusal(response.statusCode ?? 0, text.slice(0, 500)));
          });
        });
        sent.on('socket', (socket) => {
          const answering = (): void => void sent.setTimeout(TIMEOUT_MS);
          if (socket.connecting) socket.once('connect', answering);
          else answering();
        });
        sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
        sent.on('error', fail);
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
};
