import { z } from 'zod';
import type { AnswerKind, BodyKind, Media, Need, Route } from './route.ts';
import { problem } from './shapes.ts';

// The description of the admin API (C4), OpenAPI 3.1, from the very schemas that check requests.

type Json = { readonly [name: string]: unknown };

/** Fields that nobody declared may join an answer. */
const open = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(open);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) =>
      name === '$schema' || (name === 'additionalProperties' && each === false) ? [] : [[name, open(each)]],
    ),
  );
};
const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return io === 'input' ? made : (open(made) as Json);
};

const parametersOf = (schema: z.ZodType | undefined, where: 'path' | 'query'): readonly Json[] => {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, each]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: each,
  }));
};
const mediaOf = (media: Media): Json =>
  Object.fromEntries(Object.entries(media).map(([type, schema]) => [type, { schema: schemaOf(schema, 'input') }]));
const contentOf = (kind: BodyKind | AnswerKind): Json => {
  switch (kind.kind) {
    case 'json':
      return { 'application/json': { schema: schemaOf(kind.schema, 'limit' in kind ? 'input' : 'output') } };
    case 'text':
      return { ['type' in kind ? (kind.type.split(';')[0] ?? '') : 'text/plain']: { schema: { type: 'string' } } };
    case 'files': {
      const file = { type: 'string', contentMediaType: 'application/octet-stream' };
      return {
        'multipart/form-data': { schema: { type: 'object', properties: { file: { type: 'array', items: file } } } },
        'application/octet-stream': { schema: file },
      };
    }
    case 'file':
      return {
        [kind.type.split(';')[0] ?? '']: {
          schema: kind.schema === undefined ? { type: 'string', contentMediaType: kind.type } : schemaOf(kind.schema, 'output'),
        },
      };
    case 'bytes':
      return mediaOf(kind.media ?? {});
    case 'stream':
      return { 'text/event-stream': { schema: { type: 'string' } } };
  }
};
const bodyOf = (body: BodyKind | undefined): Json => {
  const content = body === undefined ? {} : contentOf(body);
  if (body === undefined || Object.keys(content).length === 0) return {};
  return { requestBody: { required: !(body.kind === 'json' && body.optional), content, 'x-maximum-bytes': body.limit } };
};

const securityOf: Readonly<Record<Need, readonly Json[] | undefined>> = {
  open: [],
  link: [],
  local: [],
  identity: [{ identity: [] }],
  page: [],
  metrics: [{}, { password: [] }, { session: [] }],
  read: [{}, { password: [] }, { session: [] }],
  write: [{}, { password: [] }, { session: [] }],
  configure: [{}, { password: [] }, { session: [] }],
};
const operationId = ({ method, url }: Route): string =>
  [method.toLowerCase(), ...url.split(/[^A-Za-z0-9]+/).filter((part) => part !== '' && part !== 'api' && part !== 'v1')].join('-');

const pathOf = (url: string): string => url.replaceAll(/:(\w+)/g, '{$1}');

const operationOf = (route: Route): Json => ({
  operationId: operationId(route),
  summary: route.summary,
  'x-need': route.need,
  security: [...(securityOf[route.need] ?? []), ...(route.tokens === true ? [{ bearer: [] }] : [])],
  parameters: [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')],
  ...bodyOf(route.body),
  responses: responsesOf(route.answer),
});
const responsesOf = (answer: AnswerKind): Json => {
  const { code = 200, refusal } = answer.kind === 'file' ? answer : {};
  return {
    [code]: { description: answer.what, content: contentOf(answer) },
    default:
      refusal === undefined
        ? { $ref: '#/components/responses/Problem' }
        : { description: 'A refusal.', content: { 'application/problem+json': { schema: schemaOf(refusal, 'output') } } },
  };
};
const isPart = ({ need, answer }: Route): boolean => need === 'page' && answer.kind === 'file' && answer.code === undefined;

/** Everything but what license managers say to each other, and the files of the pages. */
export const openapiOf = (routes: readonly Route[], version: string): Json => {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    if (route.need === 'link' || route.need === 'local' || isPart(route)) continue;
    const path = pathOf(route.url);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Keyhaven admin API',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'What the page and the command line can do. `x-need` says whom a route is for: `open` anybody; `page` whoever may come to the page; `read` and `write` a user of this computer or the administrator; `configure` likewise, where a password is set the administrator only; `metrics` as `read`, and other computers where the settings let them; `identity` a client of the REST licensing API, with an identity. Other computers need remote administration to be on, and the password.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { Problem: schemaOf(problem, 'output') },
      responses: {
        Problem: {
          description: 'What happened and what to do (RFC 9457, docs/errors.md).',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      securitySchemes: {
        password: { type: 'http', scheme: 'basic', description: "Any user name, and the administrator's password." },
        session: { type: 'apiKey', in: 'cookie', name: 'keyhaven' },
        identity: { type: 'apiKey', in: 'header', name: 'X-LDK-Identity-WS', description: 'docs/guide/interoperability.md' },
        bearer: { type: 'http', scheme: 'bearer', description: 'The `lmAccessToken` of the session, by TLS or on this computer.' },
      },
    },
  };
};
