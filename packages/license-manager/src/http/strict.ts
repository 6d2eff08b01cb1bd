import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { SECOND } from '@keyhaven/core/time';
import { PROBLEM_TYPE } from './problem.ts';
import { refusedAt, restProblemOf } from './refused.ts';

// What comes before every route (S6, S14, S15): shapes of a request that two programs could read in two ways are refused before anything looks at what it
// asks for, and the connection is closed, so that nothing behind it is taken for a request. Node.js itself refuses two lengths, a length beside
// chunks, folded headers and what is no HTTP; what it refuses is answered here, too, in the same form.

/**
 * BOUNDED: headers of a request. Node.js leaves out what is beyond its own count without a word, and of the many that a proxy passes on the last say for
 * whom it speaks (S7).
 */
const MAX_HEADERS = 100;
/** BOUNDED: bytes of answers that are sent and not taken yet, of all callers together; smaller answers than a part pass always (S14). */
const MAX_WAITING = 64 * 1024 * 1024;
const SMALL = 64 * 1024;
/** How long a caller may take nothing of an answer. */
export const STALLED_MS = 30 * SECOND;

const refused = (http: number, detail: string): { readonly http: number; readonly detail: string } => ({ http, detail });

/** What is wrong with the shape of a request; undefined = nothing. */
const faultOf = ({
  url = '',
  httpVersion,
  rawHeaders,
}: Pick<IncomingMessage, 'url' | 'httpVersion' | 'rawHeaders'>): { readonly http: number; readonly detail: string } | undefined => {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return refused(505, 'The request is not of HTTP/1.1.');
  if (!url.startsWith('/')) return refused(400, 'The target of the request is not a path.');
  if (rawHeaders.length > 2 * MAX_HEADERS) return refused(431, `The request has more than ${MAX_HEADERS} headers.`);
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  if (hosts === 0 && httpVersion === '1.1') return refused(400, 'The request has no Host header.');
  if (hosts > 1) return refused(400, 'The request names two hosts.');
  if (httpVersion === '1.0' && rawHeaders.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'transfer-encoding'))
    return refused(400, 'Chunks are not of HTTP/1.0.');
  return undefined;
};

export type Strict = {
  /** For requests of a sound shape; a caller who takes nothing of his answer is cut off. */
  handled(
    handle: (request: IncomingMessage, response: ServerResponse) => void,
  ): (request: IncomingMessage, response: ServerResponse) => void;
  /** What it expects beforehand is nothing that there is. */
  unexpected(request: IncomingMessage, response: ServerResponse): void;
  /** What Node.js refuses itself: no HTTP, too long headers, a request that does not come to its end in time. */
  broken(error: NodeJS.ErrnoException, socket: Duplex): void;
};

const faultsOfParser: Readonly<Record<string, { readonly http: number; readonly detail: string }>> = {
  HPE_HEADER_OVERFLOW: refused(431, 'The headers of the request are too long.'),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: refused(413, 'The extensions of the chunks are too long.'),
  ERR_HTTP_REQUEST_TIMEOUT: refused(408, 'The request did not come to its end in time.'),
};
const NO_HTTP = refused(400, 'The request is not valid HTTP.');

export const createStrict = (headers: Readonly<Record<string, string>>, stalledMs: number, now: () => number): Strict => {
  /** Their connections end: Node.js goes on to read what came with the refused request, and none of that is a request. */
  const over = new WeakSet<Duplex>();
  /** The last answer of a connection. */
  const answers = new WeakMap<Duplex, { readonly request: IncomingMessage; readonly response: ServerResponse }>();
  const refuse = (
    { socket, url = '' }: IncomingMessage,
    response: ServerResponse,
    fault: { readonly http: number; readonly detail: string },
  ): void => {
    over.add(socket);
    const { type, body } = refusedAt(url, new LicensingError(Status.INVALID_PARAMETER, { detail: fault.detail }), fault.http);
    response.once('finish', () => socket.destroySoon());
    const length = { 'content-length': String(Buffer.byteLength(body)) };
    response.writeHead(fault.http, { ...headers, 'content-type': type, ...length, connection: 'close' }).end(body);
  };
  return {
    handled: (handle) => (request, response) => {
      const { socket } = request;
      if (over.has(socket)) return;
      const fault = faultOf(request);
      if (fault !== undefined) {
        refuse(request, response, fault);
        return;
      }
      answers.set(socket, { request, response });
      response.setTimeout(stalledMs, () => {
        if (socket.writableLength > 0) socket.destroy();
        // Nothing waits to be taken: a live view, or the answer is not made yet.
        else socket.setTimeout(stalledMs);
      });
      handle(request, response);
    },
    unexpected(request, response) {
      if (!over.has(request.socket)) refuse(request, response, refused(417, 'What the request expects is not to be had.'));
    },
    broken({ code = '' }, socket) {
      const answer = answers.get(socket);
      // Half of another answer must not be taken for the beginning of this one, and one request has one answer.
      const begun = answer?.response.headersSent === true && !(answer.response.writableFinished && answer.request.complete);
      if (!socket.writable || code === 'ECONNRESET' || begun || over.has(socket)) {
        socket.destroy();
        return;
      }
      over.add(socket);
      const { http, detail } = faultsOfParser[code] ?? NO_HTTP;
      // Nobody knows for sure what path it was for, so it has what readers of any path look for.
      const body = JSON.stringify(restProblemOf(new LicensingError(Status.INVALID_PARAMETER, { detail }), http));
      const lines = { date: new Date(now()).toUTCString(), ...headers, 'content-type': PROBLEM_TYPE, connection: 'close' };
      const head = Object.entries({ ...lines, 'content-length': Buffer.byteLength(body) }).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(`HTTP/1.1 ${http} ${STATUS_CODES[http] ?? ''}\r\n${head.join('')}\r\n${body}`, () => socket.destroy());
    },
  };
};

export type Waiting = {
  /** Whether an answer of so many bytes may be sent now; it then counts until the caller has taken it, or is gone. */
  take(bytes: number, response: ServerResponse): boolean;
};

export const createWaiting = (most = MAX_WAITING): Waiting => {
  let waiting = 0;
  return {
    take(bytes, response) {
      if (bytes <= SMALL) return true;
      if (waiting > 0 && waiting + bytes > most) return false;
      waiting += bytes;
      response.once('close', () => {
        waiting -= bytes;
      });
      return true;
    },
  };
};
