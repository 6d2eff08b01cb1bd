import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { clearTimeout, setTimeout } from 'node:timers';
import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { kindOfRequest, type Note } from '@keyhaven/core/network';
import { noteConnection } from './note-connection.ts';

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

/** What a rule says, to the other license manager: a sentence, and before it the status where an application there is to hear it (K5). */
export const refuseBar = ({ status, detail }: { readonly status: StatusCode; readonly detail: string }): PeerRefusal =>
  new PeerRefusal(403, status === Status.IDENTITY_REQUIRED ? `${status} ${detail}` : detail);

/** How a request gets to an LM: where it is sent, with what path and name, over whose connections. */
export type Carrier = {
  readonly agent: Agent;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Of the Host header, where it is not that of the connection. */
  readonly name?: string;
  /** For the error message. */
  readonly via?: string;
};
/** `close` ends all connections. */
export type Carriage = { carry(target: PeerAddress, path: string): Carrier; close(): void };

/** BOUNDED: characters of an answer, and bytes of its headers. */
const ANSWER_LIMIT = 6 * 1024 * 1024;
const HEADER_LIMIT = 8 * 1024;
/** An exchange is held for a quarter of a second at most, so a peer that says nothing for so long is gone. */
const ANSWER_MS = 5_000;
/** A computer on this network that is there accepts much sooner; so a call to one that is not fails while somebody waits for it. */
export const CONNECT_MS = 3_000;
/** BOUNDED: one whole answer, however slowly it comes. The largest one needs a megabit in a second. */
const DEADLINE_MS = 60_000;

/** A proxy, or an LM, closes no connection that was used so lately. */
const IDLE_MS = 10_000;

/** Kept-alive connections, a few per peer (R8). BOUNDED in number. */
export const AGENT = { keepAlive: true, maxSockets: 4, maxTotalSockets: 4_096, keepAliveMsecs: 30_000 } as const;

/** Straight to the peer, without TLS. */
export const plainCarriage = (note: Note): Carriage => {
  let agent: Agent | undefined;
  const noted = (): Agent => {
    const made = new Agent(AGENT);
    made.createConnection = ({ host: name, port }) => {
      const host = name ?? '';
      const target = { host, port: Number(port) };
      const socket = connect({ ...target, timeout: CONNECT_MS, noDelay: true });
      noteConnection(socket, target, note);
      return socket;
    };
    return made;
  };
  return {
    carry: ({ host, port }, path) => ({ agent: (agent ??= noted()), host, port, path }),
    close: () => agent?.destroy(),
  };
};

/** Reasons for which a request is given up. */
export const NO_ANSWER = 'no answer in time';
export const NO_CONNECTION = 'the connection is not accepted in time';

export type HttpPost = { readonly post: Post; close(): void };

/** The words of a stranger: one line without control characters. */
const plainWords = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 500);
const refusalOf = (code: number, text: string): PeerRefusal => {
  if (code >= 300 && code < 400) return new PeerRefusal(code, `it answers with a redirect (HTTP ${code}), which is not followed`);
  return new PeerRefusal(code, text.trim() === '' ? `HTTP ${code}` : plainWords(text));
};

/** `note` is told of each connection and request. `carriage`: how they go; straight and without TLS where absent. */
export const createHttpPost = ({
  note = () => undefined,
  carriage = plainCarriage(note),
  answerMs = ANSWER_MS,
  deadlineMs = DEADLINE_MS,
  idleMs = IDLE_MS,
}: {
  readonly note?: Note;
  readonly carriage?: Carriage;
  readonly answerMs?: number;
  readonly deadlineMs?: number;
  readonly idleMs?: number;
} = {}): HttpPost => {
  const usedAt = new WeakMap<Socket, number>();
  const now = (): number => performance.now();
  const post: Post = (target, path, body) =>
    new Promise((resolve, reject) => {
      const { host, port } = target;
      let over = false;
      const end = (received: number, result: string, act: () => void): void => {
        if (over) return;
        over = true;
        clearTimeout(deadline);
        note({
          event: 'request',
          direction: 'out',
          kind: kindOfRequest('POST', path),
          peer: host,
          port,
          sent: body.length,
          received,
          result,
        });
        act();
      };
      const { via, name, ...carrier } = carriage.carry(target, path);
      const fail = (cause: Error): void => {
        const where = `${host}:${port}${via === undefined ? '' : ` ${via}`}`;
        const error =
          cause instanceof LicensingError
            ? cause
            : new LicensingError(Status.REMOTE_COMM_ERR, { detail: `${where}: ${cause.message}`, cause });
        end(0, cause.message, () => reject(error));
      };
      const headers = {
        'content-type': 'text/plain; charset=us-ascii',
        'content-length': body.length,
        ...(name === undefined ? {} : { host: name }),
      };
      /** A connection that was kept for long may have been closed on its way or at its end; what was sent then got nowhere, and is sent once more. */
      const attempt = (first: boolean): void => {
        let answering = false;
        const sent = request({ ...carrier, method: 'POST', headers, timeout: CONNECT_MS, maxHeaderSize: HEADER_LIMIT }, (response) => {
          let text = '';
          answering = true;
          response.setEncoding('latin1');
          response.on('data', (chunk: string) => {
            text += chunk;
            if (text.length > ANSWER_LIMIT) stop('the answer is too long');
          });
          response.on('error', fail);
          response.on('close', () => fail(new Error('the answer broke off')));
          response.on('end', () => {
            const code = response.statusCode ?? 0;
            end(text.length, String(code), () => (code === 200 ? resolve(text) : reject(refusalOf(code, text))));
          });
        });
        /** Whatever the request makes of its end. */
        stop = (reason) => {
          const error = new Error(reason);
          sent.destroy(error);
          fail(error);
        };
        let reached = false;
        let wasIdle = false;
        sent.on('socket', (socket) => {
          wasIdle = sent.reusedSocket && now() - (usedAt.get(socket) ?? now()) >= idleMs;
          sent.once('close', () => usedAt.set(socket, now()));
          const connected = (): void => {
            reached = true;
            sent.setTimeout(answerMs);
          };
          if (socket.connecting) socket.once('connect', connected);
          else connected();
        });
        sent.on('timeout', () => stop(reached ? NO_ANSWER : NO_CONNECTION));
        sent.on('upgrade', (_, socket) => {
          socket.destroy();
          stop('it wants to speak something else');
        });
        let again = false;
        sent.on('error', (error: NodeJS.ErrnoException) => {
          again = first && !over && !answering && error.code === 'ECONNRESET' && wasIdle;
          if (again) attempt(false);
          else fail(error);
        });
        sent.on('close', () => {
          if (!answering && !again) fail(new Error('the connection was closed'));
        });
        sent.end(body);
      };
      let stop: (reason: string) => void = () => undefined;
      const deadline = setTimeout(() => stop('the answer does not end'), deadlineMs);
      attempt(true);
    });
  return { post, close: () => carriage.close() };
};
