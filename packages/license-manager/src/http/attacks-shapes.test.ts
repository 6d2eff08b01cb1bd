import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpFaces } from './faces.ts';
import { ask, basic, launchHttp } from './launch.testing.ts';
import type { HttpTimeouts } from './server.ts';
import { createWaiting } from './strict.ts';

// Requests whose shape two programs read in two ways, and callers who take no answer (S6, S7, S9, S14, S15).

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const launch = async (more: Partial<HttpFaces> = {}, timeouts?: HttpTimeouts) => {
  const site = await launchHttp(more, timeouts);
  closers.push(site.close);
  return site;
};
/** Everything that comes until the other side closes the connection. */
const sent = (port: number, text: string): Promise<string> =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(text));
    closers.push(() => socket.destroy());
    socket.on('error', () => undefined).on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.once('close', () => resolve(answer));
  });
const HOST = 'Host: localhost\r\n';
const TEXT = 'Content-Type: text/plain\r\n';
/** What an attacker hides behind another request. */
const HIDDEN = `DELETE /api/v1/sessions/hidden HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;

describe('S6: a request that hides another one', () => {
  it.each([
    ['two lengths', `POST /api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n`],
    ['two lengths in one header', `POST /api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Content-Length: 0, ${HIDDEN.length}\r\n\r\n`],
    [
      'a length beside chunks',
      `POST /api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'chunks beside a length',
      `POST /api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    ],
    [
      'chunks that are not the last coding',
      `POST /api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    ],
    ['chunks under another spelling', `POST /api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    [
      'chunks of HTTP/1.0',
      `POST /api/v1/apply HTTP/1.0\r\n${HOST}${TEXT}Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n`,
    ],
    ['a folded header', `POST /api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`],
    ['a folded header of any name', `POST /api/v1/apply HTTP/1.1\r\n${HOST}X: a\r\n b\r\nContent-Length: 0\r\n\r\n`],
    ['a space before the colon', `POST /api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Content-Length : 5\r\n\r\n`],
    ['a length that is none', `POST /api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Content-Length: +0\r\n\r\n`],
    ['a length in hexadecimal', `POST /api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Content-Length: 0x0\r\n\r\n`],
    ['a line that ends with CR alone', `POST /api/v1/apply HTTP/1.1\r\n${HOST}X: a\rContent-Length: 0\r\n\r\n`],
    ['a NUL in a header', `POST /api/v1/apply HTTP/1.1\r\n${HOST}X: a\u0000b\r\nContent-Length: 0\r\n\r\n`],
    ['two hosts', `POST /api/v1/apply HTTP/1.1\r\n${HOST}Host: evil.example\r\n${TEXT}Content-Length: 0\r\n\r\n`],
    ['an absolute target', `POST http://localhost/api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Content-Length: 0\r\n\r\n`],
    ['an absolute target of another host', `GET http://evil.example/api/v1/status HTTP/1.1\r\n${HOST}\r\n`],
    ['a target that is none', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`],
    ['a tunnel', `CONNECT localhost:1947 HTTP/1.1\r\n${HOST}\r\n`],
    ['HTTP/0.9', 'GET /api/v1/status\r\n'],
    ['HTTP/0.9 by its name', `GET /api/v1/status HTTP/0.9\r\n${HOST}\r\n`],
    ['HTTP/2 without a word', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/2.0 in text', `GET /api/v1/status HTTP/2.0\r\n${HOST}\r\n`],
    ['an expectation that nobody knows', `POST /api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Expect: 200-ok\r\nContent-Length: 0\r\n\r\n`],
    [
      'more headers than anybody has',
      `GET /api/v1/status HTTP/1.1\r\n${HOST}${'a:\r\n'.repeat(2_100)}X-Forwarded-For: 203.0.113.9\r\n\r\n`,
    ],
  ])('by %s is refused, and so is what is behind it', async (_what, request) => {
    const { port, acts } = await launch();
    const answer = await sent(port, `${request}${HIDDEN}`);
    // A tunnel is no request that has an answer.
    expect(answer, answer.slice(0, 100)).toMatch(/^(?:|HTTP\/1\.1 [45]\d\d [^]*)$/);
    expect(answer.match(/^HTTP\/1\.1 \d/gm)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(acts).toEqual([]);
  });

  it('with a method that is none here never reaches a route', async () => {
    const { port, acts } = await launch();
    for (const method of ['TRACE', 'TRACK', 'PATCH', 'OPTIONS', 'PROPFIND', 'delete', 'LINK', 'PURGE'])
      expect(await sent(port, `${method} /api/v1/sessions/abc HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`), method).toMatch(
        /^HTTP\/1\.1 4\d\d /,
      );
    expect(acts).toEqual([]);
  });

  it('is not there where the first one is sound: one answer after the other, each by itself', async () => {
    const { port, acts } = await launch();
    const answer = await sent(
      port,
      `POST /api/v1/apply HTTP/1.1\r\n${HOST}${TEXT}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}${HIDDEN}`,
    );
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(acts).toEqual([`apply ${HIDDEN}`, 'kill hidden']);
  });

  it('waits for no body that the gate would not let in: Expect', async () => {
    const { port, acts } = await launch();
    const head = `POST /api/v1/apply HTTP/1.1\r\nHost: evil.example\r\n${TEXT}Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde`;
    expect(await sent(port, head)).toMatch(/HTTP\/1\.1 403 /);
    expect(acts).toEqual([]);
  });
});

describe('S15: a Host header, or a path', () => {
  it.each([
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    'evil.example#localhost',
    'localhost:1947:80',
    'lo\u212aalhost',
    'loc\u00e4lhost',
    'xn--localhost-',
    '[::1',
    '::ffff:7f00:1x',
    '[fe80::1%25eth0]',
    '0',
    '0x7f000001',
    '2130706433',
    '127.1',
    '',
    'null',
    'localhost.',
  ])('%j is not by which a page elsewhere comes in', async (host) => {
    const { port } = await launch();
    const answer = await sent(
      port,
      Buffer.from(`GET /api/v1/status HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nConnection: close\r\n\r\n`).toString('latin1'),
    );
    expect(answer, host).toMatch(/^HTTP\/1\.1 40[03] /);
  });

  it('is asked for without HTTP/1.1, too, and no upgrade is one', async () => {
    const { port } = await launch();
    expect(await sent(port, 'GET /api/v1/status HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 /);
    for (const [origin, code] of [
      ['Origin: http://evil.example\r\n', 403],
      ['Origin: null\r\n', 403],
      ['', 200],
    ] as const) {
      const upgrade = `${HOST}${origin}Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
      expect(await sent(port, `GET /api/v1/events HTTP/1.1\r\n${HOST}Origin: http://evil.example\r\nConnection: close\r\n\r\n`)).toMatch(
        / 403 /,
      );
      expect(await sent(port, `GET /api/v1/status HTTP/1.1\r\n${upgrade}`), origin).toMatch(new RegExp(`^HTTP/1\\.1 ${code} `));
    }
  });

  it.each([
    '//api/v1/sessions/abc',
    '/api//v1/sessions/abc',
    '/_int_/../api/v1/sessions/abc',
    '/_int_/%2e%2e/api/v1/sessions/abc',
    '/API/v1/sessions/abc',
    '/api/v1;x/sessions/abc',
    '/%61pi/v1/../v1/sessions/abc',
    '\\api\\v1\\sessions\\abc',
    '/api/v1/sessions/abc/..',
    '/api/v1/sessions/%2e%2e%2fabc%00',
    '/./api/v1/sessions/abc',
    '/api/v1/sessions/abc?%00=1#/../x',
  ])('%s leads past no gate', async (path) => {
    const site = await launch();
    await site.faces.administration.setPassword('correct horse', 'test');
    Object.defineProperty(site.faces.page, 'passwordForAll', { value: true });
    const answer = await sent(site.port, `DELETE ${path} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(site.acts).toEqual([]);
  });
});

describe('S7: a proxy on this computer', () => {
  it.each([
    'X-Forwarded',
    'X-Forwarded-Server',
    'X-Forwarded-Port',
    'X-Client-IP',
    'True-Client-IP',
    'CF-Connecting-IP',
    'X-Cluster-Client-IP',
    'X-Original-Forwarded-For',
    'x-ORIGINAL-host',
    'Proxy-Connection',
  ])('speaks for others by %s, too, also without a value', async (name) => {
    const { port } = await launch();
    for (const value of ['203.0.113.9', '']) expect((await ask(port, 'GET', '/api/v1/status', { [name]: value })).code).toBe(403);
  });
});

describe('S9: whoever guesses, or tosses cookies', () => {
  it('through a proxy on this computer keeps nobody out who sits at it', async () => {
    const { port, faces } = await launch({ remoteAdministration: true });
    await faces.administration.setPassword('correct horse', 'test');
    const login = (password: string, headers = {}) =>
      ask(port, 'POST', '/api/v1/login', { 'content-type': 'application/json', ...headers }, JSON.stringify({ password }));
    const proxied = { 'x-forwarded-for': '203.0.113.9' };
    let refused = 0;
    for (let guess = 0; guess < 8; guess += 1) refused += Number((await login(`guess ${guess}`, proxied)).code === 429);
    expect(refused).toBeGreaterThan(0);
    expect((await ask(port, 'GET', '/api/v1/status', { ...proxied, ...basic('correct horse') })).code).toBe(429);
    expect((await login('correct horse')).code).toBe(200);
    expect((await ask(port, 'GET', '/api/v1/status', basic('correct horse'))).code).toBe(200);
  });

  it('of the same name before the true one takes nobody out, and many of them are not all looked at', async () => {
    const { port, faces } = await launch({ page: { refreshSeconds: 3, rows: 20, passwordForAll: true } });
    await faces.administration.setPassword('correct horse', 'test');
    const token = faces.administration.login('test');
    const get = async (cookie: string) => (await ask(port, 'GET', '/api/v1/status', { cookie })).code;
    expect(await get(`keyhaven=tossed; a=b; keyhaven=${token}`)).toBe(200);
    expect(await get(`keyhaven=; keyhaven==; keyhaven=${'x'.repeat(500)}; keyhaven=${token}`)).toBe(200);
    expect(await get(`${'keyhaven=x; '.repeat(100)}keyhaven=${token}`)).toBe(401);
    expect(await get(`keyhaven2=${token}; Xkeyhaven=${token}; KEYHAVEN=${token}`)).toBe(401);
    const out = await ask(port, 'POST', '/api/v1/logout', { cookie: `keyhaven=tossed; keyhaven=${token}` });
    expect(out.code).toBe(200);
    expect(faces.administration.isOpen(token)).toBe(false);
  });
});

describe('S14: a caller who takes nothing', () => {
  const long = 'x'.repeat(16 * 1024 * 1024);
  const hasLong = (): Partial<HttpFaces> => ({ fingerprint: async () => long });
  const wish = (port: number): Promise<{ readonly socket: Socket; readonly closed: Promise<void> }> =>
    new Promise((resolve) => {
      const body = '{"vendorCode":"x"}';
      const type = 'Content-Type: application/json\r\n';
      const socket = connect({ port, host: '127.0.0.1' }, () => {
        socket.write(`POST /api/v1/fingerprint HTTP/1.1\r\n${HOST}${type}Content-Length: ${body.length}\r\n\r\n${body}`);
        socket.once('readable', () => resolve({ socket, closed: new Promise((done) => socket.once('close', () => done())) }));
      }).on('error', () => undefined);
      closers.push(() => socket.destroy());
    });

  it('of a long answer is cut off, so that what was made for him is let go', async () => {
    const { port } = await launch(hasLong(), { headersMs: 1_000, requestMs: 2_000, checkMs: 100, stalledMs: 150 });
    const { socket, closed } = await wish(port);
    await new Promise((done) => setTimeout(done, 400));
    socket.resume();
    await closed;
    expect(socket.bytesRead).toBeLessThan(long.length);
  });

  it('however many they are: together they hold so many bytes, and others get small answers', async () => {
    const { port } = await launch(hasLong());
    const before = process.memoryUsage().arrayBuffers;
    const body = '{"vendorCode":"x"}';
    for (let reader = 0; reader < 40; reader += 1) {
      const socket = connect({ port, host: '127.0.0.1' }, () =>
        socket.write(
          `POST /api/v1/fingerprint HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        ),
      );
      socket.pause().on('error', () => undefined);
      closers.push(() => socket.destroy());
    }
    const another = () => ask(port, 'POST', '/api/v1/fingerprint', { 'content-type': 'application/json' }, body);
    await expect.poll(async () => (await another()).code, { timeout: 10_000 }).toBe(503);
    expect((await another()).headers['retry-after']).toBe('5');
    expect((await ask(port, 'GET', '/api/v1/status')).code).toBe(200);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 1024 * 1024);
    for (const close of closers.splice(1).reverse()) await close();
    await expect.poll(async () => (await another()).code, { timeout: 10_000 }).toBe(200);
  });

  it('is one caller at least, however long his answer is', () => {
    const listeners: (() => void)[] = [];
    const response = { once: (_event: string, listener: () => void) => listeners.push(listener) } as never;
    const waiting = createWaiting(100_000);
    expect([waiting.take(1_000_000, response), waiting.take(70_000, response), waiting.take(10, response)]).toEqual([true, false, true]);
    for (const listener of listeners) listener();
    expect([waiting.take(70_000, response), waiting.take(70_000, response)]).toEqual([true, false]);
  });
});
