import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { createTestVendor, freeTcpPort } from '@keyhaven/testkit/local-lm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostile, nearly, type Schema, valid } from './schema-arbitrary.ts';

// Every route with what its description takes, what is at the edge of it, and what is hostile (S6, S14), those of links and of existing programs
// among them: each is answered in time, never with 500; whatever is refused leaves the state as it was; and memory stays where it was.

type Operation = {
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
};
type Described = { readonly method: string; readonly path: string; readonly operation: Operation };

const vendor = createTestVendor('products:\n  - { id: 1, name: Survey, features: [{ id: 42, license: { type: perpetual } }] }');
const RUNS = 25;
/** A body of hundreds of kilobytes on a busy computer; a password is hashed one after the other. */
const ANSWER_MS = 5_000;
/** BOUNDED: what the whole of it may leave behind in memory, of this process with the license manager in it. */
const MORE_MEMORY = 400 * 1024 * 1024;
const HEADERS = ['server', 'x-content-type-options', 'cache-control', 'referrer-policy', 'content-security-policy', 'content-type'];
/** What a trace of the stack has, and nothing that was sent here. */
const INSIDE = /\n\s+at [^\n]*\.[jt]s:\d+|node:internal|node_modules/;
const CODES = new Set([200, 201, 204, 302, 304, 400, 401, 403, 404, 405, 409, 413, 414, 415, 422, 429, 431, 503]);

describe('any request (S6, S14)', () => {
  const root = mkdtempSync(join(tmpdir(), 'kh-fuzz-'));
  const ini = join(root, 'keyhaven.ini');
  let lm: Awaited<ReturnType<typeof startAdminLm>>;
  let port = 0;
  let key = '';
  let described: Described[] = [];

  const name = { type: 'string', maxLength: 300 };
  const query = (...names: string[]) => names.map((each) => ({ name: each, in: 'query', schema: name }));
  const takes = (type: string, schema: Schema) => ({ requestBody: { content: { [type]: { schema } } } });
  const REST = '/sentinel/ldk_runtime/v1/vendors/{vendor}';
  const inVendor = [{ name: 'vendor', in: 'path', schema: { type: 'integer', minimum: 0, maximum: 2 ** 32 } }];
  const inSession = [...inVendor, { name: 'session', in: 'path', schema: name }];
  const scope = {
    type: 'object',
    properties: { featureId: { type: 'integer' }, keyId: { type: 'integer' }, scope: name, clientInfo: { type: 'object' } },
  };
  /** What the description leaves out, because existing programs and other license managers describe it. */
  const undescribed: readonly Described[] = [
    ...['hello', 'confirm', 'exchange', 'listen'].map((each) => ({
      method: 'POST',
      path: `/lm/v1/${each}`,
      operation: { parameters: [], ...takes('text/plain', {}) },
    })),
    ...['/tab_dev.html', '/_int_/tab_feat.html', '/tab_sessions.html', '/_int_/tab_diag2.html'].map((path) => ({
      method: 'GET',
      path,
      operation: { parameters: query('haspid', 'vendorid', 'productid', 'featureid', 'filterfrom', 'filterto', 'timestamp') },
    })),
    ...[
      '/_int_',
      '/sessions.html',
      '/conf_to.html',
      '/_int_/config_from.html',
      '/download/my.c2v',
      '/_int_/download/my.fp',
      '/action.html',
    ].map((path) => ({
      method: 'GET',
      path,
      operation: { parameters: query('1', 'Create_new_lmid', '__proto__', 'constructor') },
    })),
    { method: 'POST', path: '/action.html', operation: { parameters: [], ...takes('text/plain', {}) } },
    { method: 'POST', path: '/_int_/checkin_file.html', operation: { parameters: [], ...takes('multipart/form-data', {}) } },
    { method: 'POST', path: `${REST}/sessions`, operation: { parameters: inVendor, ...takes('application/json', scope) } },
    { method: 'POST', path: `${REST}/sessions/{session}/refresh`, operation: { parameters: inSession } },
    { method: 'DELETE', path: `${REST}/sessions/{session}`, operation: { parameters: inSession } },
    {
      method: 'GET',
      path: `${REST}/sessions/{session}/read`,
      operation: { parameters: [...inSession, ...query('fileId', 'offset', 'length')] },
    },
    ...['keys', 'products', 'features'].map((each) => ({
      method: 'GET',
      path: `${REST}/${each}`,
      operation: { parameters: [...inVendor, ...query('pageStartIndex', 'pageSize', 'sort')] },
    })),
    ...['GET', 'DELETE'].map((method) => ({
      method,
      path: '/{any}',
      operation: { parameters: [{ name: 'any', in: 'path', schema: name }] },
    })),
  ];

  const send = (method: string, path: string, headers: Record<string, string>, body: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const before = performance.now();
      const head = { ...headers, ...(body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }) };
      const sent = request({ host: '127.0.0.1', port, method, path, headers: head, agent: false, timeout: ANSWER_MS }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('error', () => undefined);
        response.on('data', (chunk: string) => {
          if (text.length < 64 * 1024) text += chunk;
        });
        const done = (): void => {
          sent.destroy();
          const missing = HEADERS.filter((name) => response.headers[name] === undefined);
          if (missing.length > 0)
            return reject(new Error(`${method} ${path.slice(0, 80)}: ${response.statusCode} without ${missing.join(' ')}`));
          if (INSIDE.test(text)) return reject(new Error(`${method} ${path.slice(0, 80)} tells of its inside: ${text.slice(0, 500)}`));
          if (performance.now() - before > ANSWER_MS) reject(new Error(`${method} ${path.slice(0, 80)} was not answered in time`));
          else resolve(response.statusCode ?? 0);
        };
        if (response.headers['content-type']?.startsWith('text/event-stream') === true) done();
        else response.on('end', done);
      });
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path.slice(0, 80)} was not answered in time`)));
      // The answer may come before all of a large body is sent.
      sent.on('error', (error: NodeJS.ErrnoException) =>
        error.code === 'EPIPE' || error.code === 'ECONNRESET' ? resolve(413) : reject(error),
      );
      sent.end(body);
    });
  const api = async (method: string, path: string, body?: string | object): Promise<string> => {
    const type = typeof body === 'string' ? 'text/plain' : 'application/json';
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const init = body === undefined ? { method } : { method, headers: { 'content-type': type }, body: text ?? '' };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    expect(response.status).toBe(200);
    return response.text();
  };

  beforeAll(async () => {
    port = await freeTcpPort();
    writeFileSync(ini, '[REMOTE]\nbroadcastsearch = 0\n');
    const settings = parseSettings('', { bind: ['127.0.0.1'], port, name: 'fuzz', search: { broadcast: false } });
    // What is written into the file is not taken over: it would search at addresses that nobody wrote.
    const configuration = { file: ini, overrides: { bind: ['127.0.0.1'], port, name: 'fuzz', search: { broadcast: false } } };
    lm = await startAdminLm({ settings, configuration, stateDirectory: join(root, 'state') });
    const c2v = await api('POST', '/api/v1/c2v', { vendorCode: vendor.vendorCode });
    key = (JSON.parse(await api('POST', '/api/v1/apply', vendor.issue(c2v))) as { key: string }).key;
    const { paths } = JSON.parse(await api('GET', '/api/v1/openapi.json')) as { paths: Record<string, Record<string, Operation>> };
    described = Object.entries(paths).flatMap(([path, of]) =>
      Object.entries(of).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    );
    // A password that was set by chance would refuse all that comes after it; it comes last.
    const isLast = ({ path }: Described): boolean => path === '/api/v1/password';
    described = [...described.filter((each) => !isLast(each)), ...undescribed, ...described.filter(isLast)];
  });
  afterAll(async () => {
    await lm?.close();
    rmSync(root, { recursive: true, force: true });
  });

  /** All that a refusal must not change. What was tried is in the audit and nowhere else. */
  const state = async (): Promise<string> => {
    const rows: string[] = []; // BOUNDED by the ledger of this test
    for await (const [each, row] of lm.ledger.scan('')) rows.push(`${each} ${JSON.stringify(row)}`);
    return `${rows.toSorted().join('\n')}\n${readFileSync(ini, 'utf8')}`;
  };

  /** Nothing is sent to anywhere but this computer. */
  const harmless = (path: string, body: unknown): unknown => {
    if (!path.startsWith('/api/v1/network/') || typeof body !== 'object' || body === null || !('hosts' in body)) return body;
    return Array.isArray(body.hosts) && body.hosts.every((host) => typeof host === 'string' && host !== '' && host.length <= 320)
      ? { ...body, hosts: [`127.0.0.1:${port}`], broadcast: false }
      : body;
  };
  /** The password that has just been set. */
  const forget = async (body: string): Promise<void> => {
    const { password } = JSON.parse(body) as { password: string };
    const authorization = `Basic ${Buffer.from(`a:${password}`).toString('base64')}`;
    expect(await send('DELETE', '/api/v1/password', { host: `127.0.0.1:${port}`, authorization }, '')).toBe(200);
  };
  const json = (value: unknown): string => JSON.stringify(value) ?? '';
  const textOf = (value: unknown): string => (typeof value === 'string' ? value : json(value));
  const bodiesOf = (operation: Operation, path: string): fc.Arbitrary<readonly [type: string, body: string]> => {
    const [type = '', content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
    if (content === undefined) return fc.constantFrom<readonly [string, string]>(['', ''], ['application/json', '{}']);
    const schema = content.schema;
    const value =
      type === 'application/json'
        ? fc.oneof(valid(schema), nearly(schema), hostile).map((each) => json(harmless(path, each)))
        : fc.oneof(fc.string({ maxLength: 3_000 }), hostile.map(textOf));
    const types = fc.oneof(
      { weight: 8, arbitrary: fc.constant(type) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          '',
          'application/json',
          'text/plain',
          'multipart/form-data',
          'multipart/form-data; boundary=x',
          'text/html',
          'application/octet-stream',
        ),
      },
    );
    return fc.tuple(types, value);
  };

  it('is answered in time and never with 500, whatever is in it', async () => {
    expect(described.length).toBeGreaterThan(80);
    const before = process.memoryUsage().rss;
    const seen = new Map<number, number>();
    for (const { method, path, operation } of described) {
      const parameter = (schema: Schema) => fc.oneof(valid(schema), hostile).map((value) => textOf(value).slice(0, 3_000));
      const query = fc.record(
        Object.fromEntries(operation.parameters.filter((each) => each.in === 'query').map(({ name, schema }) => [name, parameter(schema)])),
        { requiredKeys: [] },
      );
      const names = operation.parameters.filter((each) => each.in === 'path');
      const inPath = fc.tuple(...names.map(({ schema }) => fc.oneof(parameter(schema), fc.constantFrom(key, 'a'.repeat(32)))));
      await fc.assert(
        fc.asyncProperty(query, inPath, bodiesOf(operation, path), async (asked, values, [type, body]) => {
          const url = values.reduce((at, value) => at.replace(/\{\w+\}/, () => encodeURIComponent(value.toWellFormed())), path);
          const search = new URLSearchParams(
            Object.entries(asked).map(([name, value]): [string, string] => [name, String(value)]),
          ).toString();
          const headers = { host: `127.0.0.1:${port}`, connection: 'close', ...(type === '' ? {} : { 'content-type': type }) };
          const was = await state();
          const code = await send(
            method,
            `${url}${search === '' ? '' : `?${search}`}`.slice(0, 12_000),
            headers,
            method === 'GET' ? '' : body,
          );
          seen.set(code, (seen.get(code) ?? 0) + 1);
          const what = `${method} ${url} ${type} ${body.slice(0, 300)}`;
          expect(CODES, what).toContain(code);
          if (code >= 400) expect(await state(), what).toBe(was);
          if (code === 200 && method === 'PUT' && path === '/api/v1/password') await forget(body);
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    }
    for (const code of [200, 400, 404, 415, 422]) expect(seen.get(code) ?? 0, `answers ${code}`).toBeGreaterThan(0);
    expect(process.memoryUsage().rss - before).toBeLessThan(MORE_MEMORY);
    // It is there, serves its key, and its file is one that it can read.
    expect(await api('GET', '/api/v1/features')).toContain(`"key":"${key}"`);
    expect(JSON.parse(await api('GET', '/api/v1/settings'))).toMatchObject({ fault: null });
    expect(readFileSync(ini, 'utf8')).toContain('[REMOTE]');
  });
});
