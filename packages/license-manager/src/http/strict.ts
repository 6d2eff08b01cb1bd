import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { SECOND } from '@keyhaven/core/time';
import { PROBLEM_TYPE, problemOf } from './problem.ts';

// What comes before every route (S6, S14, S15): shapes of a request that two programs could read in two ways are refused before anything looks at what it
// asks for, and the connection is closed, so that nothing behind it is taken for a request. Node.js itself refuses two lengths, a length beside
// chunks, folded headers and what is no HTTP.

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
};

export const createStrict = (headers: Readonly<Record<string, string>>, stalledMs: number): Strict => {
  /** Their connections end: Node.js goes on to read what came with the refused request, and none of that is a request. */
  const over = new WeakSet<Socket>();
  const refuse = (
    { socket }: IncomingMessage,
    response: ServerResponse,
    fault: { readonly http: number; readonly detail: string },
  ): void => {
    over.add(socket);
    const body = JSON.stringify(problemOf(new LicensingError(Status.INVALID_PARAMETER, { detail: fault.detail }), fault.http));
    response.once('finish', () => socket.destroySoon());
    response.writeHead(fault.http, { ...headers, 'content-type': PROBLEM_TYPE, connection: 'close' }).end(body);
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
