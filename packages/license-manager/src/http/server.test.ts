import { once } from 'node:events';
import { connect } from 'node:net';
import { Status } from '@keyhaven/core/errors';
import { decodeGrant } from '@keyhaven/core/session';
import { afterEach, describe, expect, it } from 'vitest';
import { connectApplication, someone } from '../authority/site.testing.ts';
import { PeerRefusal } from '../peers/index.ts';
import type { HttpFaces } from './faces.ts';
import { ask, basic, launchHttp, ownAddress } from './launch.testing.ts';
import type { HttpTimeouts, Serving } from './server.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const hostile = `<script>alert("x")</script>'&\u0000\u001b[2J\r\nSet-Cookie: a=b`;

const launch = async (more: Partial<HttpFaces> = {}, timeouts?: HttpTimeouts, serving?: Serving) => {
  const { close, faces, ...site } = await launchHttp(more, timeouts, serving);
  closers.push(close);
  return { ...site, administration: faces.administration };
};
const raw = async (port: number, text: string | Buffer): Promise<string> => {
  const socket = connect({ port, host: '127.0.0.1' }).on('error', () => undefined);
  closers.push(() => socket.destroy());
  socket.write(text);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString();
  });
  await once(socket, 'close');
  return answer;
};
/** What needs no gate: links between LMs prove themselves, a station is proven to processes of this computer, and health says nothing. */
const OUTSIDE = new Set(['/healthz', '/readyz', '/lm/v1/hello', '/lm/v1/confirm', '/lm/v1/exchange', '/lm/v1/listen', '/lm/v1/station']);
const pathOf = (url: string): string => url.replace(':id', 'some-session');

describe('the gate before everything that administers', () => {
  it('stands before every route there is but seven, for each kind of stranger (S7, S15, S19)', async () => {
    const { http, port, acts } = await launch();
    const inside = http.routes.filter(({ url }) => !OUTSIDE.has(url));
    expect(inside.length).toBeGreaterThan(15);
    expect(inside.map(({ method, url }) => `${method} ${url}`)).toEqual(
      expect.arrayContaining(['GET /', 'HEAD /', 'DELETE /api/v1/sessions/:id', 'POST /api/v1/apply']),
    );
    const strangers: Record<string, string>[] = [
      { host: 'evil.example' },
      { host: `evil.example:${port}` },
      { host: `127.evil.example:${port}` },
      { host: '127.0.0.1.evil.example' },
      { host: 'localhost.evil.example' },
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { origin: `http://localhost:${port + 1}` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ];
    for (const { method, url } of inside) {
      for (const headers of strangers) {
        const body = method === 'POST' ? '{}' : '';
        const answer = await ask(
          port,
          method,
          pathOf(url),
          { ...headers, ...(body === '' ? {} : { 'content-type': 'application/json' }) },
          body,
        );
        expect(answer.code, `${method} ${url} ${JSON.stringify(headers)}`).toBe(403);
        expect(answer.text).toMatch(method === 'HEAD' ? /^$/ : /"status":403,.*"code":5,"name":"ACCESS_DENIED",/);
      }
    }
    expect(acts).toEqual([]);
  });

  it('refuses another computer, whatever it says it is (S7)', async (context) => {
    const address = ownAddress();
    if (address === undefined) return context.skip('this computer has no address but loopback');
    const { http, port, acts } = await launch();
    const disguise = { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1', 'x-real-ip': '127.0.0.1' };
    for (const { method, url } of http.routes.filter((route) => !OUTSIDE.has(route.url))) {
      const answer = await ask(port, method, pathOf(url), disguise, '', address);
      expect(answer.code, `${method} ${url}`).toBe(403);
      expect(answer.text).toMatch(method === 'HEAD' ? /^$/ : /access\.remoteAdministration/);
    }
    expect(acts).toEqual([]);
    expect((await ask(port, 'GET', '/healthz', {}, '', address)).text).toBe('{"status":"ok"}');
  });

  it('lets another computer in only where remote administration is on, and with the password', async (context) => {
    const address = ownAddress();
    if (address === undefined) return context.skip('this computer has no address but loopback');
    const { port, administration } = await launch({ remoteAdministration: true });
    await administration.setPassword('correct horse', 'test');
    const host = `here:${port}`;
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await ask(port, 'GET', '/api/v1/status', headers, '', address)).code;
    expect(await status({ host })).toBe(401);
    expect(await status({ host, ...basic('wrong horse') })).toBe(401);
    expect(await status({ host, ...basic('correct horse') })).toBe(200);
    expect(await status({ host: 'evil.example', ...basic('correct horse') })).toBe(403);
  });

  it('lets programs of this computer and the page itself in', async () => {
    const { port } = await launch();
    const friends: Record<string, string>[] = [
      {},
      { host: 'localhost' },
      { host: `127.0.0.1:${port}` },
      { host: `[::1]:${port}` },
      { host: 'HERE' },
      { host: '192.0.2.1:1947' },
      { origin: `http://localhost:${port}` },
      { origin: `http://localhost:${port}`, 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
    ];
    for (const headers of friends) expect((await ask(port, 'GET', '/api/v1/status', headers)).code, JSON.stringify(headers)).toBe(200);
  });

  it('keeps remote license managers out where their access is off', async (context) => {
    const address = ownAddress();
    if (address === undefined) return context.skip('this computer has no address but loopback');
    const { port } = await launch({ againstRemote: () => new PeerRefusal(403, 'off') });
    expect((await ask(port, 'POST', '/lm/v1/hello', { 'content-type': 'text/plain' }, 'x', address)).code).toBe(403);
    expect((await ask(port, 'POST', '/lm/v1/hello', { 'content-type': 'text/plain' }, 'x')).code).toBe(200);
  });
});

describe('a separate port for administration (R9)', () => {
  it('is the only one for page and admin API, and the other one tells where they are to this computer only', async () => {
    const { http, port } = await launch({ remoteAdministration: true }, undefined, { part: 'link', adminPort: 8443 });
    const outside = await launch({ remoteAdministration: true }, undefined, { part: 'administration' });
    expect(http.routes.map(({ url }) => url).filter((url) => !OUTSIDE.has(url))).toEqual(['/lm/v1/known', '/lm/v1/known']);
    for (const path of ['/', '/api/v1/status', '/api/v1/apply', '/style.css', '/nothing']) {
      const answer = await ask(port, 'GET', path);
      expect([answer.code, JSON.parse(answer.text)]).toEqual([
        404,
        expect.objectContaining({ code: Status.REQ_NOT_SUPP, status: 404, adminPort: 8443 }),
      ]);
      const address = ownAddress();
      if (address !== undefined) expect((await ask(port, 'GET', path, {}, '', address)).text).not.toContain('8443');
    }
    expect((await ask(port, 'POST', '/lm/v1/hello', { 'content-type': 'text/plain' }, 'x')).code).toBe(200);
    expect((await ask(outside.port, 'POST', '/lm/v1/hello', { 'content-type': 'text/plain' }, 'x')).code).toBe(404);
    expect((await ask(outside.port, 'GET', '/api/v1/status')).code).toBe(200);
    expect((await ask(outside.port, 'GET', '/')).code).toBe(200);
    for (const each of [port, outside.port]) expect((await ask(each, 'GET', '/healthz')).code).toBe(200);
  });

  it('and whoever is refused administration is told of, once for each request', async () => {
    const refused: string[] = [];
    const { port } = await launch({ administrationRefused: (address, { detail }) => void refused.push(`${address} ${detail}`) });
    await ask(port, 'GET', '/api/v1/status', { host: 'evil.example' });
    expect(refused).toEqual([expect.stringMatching(/^127\.0\.0\.1 The Host header names/)]);
  });
});

describe('what people see', () => {
  it('never runs what came from elsewhere: escaped at output, and a policy without scripts (S8)', async () => {
    const { site, port } = await launch();
    const key = await site.licensed({ features: [{ id: 42, name: hostile.slice(0, 40).replaceAll(/\p{Cc}/gu, '') }] });
    const app = connectApplication(site, key);
    const reply = await app.login(42, { application: { ...someone, user: hostile, host: hostile, application: hostile } });
    expect(decodeGrant(reply.body).feature).toBe(42);
    const { text, headers } = await ask(port, 'GET', '/');
    expect(text).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&amp;');
    expect(text).not.toMatch(/<script|\bon\w+=|javascript:/i);
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).not.toMatch(/unsafe|script-src|\*/);
    expect(headers['set-cookie']).toBeUndefined();
  });

  it('carries its policy on every answer, and JSON is never taken for a page', async () => {
    const { http, port } = await launch();
    const answers = [...http.routes.map(({ method, url }) => [method, pathOf(url)] as const), ['GET', '/no-such-page'] as const];
    for (const [method, path] of answers) {
      const { headers } = await ask(port, method, path);
      expect(headers['content-security-policy'], `${method} ${path}`).toContain("frame-ancestors 'none'");
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['access-control-allow-origin']).toBeUndefined();
      const type = headers['content-type'] ?? 'application/json';
      expect(type).toMatch(path.startsWith('/api/') ? /^(application\/(problem\+)?json|text\/plain|text\/csv|text\/event-stream)/ : /./);
    }
  });

  it('shows hostile names in JSON as they are, which is harmless there', async () => {
    const { site, port } = await launch();
    const app = connectApplication(site, await site.licensed({ features: [{ id: 42 }] }));
    await app.login(42, { application: { ...someone, user: hostile } });
    const sessions: unknown = JSON.parse((await ask(port, 'GET', '/api/v1/sessions')).text);
    expect(sessions).toMatchObject([{ feature: 42, user: hostile }]);
  });
});

describe('a path', () => {
  it.each([
    '/../../../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/style.css/../../../etc/passwd',
    '/..%2f..%2fetc%2fpasswd',
    '/etc/passwd',
    '//etc/passwd',
    '/style.css%00.html',
    '/api/v1/../../etc/passwd',
    '/C:\\Windows\\win.ini',
  ])('%s never reaches the file system (S17)', async (path) => {
    const { port } = await launch();
    const answer = await raw(port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(answer).not.toContain('root:');
  });
});

describe('a request', () => {
  it('that is no HTTP, or too large in its head, is refused and the next one served', async () => {
    const { port } = await launch();
    expect(await raw(port, 'GARBAGE\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(port, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw(port, `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw(port, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(
      await raw(port, 'POST /api/v1/apply HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc'),
    ).toMatch(/^HTTP\/1\.1 400 /);
    expect((await ask(port, 'GET', '/api/v1/status')).code).toBe(200);
  });

  it('that is too large is refused by its length alone', async () => {
    const { port, acts } = await launch();
    const head = (path: string, length: number): string =>
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\nx`;
    expect(await raw(port, head('/api/v1/apply', 20 * 1024 * 1024))).toMatch(/^HTTP\/1\.1 413 /);
    expect(await raw(port, head('/lm/v1/hello', 17 * 1024))).toMatch(/^HTTP\/1\.1 413 /);
    expect(await raw(port, head('/lm/v1/confirm', 17 * 1024))).toMatch(/^HTTP\/1\.1 413 /);
    expect(await raw(port, head('/lm/v1/exchange', 7 * 1024 * 1024))).toMatch(/^HTTP\/1\.1 413 /);
    expect(acts).toEqual([]);
  });

  it('that comes too slowly is cut off, head or body (S14)', async () => {
    const { port, acts } = await launch({}, { headersMs: 100, requestMs: 200, checkMs: 25 });
    expect(await raw(port, 'GET / HTTP/1.1\r\nHost: local')).toMatch(/^HTTP\/1\.1 408 /);
    expect(
      await raw(port, 'POST /api/v1/apply HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nabc'),
    ).toMatch(/^HTTP\/1\.1 408 /);
    expect(acts).toEqual([]);
  });

  it('whose body has another type or form is refused with a status of the catalogue', async () => {
    const { port, acts } = await launch();
    const post = async (path: string, type: string, body: string): Promise<unknown> =>
      JSON.parse((await ask(port, 'POST', path, { 'content-type': type }, body)).text);
    expect(await post('/api/v1/apply', 'multipart/form-data', 'x')).toMatchObject({ code: 501 });
    expect(await post('/api/v1/c2v', 'application/json', '{')).toMatchObject({ code: 501 });
    expect(await post('/api/v1/c2v', 'application/json', '{"key":1}')).toMatchObject({ code: 501 });
    expect(await post('/api/v1/c2v', 'application/json', '{"__proto__":{"key":"1"}}')).toMatchObject({ code: 501 });
    expect(acts).toEqual([]);
    expect((await ask(port, 'GET', '/api/v1/audit?limit=1000000')).code).toBe(400);
    expect((await ask(port, 'GET', '/api/v1/audit?limit=5&unheard=of')).code).toBe(400);
  });

  it('whose path is not valid is refused without saying it back (S8)', async () => {
    const { port, acts } = await launch();
    for (const path of [`/api/v1/sessions/<script>${'a'.repeat(3_000)}`, '/%zz<script>', '/api/v1/sessions/%c0%ae<script>']) {
      const answer = await raw(port, `DELETE ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect(answer, path.slice(0, 30)).toMatch(/^HTTP\/1\.1 4\d\d [\s\S]+content-security-policy: default-src 'none'[\s\S]+"code":501/);
      expect(answer).not.toContain('script>');
    }
    expect(acts).toEqual([]);
  });

  it('to a session is passed on with the id as it is', async () => {
    const { port, acts } = await launch();
    expect((await ask(port, 'DELETE', '/api/v1/sessions/abc')).code).toBe(200);
    expect(acts).toEqual(['kill abc']);
  });
});
