import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Clock, SECOND } from '@keyhaven/core/time';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { endsOf } from '../callers/index.ts';
import { bodyOf, parsed } from './bodies.ts';
import type { Gate } from './gate.ts';
import type { Caller, Delivery, FileAnswer, Need, Route, Stream } from './route.ts';

// Declared routes on a server. Nothing else registers any, so that none is without the gate.

/** How soon a stream is cut that nobody would be given any more (S7, S9). */
const REVIEW_MS = SECOND;

type Registered = { readonly method: string; readonly url: string; readonly need: Need };

/** JSON leaves these control characters as they are, and a terminal takes some for the beginning of a sequence (S8). */
const plainJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/[\u007f-\u009f]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Sent = given to the network. A client that closes its side before that reads nothing any more. */
const deliveryOf = (response: ServerResponse, socket: Socket): Delivery => ({
  state: () =>
    response.writableFinished ? 'delivered' : response.destroyed || socket.destroyed || socket.readableEnded ? 'lost' : 'pending',
});

export const registerRoutes = (
  app: FastifyInstance,
  routes: readonly Route[],
  gate: Gate,
  headers: Readonly<Record<string, string>>,
  clock: Clock,
): readonly Registered[] => {
  const registered: Registered[] = [];
  /** A stream outlives the answer of the gate, so that it is asked again. Cut, not ended: whoever does not read would keep it. */
  const cutWhenOver = (to: ServerResponse, holds: () => boolean): void => {
    let cancel = (): void => undefined;
    const review = (): void => {
      if (holds()) cancel = clock.after(REVIEW_MS, review);
      else to.destroy();
    };
    to.once('close', () => cancel());
    cancel = clock.after(REVIEW_MS, review);
  };
  const callers = new WeakMap<FastifyRequest, Caller>();

  const answer = async (route: Route, request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const caller = callers.get(request);
    // A route that the gate was not asked about answers nobody.
    if (caller === undefined) throw new Error('no caller');
    const value = await route.run({
      params: route.params === undefined ? undefined : parsed(route.params, request.params),
      query: route.query === undefined ? undefined : parsed(route.query, request.query),
      body: route.body === undefined ? undefined : bodyOf(route.body, request),
      caller,
      headers: request.headers,
      ends: endsOf(request.raw.socket),
      secure: 'encrypted' in request.raw.socket,
      setHeader: (name, text) => void reply.header(name, text),
      target: request.raw.url ?? '',
      delivery: deliveryOf(reply.raw, request.raw.socket),
    });
    switch (route.answer.kind) {
      case 'json':
        return reply.type('application/json; charset=utf-8').send(plainJson(value));
      case 'text':
        return reply.type(route.answer.type).send(value);
      case 'file': {
        const { code, headers: own, body } = value as FileAnswer;
        return reply.code(code).headers(own).send(body);
      }
      case 'stream':
        reply.hijack();
        reply.raw.writeHead(200, { ...headers, 'content-type': 'text/event-stream; charset=utf-8' });
        (value as Stream)(reply.raw);
        cutWhenOver(reply.raw, () => gate.holds(request, route, caller));
        return reply;
    }
  };
  for (const route of routes) {
    const { method, url, need } = route;
    const exposeHeadRoute = method === 'GET' && route.answer.kind !== 'stream';
    registered.push({ method, url, need }, ...(exposeHeadRoute ? [{ method: 'HEAD', url, need }] : []));
    app.route({
      method,
      url,
      exposeHeadRoute,
      ...(route.body === undefined ? {} : { bodyLimit: route.body.limit }),
      onRequest: async (request) => {
        callers.set(request, await gate.admit(request, route));
      },
      handler: (request, reply) => answer(route, request, reply),
    });
  }
  return registered;
};
