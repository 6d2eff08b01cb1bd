import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { PROBLEM_TYPE } from '../http/problem.ts';
import { type Asked, bytes, type FileAnswer, type Route, route, sends } from '../http/route.ts';
import { limited } from '../http/shapes.ts';
import { parameter } from './feed-routes.ts';
import type { Rest, RestAnswer } from './rest.ts';
import type { RestRequest } from './rest-identity.ts';
import { restContent, restDone, restLists, restLogin, restProblem, restSession } from './rest-shapes.ts';

// The REST licensing API as routes (C6). The gate lets everybody come here: each of them asks for an identity itself, over the body as it came.

const BASE = '/sentinel/ldk_runtime/v1/vendors/:vendor';
const json = 'application/json';
/** BOUNDED: bytes of a login; nothing else has a body. */
const BODY_LIMIT = 64 * 1024;

/** A number that `read` needs; the signature comes before it is looked at. */
const whole = (description: string) => z.unknown().meta({ type: 'integer', minimum: 0, maximum: 0xffff_ffff, description });
const vendorOf = (text: string): number => (/^\d{1,10}$/.test(text) ? Number(text) : 0);
const inVendor = z.strictObject({ vendor: limited(20) });
const inSession = z.strictObject({ vendor: limited(20), session: limited(200) });

/** What HTTP wants beside some refusals. */
const more: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'www-authenticate': 'X-LDK-Identity-WS realm="Keyhaven"' },
  429: { 'retry-after': '1' },
};

const answer = async (from: Promise<RestAnswer>): Promise<FileAnswer> => {
  const { code, text } = await from;
  return {
    code,
    headers: code < 400 ? { 'content-type': json } : { 'content-type': PROBLEM_TYPE, ...more[code] },
    body: Buffer.from(text),
  };
};

export const restRoutes = (rest: Rest): Route[] => {
  const requestOf = (
    method: string,
    { target, headers, caller, secure, delivery }: Asked<unknown, unknown, unknown>,
    body: Buffer = Buffer.alloc(0),
  ): RestRequest => ({
    method,
    target,
    headers,
    body,
    address: caller.address,
    place: caller.kind === 'local' ? undefined : caller.address,
    delivery,
    sealed: secure || caller.kind === 'local',
  });
  const body = bytes(BODY_LIMIT, 'Empty', {});
  const gives = (schema: z.ZodType, code: 200 | 201 = 200) =>
    sends(json, { schema, refusal: restProblem, what: 'The model.', ...(code === 201 ? { code } : {}) });
  const need = 'identity';
  return [
    route({
      method: 'POST',
      url: `${BASE}/sessions`,
      need,
      summary: 'Logs in',
      params: inVendor,
      body: bytes(BODY_LIMIT, 'As it was signed', { [json]: restLogin }),
      answer: gives(restSession, 201),
      run: (asked) => answer(rest.login(requestOf('POST', asked, asked.body), vendorOf(asked.params.vendor))),
    }),
    route({
      method: 'POST',
      url: `${BASE}/sessions/:session/refresh`,
      need,
      summary: 'Keeps a session',
      params: inSession,
      tokens: true,
      body,
      answer: gives(restSession),
      run: (asked) => answer(rest.refresh(requestOf('POST', asked, asked.body), vendorOf(asked.params.vendor), asked.params.session)),
    }),
    route({
      method: 'DELETE',
      url: `${BASE}/sessions/:session`,
      need,
      summary: 'Logs out',
      params: inSession,
      tokens: true,
      body,
      answer: gives(restDone),
      run: (asked) => answer(rest.logout(requestOf('DELETE', asked, asked.body), vendorOf(asked.params.vendor), asked.params.session)),
    }),
    route({
      method: 'GET',
      url: `${BASE}/sessions/:session/read`,
      need,
      summary: 'Reads memory',
      params: inSession,
      tokens: true,
      query: z.looseObject({ memoryId: whole('65524 or 65525.'), offset: whole('In bytes.'), length: whole('In bytes.') }),
      answer: gives(restContent),
      run: (asked) => answer(rest.read(requestOf('GET', asked), vendorOf(asked.params.vendor), asked.params.session, asked.query)),
    }),
    ...(['keys', 'products', 'features'] as const).map((what) =>
      route({
        method: 'GET',
        url: `${BASE}/${what}`,
        need,
        summary: `Lists ${what}`,
        params: inVendor,
        query: z.looseObject({ pageStartIndex: parameter('From 0.'), pageSize: parameter('At most 1000.') }),
        answer: gives(restLists[what]),
        run: (asked) => answer(rest.list(requestOf('GET', asked), vendorOf(asked.params.vendor), what, asked.query)),
      }),
    ),
  ];
};
