import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import { createTestVendor, freeTcpPort } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createPorts, createTestDevice } from '../../packages/license-manager/src/devices/device.testing.ts';
import { createTestVendor as createDeviceVendor } from '../../packages/license-manager/src/keystore/vendor.testing.ts';
import { lmAddressFrom, ownIdentity, systemEntropy } from '../../packages/licensing-api/src/environment.ts';
import { OTHER_LOOPBACK, relay } from './relay.ts';

// The admin API as it is described (C4): the description holds every route, and what a real license manager answers to each of them is what
// the description says.

type Schema = {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly additionalProperties?: unknown;
};
type Operation = {
  readonly operationId: string;
  readonly summary: string;
  readonly 'x-need': string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: {
    readonly 200: { readonly description: string; readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  };
};
type Description = { readonly openapi: string; readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

const vendor = createTestVendor(`
products:
  - id: 1
    name: Survey
    rehost: true
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 1, network: true }, detachable: true }
      - { id: 43, license: { type: executions, count: 3 }, concurrency: { seats: 3, network: true } }
      - { id: 44, license: { type: expiration, until: 2090-01-01, graceDays: 3 } }
      - { id: 45, license: { type: period, days: 30 } }
    memory: { readWrite: 64, readOnly: 16 }
`);

/** Fields of a value that its schema does not name. */
const undeclared = (schema: Schema, value: unknown, at = ''): string[] => {
  if (schema.anyOf !== undefined) {
    const each = schema.anyOf.map((one) => undeclared(one, value, at));
    return each.toSorted((a, b) => a.length - b.length)[0] ?? [];
  }
  if (Array.isArray(value)) return value.flatMap((each, index) => undeclared(schema.items ?? {}, each, `${at}[${index}]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    const known = schema.properties?.[name];
    if (known !== undefined) return undeclared(known, each, `${at}.${name}`);
    return schema.properties !== undefined && schema.additionalProperties === undefined ? [`${at}.${name}`] : [];
  });
};

/** What existing programs call is in the description, too, and held against it where it is tested (compat/description.test.ts). */
const isOfExistingPrograms = (path: string): boolean =>
  /^\/(?:_int_(?:\/|$)|sentinel\/|download\/|[a-z_0-9]+\.html$|settings-form\.js$)/.test(path);

describe('the admin API (C4)', () => {
  const root = mkdtempSync(join(tmpdir(), 'kh-admin-api-'));
  const asked = new Set<string>();
  let description: Description;
  let lms: Awaited<ReturnType<typeof startAdminLm>>[] = [];
  let application: Licensing;
  const ports: number[] = [];
  const plugs = createPorts();
  let toOffice: { close(): void } | undefined;

  const operationAt = (method: string, url: string): readonly [string, Operation] => {
    const path = url.split('?')[0] ?? '';
    for (const [template, operations] of Object.entries(description.paths)) {
      const operation = operations[method.toLowerCase()];
      const pattern = new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`);
      if (operation !== undefined && (template === path || pattern.test(path))) return [template, operation];
    }
    throw new Error(`${method} ${url} is not described`);
  };
  /** Asks, and holds the answer against the description. */
  const ask = async (method: string, url: string, body?: object | string | FormData, at = 0): Promise<unknown> => {
    const [template, operation] = operationAt(method, url);
    const isForm = body instanceof FormData;
    const type = typeof body === 'string' ? 'text/plain' : 'application/json';
    const response = await fetch(`http://127.0.0.1:${ports[at]}${url}`, {
      method,
      headers: { connection: 'close', ...(body === undefined || isForm ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { body: isForm || typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    asked.add(`${method} ${template}`);
    const said = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const text = said === 'text/event-stream' ? '' : await response.text();
    if (text === '') await response.body?.cancel();
    expect(response.status, `${method} ${url}: ${text.slice(0, 500)}`).toBe(200);
    const content = operation.responses[200].content[said];
    expect(content, `${method} ${url} answers ${said}`).toBeDefined();
    if (said !== 'application/json') return text;
    const value: unknown = JSON.parse(text);
    const schema = content?.schema ?? {};
    const held = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value);
    expect(held.error?.issues, `${method} ${url}`).toBeUndefined();
    expect(undeclared(schema, value), `${method} ${url}`).toEqual([]);
    return value;
  };
  const text = async (...of: Parameters<typeof ask>): Promise<string> => String(await ask(...of));

  beforeAll(async () => {
    for (const name of ['office', 'boat']) {
      const port = await freeTcpPort();
      ports.push(port);
      const [office = 0] = ports;
      if (name === 'boat') toOffice = await relay({ host: OTHER_LOOPBACK, port }, office);
      const search = name === 'boat' ? { broadcast: false, aggressive: true, addresses: [OTHER_LOOPBACK] } : { broadcast: false };
      const settings = parseSettings('', { bind: ['127.0.0.1'], port, name, search, detach: { enabled: true } });
      const configuration = { file: join(root, `${name}.ini`), overrides: { bind: ['127.0.0.1'], port, name } };
      writeFileSync(configuration.file, '[REMOTE]\nbroadcastsearch = 0\n[SERVER]\nenabledetach = 1\n');
      lms.push(await startAdminLm({ settings, configuration, stateDirectory: join(root, name), devices: plugs.source }));
    }
    description = (await (await fetch(`http://127.0.0.1:${ports[0]}/api/v1/openapi.json`)).json()) as Description;
    application = createLicensing(lmAddressFrom(`127.0.0.1:${ports[0]}`), ownIdentity(), systemEntropy);
  });
  afterAll(async () => {
    application?.close();
    for (const lm of lms) await lm.close();
    toOffice?.close();
    lms = [];
    rmSync(root, { recursive: true, force: true });
  });

  it('is described in OpenAPI 3.1', () => {
    const ref = z.strictObject({ $ref: z.string() });
    const content = z.record(z.string().regex(/^[\w-]+\/[\w.+-]+$/), z.strictObject({ schema: z.looseObject({}) }));
    const answer = z.strictObject({ description: z.string().min(1), content });
    const operation = z.strictObject({
      operationId: z.string().regex(/^[\w-]+$/),
      summary: z.string().min(3),
      'x-need': z.string(),
      security: z.array(z.record(z.string(), z.array(z.string()))),
      parameters: z.array(
        z.strictObject({ name: z.string(), in: z.enum(['path', 'query']), required: z.boolean(), schema: z.looseObject({}) }),
      ),
      requestBody: z.strictObject({ required: z.boolean(), content, 'x-maximum-bytes': z.number() }).optional(),
      responses: z.strictObject({
        200: answer.optional(),
        201: answer.optional(),
        302: answer.optional(),
        default: z.union([ref, answer]),
      }),
    });
    const document = z.strictObject({
      openapi: z.literal('3.1.0'),
      info: z.strictObject({
        title: z.string(),
        version: z.string(),
        description: z.string(),
        license: z.strictObject({ name: z.string(), identifier: z.string() }),
      }),
      servers: z.array(z.strictObject({ url: z.string() })),
      paths: z.record(z.string().startsWith('/'), z.partialRecord(z.enum(['get', 'put', 'post', 'delete']), operation)),
      components: z.strictObject({
        schemas: z.record(z.string(), z.looseObject({})),
        responses: z.record(
          z.string(),
          z.strictObject({ description: z.string(), content: z.record(z.string(), z.strictObject({ schema: ref })) }),
        ),
        securitySchemes: z.record(z.string(), z.looseObject({ type: z.enum(['http', 'apiKey']) })),
      }),
    });
    const { paths, components } = document.parse(description);
    const operations = Object.entries(paths).flatMap(([path, of]) => Object.values(of).map((each) => [path, each] as const));
    expect(operations.length).toBeGreaterThan(80);
    for (const [path, { responses }] of operations) expect([path, Object.keys(responses).length]).toEqual([path, 2]);
    expect(new Set(operations.map(([, { operationId }]) => operationId)).size).toBe(operations.length);
    for (const [path, { parameters, security }] of operations) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(parameters.filter((each) => each.in === 'path').map(({ name }) => name)).toEqual(named);
      for (const scheme of security.flatMap(Object.keys)) expect(components.securitySchemes).toHaveProperty(scheme);
    }
    for (const [, found] of JSON.stringify(description).matchAll(/"\$ref":"([^"]+)"/g)) {
      const [, , group = '', name = ''] = (found ?? '').split('/');
      expect(Object(components)[group]).toHaveProperty(name);
    }
  });

  it('answers what it says, each route of it', async () => {
    const c2v = await text('POST', '/api/v1/c2v', { vendorCode: vendor.vendorCode });
    const applied = z.object({ key: z.string() }).parse(await ask('POST', '/api/v1/apply', vendor.issue(c2v)));
    const { key } = applied;
    const session = await application.login({ vendorCode: vendor.vendorCode, feature: 42 });
    await expect(application.login({ vendorCode: vendor.vendorCode, feature: 42 })).rejects.toMatchObject({ status: 38 });
    const ended = new AbortController();
    const waiting = application.login({ vendorCode: vendor.vendorCode, feature: 42, wait: { timeoutMs: 60_000 }, signal: ended.signal });
    waiting.catch(() => undefined);
    await expect
      .poll(async () => z.array(z.object({ place: z.number() })).parse(await ask('GET', '/api/v1/waiting')))
      .toEqual([{ place: 1 }]);

    for (const url of ['status', 'keys', 'products', 'features', 'sessions', 'peers', 'audit?limit=5', 'detached', 'login', 'settings'])
      await ask('GET', `/api/v1/${url}`);
    for (const url of ['sessions?q=test', 'keys', 'products', 'features?sort=ends', 'peers', 'audit?kind=refused'])
      await ask('GET', `/api/v1/list/${url}`);
    for (const url of ['recent/users', 'recent/clients', 'diagnostics', 'diagnostics/report', 'openapi.json', 'events'])
      await ask('GET', `/api/v1/${url}`);
    for (const url of ['plan', 'upcoming', 'events', 'doctor']) await ask('GET', `/api/v1/network/${url}`);
    await ask('POST', '/api/v1/network/doctor', { hosts: [`127.0.0.1:${ports[1]}`], broadcast: false });
    expect(z.object({ total: z.literal(1) }).parse(await ask('GET', '/api/v1/list/sessions?key=' + key))).toBeDefined();
    ended.abort();

    await ask('POST', '/api/v1/fingerprint', { vendorCode: vendor.vendorCode });
    await ask(
      'POST',
      '/api/v1/upload',
      formOf(['again.v2c', vendor.issue(await text('POST', '/api/v1/c2v', { key }))], ['x.txt', 'no license']),
    );
    await session.logout();
    const held = await application.login({ vendorCode: vendor.vendorCode, feature: 43 });
    const killed = await ask('POST', '/api/v1/sessions/kill', { sessions: [held.id, 'a'.repeat(32)] });
    expect(killed).toMatchObject({ ended: [held.id], refused: [{ problem: { code: 9, status: 404 } }] });
    const other = await application.login({ vendorCode: vendor.vendorCode, feature: 43 });
    await ask('DELETE', `/api/v1/sessions/${other.id}`);

    expect(await ask('PUT', `/api/v1/keys/${key}/name`, { name: 'Office' })).toEqual({ key, name: 'Office' });
    expect(await ask('GET', `/api/v1/keys/${key}/certificate`)).toMatchObject({ key, links: [{ kind: 'vendor', signatureHolds: true }] });
    expect(await ask('GET', '/api/v1/list/keys?q=office')).toMatchObject({ items: [{ key, name: 'Office' }] });
    const { device, id: plugged } = createTestDevice(createDeviceVendor(), { light: true });
    plugs.plug(device);
    await expect.poll(async () => ask('GET', '/api/v1/keys')).toMatchObject([{}, { key: plugged, blinking: false }]);
    expect(await ask('POST', `/api/v1/keys/${plugged}/blink`, { on: true })).toEqual({ key: plugged, blinking: true });
    expect(await ask('GET', '/api/v1/keys')).toMatchObject([{ name: 'Office' }, { key: plugged, blinking: true }]);
    plugs.unplug(plugged);

    const recipient = await text('POST', '/api/v1/recipient', {}, 1);
    const h2r = await text('POST', '/api/v1/detach', { key, product: 1, recipient, duration: 3_600 });
    const lent = z.object({ key: z.string() }).parse(await ask('POST', '/api/v1/apply', h2r, 1));
    expect(await ask('GET', '/api/v1/detached')).toMatchObject([{ key, recipient: lent.key }]);
    const r2h = await text('POST', '/api/v1/return', { key: lent.key }, 1);
    await ask('POST', '/api/v1/apply', r2h);
    const owner = z.object({ guid: z.string() }).parse(await ask('GET', '/api/v1/status')).guid;
    await expect
      .poll(() => ask('GET', '/api/v1/products', undefined, 1), { timeout: 10_000 })
      .toEqual(expect.arrayContaining([expect.objectContaining({ local: false, key, product: 1, detachable: expect.anything() })]));
    const here = z
      .object({ key: z.string(), until: z.string() })
      .parse(await ask('POST', '/api/v1/detach-here', { licenseManager: owner, key, product: 1, duration: 3_600 }, 1));
    expect(await ask('GET', '/api/v1/keys', undefined, 1)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ key: here.key, lent: { by: key, until: here.until, owner: { guid: owner, key } } }),
      ]),
    );
    await ask('POST', '/api/v1/detach-here', { key: here.key, duration: 7_200 }, 1);
    expect(await ask('POST', '/api/v1/return-here', { key: here.key }, 1)).toEqual({ key: here.key, told: true, licenseManager: owner });
    expect(await ask('GET', '/api/v1/returns', undefined, 1)).toEqual([]);
    expect(await ask('GET', '/api/v1/detached')).toEqual([]);
    const h2h = await text('POST', '/api/v1/rehost', { key, recipient: await text('POST', '/api/v1/recipient', {}, 1) });
    await ask('POST', '/api/v1/apply', h2h, 1);

    const changed = await ask('PUT', '/api/v1/settings', { settings: { 'search.intervalMinutes': 7, 'limits.connections': 1_000 } });
    expect(changed).toEqual({ now: ['search.intervalMinutes'], restart: ['limits.connections'] });
    const after = z.object({ settings: z.array(z.looseObject({ path: z.string() })) }).parse(await ask('GET', '/api/v1/settings'));
    expect(after.settings.find(({ path }) => path === 'limits.connections')).toMatchObject({
      value: 1_000,
      source: 'file',
      running: 16_384,
    });
    await ask('PUT', '/api/v1/password', { password: 'correct horse' }, 1);
    await ask('POST', '/api/v1/login', { password: 'correct horse' }, 1);
    await ask('POST', '/api/v1/logout', undefined, 1);
    expect(await ask('DELETE', '/api/v1/password')).toEqual({ status: 'cleared' });
    await ask('POST', '/api/v1/lm-id', { now: false });
    await ask('POST', '/api/v1/network/findings', { hosts: [`127.0.0.1:${ports[1]}`], broadcast: false });
    await ask('GET', '/api/v1/log/access?lines=10');
    const issued = z
      .object({ identity: z.object({ id: z.string() }) })
      .parse(await ask('POST', '/api/v1/identities', { issuedTo: 'a test' }));
    await ask('GET', '/api/v1/identities');
    await ask('PUT', `/api/v1/identities/${issued.identity.id}`, { disabled: true });
    await ask('DELETE', `/api/v1/identities/${issued.identity.id}`);
    for (const url of ['/', '/style.css', '/healthz', '/readyz']) await ask('GET', url);
    await askTheRest();

    const all = Object.entries(description.paths).flatMap(([path, of]) =>
      isOfExistingPrograms(path) ? [] : Object.keys(of).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(all.filter((each) => !asked.has(each))).toEqual([]);
  });

  /** Routes that need nothing to answer, as others add them. */
  const askTheRest = async (): Promise<void> => {
    for (const [path, of] of Object.entries(description.paths)) {
      const needed = path.includes('{') || (of['get']?.parameters.some(({ required }) => required) ?? true);
      if (!needed && !isOfExistingPrograms(path) && !asked.has(`GET ${path}`)) await ask('GET', path);
    }
  };
});

const formOf = (...files: readonly (readonly [name: string, text: string])[]): FormData => {
  const form = new FormData();
  for (const [name, text] of files) form.append('file', new Blob([text]), name);
  return form;
};
