import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Ends } from '../callers/index.ts';

// A route as it is declared (C4): what it needs, what it takes, what it answers. The same declaration registers it, guards it (gate.ts), checks
// what comes and describes it in /api/v1/openapi.json, so that none of the four can differ from the others.

/**
 * Whom a route is for (S7, S19):
 * - `open`: anybody; it says nothing;
 * - `link`: other license managers, which prove themselves in it;
 * - `identity`: clients that prove an identity in it, by a signature over the request (compat/rest-identity.ts);
 * - `page`: whoever may come to the page at all, to log in there: this computer, or another one where remote administration is on;
 * - `metrics`: as `read`, and for other computers where the settings let them;
 * - `local`: a program of this computer, never a page in a browser; no password;
 * - `read`, `write`: a user of this computer, or the administrator with his password;
 * - `configure`: as `write`; where a password is set, the administrator only.
 */
export type Need = 'open' | 'link' | 'identity' | 'local' | 'page' | 'metrics' | 'read' | 'write' | 'configure';

export type Caller = {
  readonly kind: 'local' | 'remote';
  /** With the administrator's password. */
  readonly authenticated: boolean;
  readonly address: string;
};

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** A file as it was sent; its name is only for people. */
export type SentFile = { readonly name: string; readonly bytes: Buffer };

export type BodyKind =
  /** `optional`: nothing is as good as `{}`. */
  | { readonly kind: 'json'; readonly schema: z.ZodType; readonly limit: number; readonly optional: boolean }
  | { readonly kind: 'text'; readonly limit: number; readonly what: string }
  /** multipart/form-data, or one file by itself. */
  | { readonly kind: 'files'; readonly limit: number; readonly what: string }
  /** As it came, whatever its type: what it means is for the route to say. */
  | { readonly kind: 'bytes'; readonly limit: number; readonly what: string; readonly media?: Media };
/** For the description only: types of a body and what they hold. Of none, no body is described. */
export type Media = Readonly<Record<string, z.ZodType>>;

export type AnswerKind =
  | { readonly kind: 'json'; readonly schema: z.ZodType; readonly what: string }
  | { readonly kind: 'text'; readonly type: string; readonly what: string }
  /** Server-sent events: what `run` returns gets the response and keeps it. */
  | { readonly kind: 'stream'; readonly what: string }
  /** Bytes with headers of their own, which come before those of every answer. */
  | ({ readonly kind: 'file'; readonly type: string; readonly what: string } & FileModel);
/** What a description says of bytes: their code where it is not 200, and of JSON the schema, and that of refusals where they are no problem details. */
export type FileModel = { readonly code?: 201 | 302; readonly schema?: z.ZodType; readonly refusal?: z.ZodType };

export type FileAnswer = { readonly code: number; readonly headers: Readonly<Record<string, string>>; readonly body?: Buffer };

/** What became of the answer to a request. `lost`: the connection ended before the answer was sent. */
export type Delivery = { state(): 'pending' | 'delivered' | 'lost' };

export type Asked<P, Q, B> = {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly caller: Caller;
  readonly headers: IncomingHttpHeaders;
  /** Of the connection; undefined where it has ended. */
  readonly ends: Ends | undefined;
  /** Over TLS. */
  readonly secure: boolean;
  setHeader(name: string, value: string): void;
  /** Path and query as they were sent. */
  readonly target: string;
  readonly delivery: Delivery;
};
export type Stream = (to: ServerResponse) => void;

export type Route = {
  readonly method: Method;
  /** As fastify writes it: `/api/v1/sessions/:id`. */
  readonly url: string;
  readonly need: Need;
  /** One line for people who read the description. */
  readonly summary: string;
  readonly params: z.ZodType | undefined;
  readonly query: z.ZodType | undefined;
  readonly body: BodyKind | undefined;
  readonly answer: AnswerKind;
  /** For the description: an identity may show the token of the session instead (compat/rest-tokens.ts). */
  readonly tokens?: true;
  /** Existing programs ask for it in HTTP/1.0 without a Host header (gate.ts). */
  readonly hostless?: true;
  run(asked: Asked<unknown, unknown, unknown>): unknown;
};

type OutOf<S> = S extends z.ZodType ? z.output<S> : undefined;
type BodyOf<B> = B extends { readonly kind: 'json'; readonly schema: infer S }
  ? OutOf<S>
  : B extends { readonly kind: 'text' }
    ? string
    : B extends { readonly kind: 'files' }
      ? readonly SentFile[]
      : B extends { readonly kind: 'bytes' }
        ? Buffer
        : undefined;
type AnswerOf<A> = A extends { readonly kind: 'stream' }
  ? Stream
  : A extends { readonly kind: 'file' }
    ? FileAnswer
    : A extends { readonly kind: 'text' }
      ? string
      : unknown;

/** BOUNDED: bytes of a body of JSON. */
const JSON_LIMIT = 256 * 1024;

export const json = <S extends z.ZodType>(schema: S, more: { readonly limit?: number; readonly optional?: boolean } = {}) =>
  ({ kind: 'json', schema, limit: more.limit ?? JSON_LIMIT, optional: more.optional ?? false }) as const;
export const text = (limit: number, what: string) => ({ kind: 'text', limit, what }) as const;
export const files = (limit: number, what: string) => ({ kind: 'files', limit, what }) as const;
export const bytes = (limit: number, what: string, media: Media = { 'application/octet-stream': z.string() }) =>
  ({ kind: 'bytes', limit, what, media }) as const;
export const answers = <S extends z.ZodType>(schema: S, what = 'What was asked for.') => ({ kind: 'json', schema, what }) as const;
export const says = (type: string, what: string) => ({ kind: 'text', type, what }) as const;
export const sends = (type: string, more: FileModel & { readonly what?: string } = {}) =>
  ({ kind: 'file', type, what: 'The file.', ...more }) as const;
export const streams = (what: string) => ({ kind: 'stream', what }) as const;

export const route = <
  A extends AnswerKind,
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends BodyKind | undefined = undefined,
>(declared: {
  readonly method: Method;
  readonly url: string;
  readonly need: Need;
  readonly summary: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly answer: A;
  readonly tokens?: true;
  readonly hostless?: true;
  run(asked: Asked<OutOf<P>, OutOf<Q>, BodyOf<B>>): AnswerOf<A> | Promise<AnswerOf<A>>;
}): Route => ({
  method: declared.method,
  url: declared.url,
  need: declared.need,
  summary: declared.summary,
  params: declared.params,
  query: declared.query,
  body: declared.body,
  answer: declared.answer,
  ...(declared.tokens === undefined ? {} : { tokens: declared.tokens }),
  ...(declared.hostless === undefined ? {} : { hostless: declared.hostless }),
  // What comes here has passed the schemas of this very route.
  run: (asked) => declared.run(asked as Asked<OutOf<P>, OutOf<Q>, BodyOf<B>>),
});
