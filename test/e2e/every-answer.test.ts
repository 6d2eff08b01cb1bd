import { connect } from 'node:net';
import { createTestVendor, startLocalLm } from '@keyhaven/testkit/local-lm';
import { describe, expect, it, onTestFinished } from 'vitest';

// Every path by every method, in HTTP/1.0 and 1.1, with what it takes, with what it does not, and with too much: each answer has the headers of every
// answer, the form that readers of its path know, and nothing of the inside (S8, S19, C4, C6).

type Answer = { readonly code: number; readonly headers: ReadonlyMap<string, string>; readonly body: string };

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'];
const HEADERS = [
  'server',
  'x-content-type-options',
  'cache-control',
  'referrer-policy',
  'cross-origin-resource-policy',
  'content-security-policy',
];
const PROBLEM = 'application/problem+json; charset=utf-8';
const REST = '/sentinel/ldk_runtime/v1/vendors/7';
const INSIDE = /\bat [^\n]*\.[jt]s:\d+|node:internal|node_modules|\/packages\/|\/src\//;

const read = (text: string): Answer => {
  const end = text.indexOf('\r\n\r\n');
  const [line = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map(
    lines.map((each): [string, string] => [each.slice(0, each.indexOf(':')).toLowerCase(), each.slice(each.indexOf(':') + 2)]),
  );
  return { code: Number(/^HTTP\/\d\.\d (\d{3}) /.exec(line)?.[1] ?? Number.NaN), headers, body: text.slice(end + 4) };
};
/** What comes back until the other side closes; of a stream its head. */
const raw = (port: number, text: string): Promise<Answer> =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(text, 'latin1'));
    socket
      .on('error', () => undefined)
      .on('data', (chunk) => {
        answer += chunk.toString('latin1');
        if (/^content-type: text\/event-stream/im.test(answer)) socket.destroy();
      });
    socket.once('close', () => resolve(read(answer)));
  });

const start = async () => {
  const local = await startLocalLm();
  onTestFinished(() => local[Symbol.asyncDispose]());
  await local.license(createTestVendor('products: [{ id: 1, name: P, features: [{ id: 42, license: { type: perpetual } }] }]', 7));
  const { paths } = JSON.parse(await local.ask('GET', '/api/v1/openapi.json')) as { paths: Record<string, Record<string, unknown>> };
  const methodsOf = (of: Record<string, unknown>): string[] => Object.keys(of).map((method) => method.toUpperCase());
  const described = Object.keys(paths).map((template) => {
    const path = template.replaceAll('{vendor}', '7').replaceAll(/\{\w+\}/g, 'none');
    // `/sessions/kill` is `/sessions/{id}`, too.
    const same = Object.entries(paths).filter(([each]) => new RegExp(`^${each.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path));
    return { path, methods: new Set(same.flatMap(([, of]) => methodsOf(of))) };
  });
  const links = ['hello', 'confirm', 'exchange', 'listen'].map((each) => ({ path: `/lm/v1/${each}`, methods: new Set(['POST']) }));
  const nothing = ['/none', '/api/v1/none', '/_int_/none.html', `${REST}/none`, '/sentinel/ldk_runtime'].map((path) => ({
    path,
    methods: new Set<string>(),
  }));
  const ask = (method: string, path: string, version: string, more = '', body = '') =>
    raw(local.port, `${method} ${path} HTTP/${version}\r\n${more}Connection: close\r\n\r\n${body}`);
  return { local, all: [...described, ...links, ...nothing], ask };
};
const HOST = 'Host: localhost\r\n';

/** What is wrong with an answer; undefined = nothing. */
const faultOf = ({ code, headers, body }: Answer, method: string, path: string): string | undefined => {
  if (Number.isNaN(code)) return 'no answer';
  if (code >= 500 && ![501, 503, 505].includes(code)) return `status ${code}`;
  const missing = HEADERS.filter((name) => !headers.has(name));
  if (missing.length > 0) return `status ${code} without ${missing.join(', ')}`;
  if (INSIDE.test(body)) return `tells of its inside: ${body.slice(0, 300)}`;
  const type = headers.get('content-type');
  if (type === undefined && body !== '') return 'no content type';
  if (code < 400 || method === 'HEAD') return undefined;
  // By the bytes that programs look for.
  if (code === 501) return undefined;
  if (/checkin_file\.html/.test(path))
    return type?.startsWith('text/html') === true && /var error = [1-9]\d*;/.test(body)
      ? undefined
      : `an upload is refused by ${type} ${body}`;
  if (path.startsWith('/lm/v1/') && type?.startsWith('text/plain') === true) return undefined;
  if (type !== PROBLEM) return `refused by ${type}`;
  const problem = JSON.parse(body) as Record<string, unknown>;
  if (problem['status'] !== code || typeof problem['detail'] !== 'string' || typeof problem['code'] !== 'number')
    return `refused by ${body}`;
  if (path.startsWith('/sentinel/ldk_runtime') && problem['errorCode'] !== problem['code']) return `no errorCode in ${body}`;
  return undefined;
};

describe('every path', () => {
  it('answers every method in its form; one that is not for it with 405 and those that are', async () => {
    const { all, ask } = await start();
    for (const { path, methods } of all)
      for (const method of METHODS) {
        const answer = await ask(method, path, '1.1', HOST);
        const what = `${method} ${path}: ${answer.code}`;
        expect(faultOf(answer, method, path), what).toBeUndefined();
        const isFor = methods.has(method) || (method === 'HEAD' && methods.has('GET') && answer.code !== 405);
        if (methods.size === 0) expect(answer.code, what).toBe(404);
        else expect(answer.code === 405, what).toBe(!isFor);
        if (answer.code !== 405) continue;
        const allowed = answer.headers.get('allow')?.split(', ') ?? [];
        expect(allowed, what).toEqual(expect.arrayContaining([...methods]));
        expect(allowed, what).not.toContain(method);
      }
  });

  it('answers HTTP/1.0 in its form, with a Host header and without', async () => {
    const { all, ask } = await start();
    for (const { path, methods } of all)
      for (const method of [...methods, 'OPTIONS'])
        for (const host of [HOST, '']) {
          const answer = await ask(method, path, '1.0', host);
          expect(faultOf(answer, method, path), `${method} ${path} ${host}: ${answer.code}`).toBeUndefined();
        }
  });

  it('answers what it does not take in its form: other types, no JSON, too much, bad lengths', async () => {
    const { all, ask } = await start();
    const large = 'x'.repeat(70_000);
    for (const { path, methods } of all)
      for (const method of [...methods, 'PUT'].filter((each) => each !== 'GET' && each !== 'HEAD'))
        for (const [type, body] of [
          ['text/xml', '<a/>'],
          ['application/json', '{'],
          ['application/json', '{"unknown":1}'],
          ['multipart/form-data', 'x'],
          ['application/json', large],
          ['application/json; charset=x', '[]'],
        ] as const) {
          const head = `${HOST}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n`;
          const answer = await ask(method, path, '1.1', head, body);
          expect(faultOf(answer, method, path), `${method} ${path} ${type} ${body.slice(0, 20)}: ${answer.code}`).toBeUndefined();
        }
  });

  it('answers requests of another origin, and of names that are not its own, in its form', async () => {
    const { all, ask } = await start();
    for (const { path, methods } of all)
      for (const method of methods)
        for (const more of [`${HOST}Origin: http://evil.example\r\n`, 'Host: evil.example\r\n', `${HOST}Sec-Fetch-Site: cross-site\r\n`]) {
          const answer = await ask(method, path, '1.1', more);
          expect(faultOf(answer, method, path), `${method} ${path} ${more}: ${answer.code}`).toBeUndefined();
        }
  });
});

describe('what is refused before any path is known', () => {
  it.each([
    ['headers that are too long', `GET /healthz HTTP/1.1\r\n${HOST}X: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['a target that is too long', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`, 431],
    ['too many headers', `GET /healthz HTTP/1.1\r\n${HOST}${'a:\r\n'.repeat(200)}\r\n`, 431],
    ['no HTTP', 'GET /healthz NONSENSE\r\n\r\n', 400],
    ['a header without a colon', `GET /healthz HTTP/1.1\r\n${HOST}nonsense\r\n\r\n`, 400],
    ['two lengths', `POST ${REST}/sessions HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400],
    ['HTTP/1.1 without Host', `GET ${REST}/keys HTTP/1.1\r\n\r\n`, 400],
    ['another version', `GET ${REST}/keys HTTP/2.0\r\n${HOST}\r\n`, 505],
    ['an absolute target', `GET http://localhost/ HTTP/1.1\r\n${HOST}\r\n`, 400],
    ['an expectation', `POST ${REST}/sessions HTTP/1.1\r\n${HOST}Expect: x\r\nContent-Length: 0\r\n\r\n`, 417],
    ['a path that is not encoded', `GET ${REST}/%zz HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, 400],
  ])('%s: with the headers of every answer', async (_what, text, code) => {
    const { local } = await start();
    const answer = await raw(local.port, text);
    expect([answer.code, faultOf(answer, 'GET', '/')]).toEqual([code, undefined]);
    if (text.includes(REST)) expect(JSON.parse(answer.body)).toMatchObject({ errorCode: 501 });
  });
});

describe('a script that speaks HTTP/1.0 and sends no Host', () => {
  it('reads feeds and metrics, and ends sessions', async () => {
    const { ask } = await start();
    for (const path of [
      '/tab_feat.html',
      '/_int_/tab_sessions.html?haspid=0',
      '/metrics',
      '/healthz',
      '/_int_/index.html',
      '/conf_to.html',
    ])
      expect((await ask('GET', path, '1.0')).code, path).toBe(path.endsWith('index.html') ? 302 : 200);
    const answer = await ask('POST', '/_int_/action.html', '1.0', 'Content-Type: text/plain\r\nContent-Length: 16\r\n', 'deletelogin=none');
    expect(answer.code).not.toBe(403);
  });

  it('is told to send one where it asks for the admin API, and no page of another origin gets in by that', async () => {
    const { ask } = await start();
    const refused = await ask('GET', '/api/v1/status', '1.0');
    expect([refused.code, JSON.parse(refused.body)]).toMatchObject([403, { detail: 'The request has no Host header.' }]);
    for (const more of ['Origin: http://evil.example\r\n', 'Sec-Fetch-Site: cross-site\r\n', 'Host: evil.example\r\n', 'Host:\r\n'])
      expect((await ask('GET', '/tab_feat.html', '1.0', more)).code, more).toBe(403);
    expect((await ask('GET', '/tab_feat.html', '1.1')).code).toBe(400);
  });
});
