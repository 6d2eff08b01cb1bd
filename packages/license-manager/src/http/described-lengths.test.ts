import { afterEach, describe, expect, it } from 'vitest';
import type { CompatFaces } from '../compat/faces.ts';
import { parseSettings } from '../settings.ts';
import { ask, launchHttp } from './launch.testing.ts';

// The lengths and patterns of /api/v1/openapi.json are those by which requests are taken or refused (C4): at the limit, and one beyond it.

type Schema = {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly propertyNames?: Schema;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
};
type Operation = {
  readonly parameters: readonly { readonly name: string; readonly in: 'path' | 'query'; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
};
/** A value with one text in it left open, the limits of that text, and how a refusal names it. */
type Place = { readonly schema: Schema; readonly at: string; fill(text: string): unknown; takes(text: string): boolean };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const CANDIDATES = ['a', '1', '2030-01-01', '2030-01-01T00:00:00Z', 'abcdefgh'];
const isText = ({ type, enum: of, const: only }: Schema): boolean => type === 'string' && of === undefined && only === undefined;
const takes = ({ pattern = '', minLength = 0, maxLength = Number.MAX_SAFE_INTEGER }: Schema, value: string): boolean =>
  new RegExp(pattern, 'u').test(value) && Array.from(value).length >= minLength && Array.from(value).length <= maxLength;

const sample = (schema: Schema): unknown => {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf !== undefined) return sample(schema.anyOf[0] ?? {});
  switch (schema.type) {
    case 'string':
      return CANDIDATES.find((value) => takes(schema, value));
    case 'integer':
    case 'number':
      return Math.max(1, schema.minimum ?? 1);
    case 'boolean':
      return false;
    case 'array':
      return Array.from({ length: Math.max(1, schema.minItems ?? 0) }, () => sample(schema.items ?? {}));
    case 'object':
      return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, each]) => [name, sample(each)]));
    default:
      return null;
  }
};
const placesIn = (schema: Schema, at = ''): Place[] => {
  if (isText(schema)) return [{ schema, at, fill: (text) => text, takes: (text) => takes(schema, text) }];
  if (schema.anyOf !== undefined) {
    const texts = schema.anyOf.filter(isText);
    const either = (text: string): boolean => texts.some((each) => takes(each, text));
    return schema.anyOf.flatMap((each) => placesIn(each, at).map((place) => (isText(each) ? { ...place, takes: either } : place)));
  }
  if (schema.items !== undefined)
    return placesIn(schema.items, at === '' ? '0' : `${at}.0`).map((place) => ({ ...place, fill: (text: string) => [place.fill(text)] }));
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, each]) =>
    placesIn(each, at === '' ? name : `${at}.${name}`).map((place) => ({
      ...place,
      fill: (text: string) => ({ ...(sample(schema) as object), [name]: place.fill(text) }),
    })),
  );
  const more = schema.additionalProperties;
  const others =
    typeof more === 'object'
      ? placesIn(more, `${at}.a`).map((place) => ({ ...place, fill: (text: string) => ({ a: place.fill(text) }) }))
      : [];
  const names =
    schema.propertyNames === undefined
      ? []
      : placesIn(schema.propertyNames, at).map((place) => ({ ...place, fill: (text: string) => ({ [text]: 'a' }) }));
  return [...named, ...others, ...names];
};

const identityFaces = (): CompatFaces => {
  const identity = { id: 'a', issuedTo: '', rights: [], disabled: false, since: '2030-01-01T00:00:00Z', state: 'enabled' };
  const unproven = async () => ({ code: 401, text: '{}' });
  return {
    identities: {
      list: () => [],
      add: async () => ({ identity, secret: 's' }),
      change: async () => identity,
      remove: async () => undefined,
    } as never,
    rest: { login: unproven, refresh: unproven, read: unproven, logout: unproven, list: unproven, close: () => undefined },
    settings: () => parseSettings('', { name: 'here' }),
    fingerprintFor: async () => undefined,
  };
};

/** Nobody has a password, whatever is set. */
const anybody = {
  passwordSet: false,
  era: 0,
  check: async () => ({ kind: 'wrong' }),
  hasSession: () => false,
  isOpen: () => false,
  setPassword: async () => undefined,
  clearPassword: async () => undefined,
  logout: () => undefined,
};

const launch = async () => {
  const { port, close } = await launchHttp({ compat: identityFaces(), administration: anybody as never });
  closers.push(close);
  const { paths } = JSON.parse((await ask(port, 'GET', '/api/v1/openapi.json')).text) as {
    paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  };
  return { port, paths };
};

/** Whether that text is what the answer finds fault with. */
const isRefused = (at: string, code: number, text: string): boolean => {
  if (code !== 400) return false;
  const { detail } = JSON.parse(text) as { detail: string };
  // Of a union, the fault is told of the place where it stands.
  const places = at.split('.').map((_, index, all) => all.slice(0, index + 1).join('.'));
  return [...places, 'the request'].some((place) => detail.includes(`${place}: `) || detail.startsWith(`${place}.`));
};

describe('every text of a request', () => {
  it('is taken up to the length that is described, and by its pattern; one more is refused', async () => {
    const { port, paths } = await launch();
    let tried = 0;
    const unlimited: string[] = [];
    for (const [path, operations] of Object.entries(paths))
      for (const [method, { parameters, requestBody }] of Object.entries(operations)) {
        const of = (where: 'path' | 'query') => parameters.filter((each) => each.in === where);
        const url = (values: Readonly<Record<string, unknown>>, query: Readonly<Record<string, unknown>> = {}) => {
          const search = new URLSearchParams(
            Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
          ).toString();
          return `${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])))}${search === '' ? '' : `?${search}`}`;
        };
        const inPath = Object.fromEntries(of('path').map(({ name, schema }) => [name, sample(schema)]));
        // A login of the REST licensing API is signed: compat/description.test.ts has it.
        const { 'application/json': body } = path.startsWith('/sentinel/') ? {} : (requestBody?.content ?? {});
        const call = (target: string, value: unknown) => {
          const text = value === undefined ? '' : JSON.stringify(value);
          return ask(port, method.toUpperCase(), target, text === '' ? {} : { 'content-type': 'application/json' }, text);
        };
        const whole = body === undefined ? undefined : sample(body.schema);
        const places: readonly { readonly place: Place; send(text: string): ReturnType<typeof ask> | undefined }[] = [
          ...of('path').flatMap(({ name, schema }) =>
            placesIn(schema, name).map((place) => ({
              place,
              send: (text: string) => (text === '' ? undefined : call(url({ ...inPath, [name]: text }), whole)),
            })),
          ),
          ...of('query').flatMap(({ name, schema }) =>
            placesIn(schema, name).map((place) => ({ place, send: (text: string) => call(url(inPath, { [name]: text }), whole) })),
          ),
          ...(body === undefined
            ? []
            : placesIn(body.schema).map((place) => ({ place, send: (text: string) => call(url(inPath), place.fill(text)) }))),
        ];
        for (const { place, send } of places) {
          const { schema, at } = place;
          const { minLength = 0, maxLength } = schema;
          // What is passed over where it is no text of its kind, and what is checked by its pattern, has no length.
          if (maxLength === undefined && schema.pattern === undefined && path.startsWith('/api/'))
            unlimited.push(`${method} ${path} ${at}`);
          const lengths = [
            ...(minLength > 0 ? [minLength, minLength - 1] : []),
            ...(maxLength === undefined ? [] : [maxLength, maxLength + 1]),
          ];
          const texts = [
            ...lengths.flatMap((length) => ['a', '1', '\u{1f511}', 'é'].map((letter) => letter.repeat(length))),
            ...(schema.pattern === undefined
              ? []
              : [...CANDIDATES, '0', '9'.repeat(20), '9'.repeat(21), 'a'.repeat(40), 'a'.repeat(41), '!', 'a b', '\u202e']),
          ];
          for (const text of texts) {
            if (encodeURIComponent(text).length > 12_000 && !at.includes('recipient') && body === undefined) continue;
            const answer = await send(text);
            if (answer === undefined) continue;
            tried += 1;
            const what = `${method} ${path} ${at} ${Array.from(text).length} × ${JSON.stringify(Array.from(text)[0])}: ${answer.code} ${answer.text.slice(0, 200)}`;
            expect(answer.text, what).not.toContain('No such page');
            expect(isRefused(at, answer.code, answer.text), what).toBe(!place.takes(text));
          }
        }
      }
    expect(unlimited).toEqual([]);
    expect(tried).toBeGreaterThan(300);
  });
});
