import { createServer, type Server } from 'node:http';
import { isLoopback } from '@keyhaven/core/discovery';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { kindOfRequest } from '@keyhaven/core/network';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { asLicensingError } from '../local/index.ts';
import { PeerRefusal } from '../peers/index.ts';
import { createAllowed } from './allowed.ts';
import type { HttpFaces } from './faces.ts';
import { createGate } from './gate.ts';
import { SECURITY_HEADERS } from './headers.ts';
import { HttpRefusal, httpStatusOf } from './problem.ts';
import { refusedAt } from './refused.ts';
import { registerRoutes } from './register.ts';
import type { Need } from './route.ts';
import { routesFor } from './routes/index.ts';
import { createStrict, createWaiting, STALLED_MS } from './strict.ts';

// HTTP on port 1947: LM to LM (R7), the admin API (C4) and a page for people. It opens no port: the front hands sockets in. What there is
// declare the tables in routes/; each of them passes the one gate.

/** BOUNDED: bodies of routes that take none. */
const BODY_LIMIT = 64 * 1024;
/** BOUNDED: bytes of the headers of a request, with its target. */
const MAX_HEADERS = 16 * 1024;

/** How long a request may take to arrive; slow ones are cut off (S14). */
export type HttpTimeouts = {
  readonly headersMs: number;
  readonly requestMs: number;
  readonly checkMs: number;
  readonly stalledMs?: number;
};
const TIMEOUTS: HttpTimeouts = { headersMs: 15_000, requestMs: 30_000, checkMs: 5_000 };

/** Under TLS, and by a name that is not this computer's for itself: other programs of a developer are at `localhost`, too (S9). */
const STRICT_TRANSPORT = 'max-age=2592000';
const isStrict = ({ raw, headers }: FastifyRequest): boolean =>
  'encrypted' in raw.socket && !/^(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?$/i.test(headers.host ?? 'localhost');

export type HttpServer = {
  readonly server: Server;
  /** Everything that answers. */
  readonly routes: readonly { readonly method: string; readonly url: string; readonly need: Need }[];
  close(): Promise<void>;
};

/** What a port serves: where administration has a port of its own, each of the two serves one part, and the other is not there at all (R9). */
export type Serving =
  | { readonly part: 'all' | 'administration' }
  /** `adminPort` is told to this computer only. */
  | { readonly part: 'link'; readonly adminPort: number };

const saidOf = (http: number, { message }: Error, limit: number): { readonly detail: string; readonly remedy?: string } => {
  if (http === 413)
    return {
      detail: `The body is longer than ${limit} bytes.`,
      remedy: 'Send less. Files of licenses go to /api/v1/apply or /api/v1/upload.',
    };
  if (http === 415)
    return {
      detail: 'The content type of the body is missing or not supported.',
      remedy: 'Send the content type that /api/v1/openapi.json names for this path, for example application/json.',
    };
  return { detail: message };
};

/** What is wrong with a request as Fastify found it, or what a route refused. */
const refusalOf = (error: unknown, limit: number): { readonly known: LicensingError; readonly http: number } => {
  if (error instanceof HttpRefusal) return { known: error, http: error.http };
  const http = error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
  if (http !== undefined && http < 500 && error instanceof Error && !(error instanceof LicensingError))
    return { known: new LicensingError(Status.INVALID_PARAMETER, saidOf(http, error, limit)), http };
  const known = asLicensingError(error);
  return { known, http: httpStatusOf(known.status) };
};

const refuse = ({ raw }: FastifyRequest, reply: FastifyReply, error: LicensingError, http: number, more?: object): FastifyReply => {
  const { type, body } = refusedAt(raw.url ?? '', error, http, more);
  return reply.code(http).type(type).send(body);
};

const tooMuch = (): LicensingError =>
  new LicensingError(Status.TMOF, {
    detail: 'Too many large answers are being sent already, and their callers do not take them.',
    remedy: 'Try again in a moment, and ask for smaller pages: /api/v1/list has them.',
  });

export const createHttpServer = async (
  faces: HttpFaces,
  timeouts: HttpTimeouts = TIMEOUTS,
  serving: Serving = { part: 'all' },
): Promise<HttpServer> => {
  const server = createServer({
    keepAliveTimeout: 120_000,
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    connectionsCheckingInterval: timeouts.checkMs,
    maxHeaderSize: MAX_HEADERS,
    // What Node.js would say to that has none of our headers; strict.ts refuses it.
    requireHostHeader: false,
  });
  const waiting = createWaiting();
  const strict = createStrict(SECURITY_HEADERS, timeouts.stalledMs ?? STALLED_MS, faces.network.clock.wall);
  server.on('checkExpectation', strict.unexpected);
  server.on('clientError', strict.broken);
  const app: FastifyInstance = fastify({
    serverFactory: (handler) => server.on('request', strict.handled(handler)),
    bodyLimit: BODY_LIMIT,
    // What is too long is for the shapes of a route to say; the headers bound it.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_HEADERS },
    forceCloseConnections: true,
    logger: false,
    // A path that is not even understood; what it was is not said back (S8).
    frameworkErrors: (error, request: FastifyRequest, reply: FastifyReply) => {
      const known = new LicensingError(Status.INVALID_PARAMETER, { detail: 'The path of the request is not valid.' });
      void refuse(request, reply.headers(SECURITY_HEADERS), known, error.statusCode ?? 400);
    },
  });
  app.removeAllContentTypeParsers();
  // What a body means is for its route to say.
  app.addContentTypeParser(
    ['text/plain', 'application/octet-stream', 'application/json', 'multipart/form-data', 'application/x-www-form-urlencoded'],
    { parseAs: 'buffer' },
    (_request, body, done) => done(null, body),
  );
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof PeerRefusal) return reply.code(error.code).type('text/plain').send(error.message);
    const { known, http } = refusalOf(error, request.routeOptions.bodyLimit ?? BODY_LIMIT);
    if (known instanceof HttpRefusal) reply.headers(known.headers);
    return refuse(request, reply, known, http);
  });
  const nothing = (request: FastifyRequest, reply: FastifyReply) => {
    const methods = allowed(request.url);
    if (methods.length > 0) {
      const detail = `The method ${request.method} is not allowed for this path. It allows ${methods.join(', ')}.`;
      reply.header('allow', methods.join(', '));
      return refuse(request, reply, new LicensingError(Status.REQ_NOT_SUPP, { detail, remedy: 'Use one of these methods.' }), 405);
    }
    const elsewhere = serving.part === 'link' && isLoopback(request.ip) ? serving.adminPort : undefined;
    const detail = elsewhere === undefined ? 'No such page' : `Administration is at port ${elsewhere} and not here`;
    const more = elsewhere === undefined ? {} : { adminPort: elsewhere };
    return refuse(request, reply, new LicensingError(Status.REQ_NOT_SUPP, { detail }), 404, more);
  };
  app.setNotFoundHandler(nothing);
  // Before its body is looked at: whatever it has, there is nothing to send it to.
  app.addHook('onRequest', async (request, reply) => (request.is404 ? nothing(request, reply) : undefined));
  app.addHook('onResponse', async (request, reply) => {
    const { method, url, ip: peer, socket } = request;
    const kind = kindOfRequest(method, url.split('?', 1)[0] ?? '');
    const [received, sent] = [Number(request.headers['content-length'] ?? 0), Number(reply.getHeader('content-length') ?? 0)];
    const result = String(reply.statusCode);
    faces.records.request({ address: peer, port: socket.remotePort ?? 0, method, url, kind, status: reply.statusCode });
    faces.network.journal.note({ event: 'request', direction: 'in', kind, peer, port: socket.remotePort ?? 0, sent, received, result });
  });
  app.addHook('onSend', async (request, reply: FastifyReply, payload) => {
    const bytes = typeof payload === 'string' || Buffer.isBuffer(payload) ? Buffer.byteLength(payload) : 0;
    const fits = waiting.take(bytes, reply.raw);
    if (!fits) {
      reply.code(503).header('retry-after', '5');
      if (reply.hasHeader('content-length')) reply.removeHeader('content-length');
    }
    if (isStrict(request)) reply.header('strict-transport-security', STRICT_TRANSPORT);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!reply.hasHeader(name)) reply.header(name, value);
    if (fits) return payload;
    const { type, body } = refusedAt(request.url, tooMuch(), 503);
    reply.type(type);
    return body;
  });
  const routes = registerRoutes(app, routesFor(faces, serving.part), createGate(faces), SECURITY_HEADERS, faces.network.clock);
  const allowed = createAllowed(routes);

  await app.ready();
  // Node.js looks for slow requests from when a server listens; this one gets its connections handed in.
  server.emit('listening');
  return {
    server,
    routes,
    async close() {
      await app.close();
    },
  };
};
