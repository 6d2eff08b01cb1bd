import { createServer, type Server } from 'node:http';
import { isLoopback } from '@keyhaven/core/discovery';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { MAX_BODY } from '@keyhaven/core/link';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { z } from 'zod';
import { asLicensingError } from '../local/index.ts';
import { PeerRefusal } from '../peers/index.ts';
import type { HttpFaces } from './faces.ts';
import { overviewPage } from './page.ts';
import { transferRoutes } from './transfer-routes.ts';

// HTTP on port 1947: LM to LM (R7), the admin API (C4) and a page for people. It opens no port: the front hands sockets in.
//
// One gate for everything that administers (S7, S15): the caller is on this computer, or remote administration is on; the Host header names
// this computer, so that no web page elsewhere reaches it by DNS rebinding; and a request that a web page of another origin makes is
// refused. Only /lm/v1, /healthz and /readyz are outside of the gate.

/** BOUNDED: bodies; license documents are the largest. */
const BODY_LIMIT = 12 * 1024 * 1024;
/** BOUNDED: what a stranger may send before its identity is proven, and what a linked LM may (S14). */
const HANDSHAKE_LIMIT = 16 * 1024;
const LINK_LIMIT = MAX_BODY * 1.5;

/** How long a request may take to arrive; slow ones are cut off (S14). */
export type HttpTimeouts = { readonly headersMs: number; readonly requestMs: number; readonly checkMs: number };
const TIMEOUTS: HttpTimeouts = { headersMs: 15_000, requestMs: 30_000, checkMs: 5_000 };

const hostOf = (header: string | undefined): string =>
  (header ?? '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();

const statusCodes: ReadonlyMap<number, number> = new Map<number, number>([
  [Status.KEY_NOT_FOUND, 404],
  [Status.KEYID_NOT_FOUND, 404],
  [Status.INV_HND, 404],
  [Status.ACCESS_DENIED, 403],
  [Status.INT_ERR, 500],
  [Status.DEVICE_ERR, 503],
]);

/** On every answer: nothing runs, nothing is framed, nothing is kept (S8). */
const HEADERS = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
} as const;

export type HttpServer = {
  readonly server: Server;
  /** Everything that answers. */
  readonly routes: readonly { readonly method: string; readonly url: string }[];
  close(): Promise<void>;
};

export const createHttpServer = async (faces: HttpFaces, timeouts: HttpTimeouts = TIMEOUTS): Promise<HttpServer> => {
  const server = createServer({
    keepAliveTimeout: 120_000,
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    connectionsCheckingInterval: timeouts.checkMs,
    maxHeaderSize: 16 * 1024,
  });
  const app: FastifyInstance = fastify({
    serverFactory: (handler) => server.on('request', handler),
    bodyLimit: BODY_LIMIT,
    routerOptions: { ignoreTrailingSlash: true },
    forceCloseConnections: true,
    logger: false,
    // A path that is not even understood; what it was is not said back (S8).
    frameworkErrors: (error, _request: FastifyRequest, reply: FastifyReply) => {
      const known = new LicensingError(Status.INVALID_PARAMETER, { detail: 'The path of the request is not valid.' });
      void reply
        .code(error.statusCode ?? 400)
        .headers(HEADERS)
        .send(known.toJSON());
    },
  });
  const routes: { method: string; url: string }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) routes.push({ method: each, url });
  });
  app.removeAllContentTypeParsers();
  const asText = (_request: FastifyRequest, body: string | Buffer, done: (error: Error | null, value?: unknown) => void): void =>
    done(null, body);
  app.addContentTypeParser(['text/plain', 'application/octet-stream'], { parseAs: 'string' }, asText);
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      const value: unknown = JSON.parse(body.toString());
      done(null, value);
    } catch {
      done(new LicensingError(Status.INVALID_PARAMETER, { detail: 'The body is not JSON' }));
    }
  });

  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof PeerRefusal) return reply.code(error.code).type('text/plain').send(error.message);
    const http = error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
    const known =
      http === undefined || http >= 500
        ? asLicensingError(error)
        : new LicensingError(Status.INVALID_PARAMETER, { detail: error instanceof Error ? error.message : undefined });
    return reply.code(http !== undefined && http < 500 ? http : (statusCodes.get(known.status) ?? 400)).send(known.toJSON());
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(new LicensingError(Status.REQ_NOT_SUPP, { detail: 'No such page' }).toJSON()),
  );
  app.addHook('onSend', async (_request, reply: FastifyReply) => {
    reply.headers(HEADERS);
  });

  const denied = (detail: string, remedy: string): LicensingError => new LicensingError(Status.ACCESS_DENIED, { detail, remedy });
  const gate = async (request: FastifyRequest): Promise<void> => {
    if (!isLoopback(request.ip) && !faces.remoteAdministration) {
      throw denied(
        'Administration from another computer is off.',
        'Administer on the computer itself, or set access.remoteAdministration there.',
      );
    }
    const host = hostOf(request.headers.host);
    if (!faces.hostNames().has(host) && !isLoopback(host))
      throw denied(
        `The Host header names ${JSON.stringify(host.slice(0, 80))}, which is not this computer.`,
        'Use the name or address of this computer.',
      );
    const { origin } = request.headers;
    const site = request.headers['sec-fetch-site'];
    // The whole of it with its port: another program's page on this computer is another origin.
    const own = (request.headers.host ?? '').toLowerCase();
    const foreign =
      (origin !== undefined && origin.replace(/^https?:\/\//, '').toLowerCase() !== own) ||
      (site !== undefined && site !== 'same-origin' && site !== 'none');
    if (foreign) throw denied('The request comes from a web page of another origin.', 'Open the page of this license manager itself.');
  };

  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async () => ({ status: 'ready' }));

  await app.register(
    async (lm) => {
      lm.addHook('onRequest', async (request) => {
        if (!faces.remoteClients && !isLoopback(request.ip)) throw new PeerRefusal(403, 'access from remote clients is off');
      });
      const text = (request: FastifyRequest): string => (typeof request.body === 'string' ? request.body : '');
      lm.post('/hello', { bodyLimit: HANDSHAKE_LIMIT }, (request, reply) =>
        reply.type('text/plain').send(faces.link.hello(text(request), request.ip)),
      );
      lm.post('/confirm', { bodyLimit: HANDSHAKE_LIMIT }, (request, reply) =>
        reply.type('text/plain').send(faces.link.confirm(text(request), request.ip)),
      );
      lm.post('/exchange', { bodyLimit: LINK_LIMIT }, async (request, reply) =>
        reply.type('text/plain').send(await faces.link.exchange(text(request), request.ip)),
      );
      lm.post('/listen', { bodyLimit: HANDSHAKE_LIMIT }, async (request, reply) =>
        reply.type('text/plain').send(await faces.link.listen(text(request))),
      );
    },
    { prefix: '/lm/v1' },
  );

  await app.register(async (admin) => {
    admin.addHook('onRequest', gate);
    admin.get('/', async (_request, reply) => reply.type('text/html; charset=utf-8').send(await overviewPage(faces)));
    admin.get('/style.css', (_request, reply) => reply.type('text/css').send(faces.style));
    admin.get('/api/v1/status', async () => faces.status());
    admin.get('/api/v1/keys', async () => faces.fresh().then(() => faces.overview.keys()));
    admin.get('/api/v1/products', async () => faces.fresh().then(() => faces.overview.products()));
    admin.get('/api/v1/features', async () => faces.fresh().then(() => faces.overview.features()));
    admin.get('/api/v1/sessions', async () => faces.overview.sessions());
    admin.get('/api/v1/peers', async () => faces.overview.peers());
    admin.get('/api/v1/audit', async (request) => {
      const query = z
        .strictObject({
          kind: z.string().max(40).optional(),
          key: z.string().max(20).optional(),
          limit: z.coerce.number().int().min(1).max(10_000).default(100),
        })
        .safeParse(request.query);
      if (!query.success)
        throw new LicensingError(Status.INVALID_PARAMETER, {
          detail: query.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
        });
      return faces.audit({
        limit: query.data.limit,
        ...(query.data.kind === undefined ? {} : { kind: query.data.kind }),
        ...(query.data.key === undefined ? {} : { scope: query.data.key }),
      });
    });
    admin.delete('/api/v1/sessions/:id', async (request) => {
      const { id } = z.object({ id: z.string() }).parse(request.params);
      await faces.kill(id, request.ip);
      return { status: 'ended' };
    });
    admin.post('/api/v1/apply', async (request) => faces.apply(typeof request.body === 'string' ? request.body : ''));
    transferRoutes(admin, faces.transfers);
    admin.post('/api/v1/c2v', async (request, reply) => {
      const wanted = z
        .union([
          z.strictObject({ vendorCode: z.string().max(200), type: z.enum(['sl-adminmode', 'sl-usermode']).default('sl-adminmode') }),
          z.strictObject({ key: z.string().max(20) }),
        ])
        .safeParse(request.body);
      if (!wanted.success)
        throw new LicensingError(Status.INVALID_PARAMETER, { detail: 'A C2V is asked for with {"vendorCode": ...} or with {"key": ...}' });
      return reply.type('text/plain').send(await faces.c2v(wanted.data));
    });
  });

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
