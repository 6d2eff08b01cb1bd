import { parseExactJson } from '@keyhaven/core/compat';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { startCompatSite } from './compat-site.testing.ts';
import { createRestClient, type RestReply } from './rest-client.testing.ts';

// What existing programs call is in /api/v1/openapi.json with all the rest (C4, C6), and answers as it says there.

type Content = Readonly<Record<string, { readonly schema: Record<string, unknown> }>>;
type Operation = {
  readonly 'x-need': string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
};

const REST = '/sentinel/ldk_runtime/v1/vendors/{vendor}';
const describedBy = async (site: Awaited<ReturnType<typeof startCompatSite>>) => {
  const { paths } = JSON.parse(await site.api('GET', '/api/v1/openapi.json')) as {
    paths: Record<string, Record<string, Operation>>;
  };
  return (method: string, path: string): Operation => {
    const found = paths[path]?.[method.toLowerCase()];
    if (found === undefined) throw new Error(`${method} ${path} is not described`);
    return found;
  };
};
const needOf = (of: Operation) => [of['x-need'], of.security.flatMap(Object.keys)];

it('every route of existing programs is described, with whom it is for', async () => {
  const site = await startCompatSite();
  const described = await describedBy(site);
  const administrator = ['password', 'session'];
  for (const prefix of ['', '/_int_']) {
    for (const name of ['tab_dev.html', 'tab_feat.html', 'tab_sessions.html', 'tab_diag2.html'])
      expect(described('GET', `${prefix}/${name}`).parameters.map((each) => each.name)).toContain('haspid');
    for (const name of ['tab_feat.html', 'conf_to.html', 'config_from.html', 'settings-form.js', 'download/my.c2v', 'download/my.fp'])
      expect(needOf(described('GET', `${prefix}/${name}`))).toEqual(['read', administrator]);
    for (const name of ['devices.html', 'sessions.html']) {
      expect(needOf(described('GET', `${prefix}/${name}`))).toEqual(['page', []]);
      expect(Object.keys(described('GET', `${prefix}/${name}`).responses)).toEqual(['302', 'default']);
    }
    expect(needOf(described('POST', `${prefix}/action.html`))).toEqual(['write', administrator]);
    expect(needOf(described('GET', `${prefix}/action.html`))).toEqual(['configure', administrator]);
    expect(Object.keys(described('POST', `${prefix}/checkin_file.html`).requestBody?.content ?? {})).toEqual(['multipart/form-data']);
  }
  expect(needOf(described('GET', '/metrics'))).toEqual(['metrics', administrator]);
  expect(needOf(described('GET', '/sentinel/ldk/v1/healthz'))).toEqual(['open', []]);
  for (const [method, path] of [
    ['POST', '/sessions'],
    ['POST', '/sessions/{session}/refresh'],
    ['GET', '/sessions/{session}/read'],
    ['DELETE', '/sessions/{session}'],
    ['GET', '/keys'],
    ['GET', '/products'],
    ['GET', '/features'],
  ] as const) {
    const tokens = path.includes('{session}') ? ['bearer'] : [];
    expect([path, ...needOf(described(method, `${REST}${path}`))]).toEqual([path, 'identity', ['identity', ...tokens]]);
  }
});

it('answers of the REST licensing API are as they are described', async () => {
  const site = await startCompatSite();
  const described = await describedBy(site);
  await site.license();
  const { identity, secret } = JSON.parse(await site.api('POST', '/api/v1/identities', { issuedTo: 'a test' }));
  const client = createRestClient({ port: site.port, identity: identity.id, secret, vendor: 7 });
  const holds = (method: string, path: string, reply: RestReply): void => {
    const { responses } = described(method, `${REST}${path}`);
    const schema = (responses[reply.code] ?? responses['default'])?.content?.[
      reply.code < 400 ? 'application/json' : 'application/problem+json'
    ]?.schema ?? { not: {} };
    // Whole numbers of 64 bits are what no number of JavaScript can be.
    const text = JSON.stringify(schema).replaceAll('{"type":"integer","format":"int64"}', '{"type":"string","pattern":"^[0-9]+$"}');
    const strict = text.replaceAll('"type":"object"', '"type":"object","additionalProperties":false');
    expect(
      z.fromJSONSchema(JSON.parse(strict) as Parameters<typeof z.fromJSONSchema>[0]).safeParse(parseExactJson(reply.text)).error?.issues,
      `${method} ${path}`,
    ).toBeUndefined();
  };
  const login = await client.login(42, { clientInfo: { processId: 1 } });
  const session = String(login.json['sessionId']);
  holds('POST', '/sessions', login);
  expect(login.code).toBe(201);
  holds('POST', '/sessions', await client.login(99));
  holds('POST', '/sessions/{session}/refresh', await client.refresh(session));
  holds('GET', '/sessions/{session}/read', await client.read(session, '?memoryId=65524&offset=0&length=10'));
  for (const what of ['keys', 'products', 'features']) holds('GET', `/${what}`, await client.call('GET', `/${what}`));
  holds('DELETE', '/sessions/{session}', await client.logout(session));
  holds('DELETE', '/sessions/{session}', await client.logout('none'));
});

it('a login of the REST licensing API is taken up to the lengths that are described', async () => {
  const site = await startCompatSite();
  const described = await describedBy(site);
  await site.license();
  const { identity, secret } = JSON.parse(await site.api('POST', '/api/v1/identities', { issuedTo: 'a test' }));
  const client = createRestClient({ port: site.port, identity: identity.id, secret, vendor: 7 });
  type Schema = { readonly maxLength?: number; readonly anyOf?: readonly Schema[]; readonly properties?: Readonly<Record<string, Schema>> };
  const { schema } = described('POST', `${REST}/sessions`).requestBody?.content['application/json'] ?? { schema: {} };
  const within = (of: Schema | undefined, name: string): Schema | undefined =>
    of?.properties?.[name] ?? of?.anyOf?.map((each) => within(each, name)).find((each) => each !== undefined);
  const longest = (of: Schema | undefined): number | undefined =>
    of?.maxLength ?? of?.anyOf?.map(longest).find((each) => each !== undefined);
  for (const name of ['domainName', 'hostName', 'userName', 'machineId', 'processId']) {
    const most = longest(within(within(schema, 'clientInfo'), name)) ?? 0;
    expect(most, name).toBeGreaterThan(0);
    for (const letter of ['a', '\u{1f511}']) {
      const at = (length: number) => client.login(99, { clientInfo: { [name]: letter.repeat(length) } });
      expect(await at(most), `${name} ${letter}`).toMatchObject({ code: 404, json: { errorCode: 31 } });
      expect(await at(most + 1), `${name} ${letter}`).toMatchObject({ code: 400, json: { errorCode: 501 } });
    }
  }
});
