import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpFaces } from './faces.ts';
import { ask, launchHttp, ownAddress } from './launch.testing.ts';

// What a page in a browser, or a proxy, can make of this computer's trust in itself (S7, S9, S15, S19).

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const launch = async (more: Partial<HttpFaces> = {}) => {
  const site = await launchHttp(more);
  closers.push(site.close);
  return site;
};
const LINK = ['hello', 'confirm', 'exchange', 'listen'];
const text = { 'content-type': 'text/plain' };

describe('S15: a page of another origin', () => {
  it('cannot link as a license manager of this computer, also where its name was bound to this address', async () => {
    const { port } = await launch();
    for (const name of LINK)
      for (const headers of [
        { origin: 'http://evil.example' },
        { origin: `http://evil.example:${port}`, host: `evil.example:${port}` },
        { origin: 'null' },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-origin' },
      ])
        expect((await ask(port, 'POST', `/lm/v1/${name}`, { ...text, ...headers }, 'x')).code, JSON.stringify(headers)).toBe(403);
    for (const name of LINK) expect((await ask(port, 'POST', `/lm/v1/${name}`, text, 'x')).code).toBe(200);
  });

  it('is told by no header that it may read an answer, asks beforehand in vain, and changes nothing by a form', async () => {
    const { port, acts, http } = await launch();
    for (const { method, url } of http.routes) {
      const { headers } = await ask(port, method, url.replace(/:\w+/, 'some'));
      expect(
        Object.keys(headers).filter((name) => name.startsWith('access-control-')),
        url,
      ).toEqual([]);
    }
    acts.length = 0;
    const preflight = await ask(port, 'OPTIONS', '/api/v1/upload', {
      origin: 'http://evil.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    });
    expect([preflight.code, preflight.headers['access-control-allow-origin']]).toEqual([405, undefined]);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
      for (const path of ['apply', 'upload', 'sessions/kill', 'lm-id', 'detach', 'settings'])
        expect(
          (await ask(port, 'POST', `/api/v1/${path}`, { 'content-type': type, origin: 'http://evil.example' }, '{}')).code,
          path,
        ).toBeGreaterThanOrEqual(403);
    expect(acts).toEqual([]);
  });
});

describe('S7: a proxy on this computer', () => {
  it('that says for whom it speaks makes nobody elsewhere a user of this one', async () => {
    const { port, http, acts } = await launch();
    for (const name of ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'])
      for (const { method, url } of http.routes.filter(({ need }) => ['page', 'metrics', 'read', 'write', 'configure'].includes(need)))
        expect((await ask(port, method, url.replace(/:\w+/, 'some'), { [name]: '203.0.113.9' })).code, `${name} ${url}`).toBe(403);
    expect(acts).toEqual([]);
    const barred = await launch({ againstRemote: () => Object.assign(new Error('off'), { code: 403 }) as never });
    expect((await ask(barred.port, 'POST', '/lm/v1/hello', { ...text, 'x-forwarded-for': '203.0.113.9' }, 'x')).code).not.toBe(200);
  });
});

describe('S9, S19: the headers of an answer', () => {
  it('keep it out of caches, frames and other types on every route, and name no version', async () => {
    const { port, http } = await launch();
    for (const { method, url } of http.routes) {
      const { headers } = await ask(port, method, url.replace(/:\w+/, 'some'));
      expect(headers['x-content-type-options'], url).toBe('nosniff');
      expect(headers['cache-control'], url).toBe('no-store');
      expect(headers['content-security-policy'], url).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
      expect(headers['content-security-policy'], url).not.toMatch(/unsafe|\*/);
      expect(headers['referrer-policy'], url).toBe('no-referrer');
      expect(headers['x-powered-by'], url).toBeUndefined();
      // Without TLS a browser would not believe it.
      expect(headers['strict-transport-security'], url).toBeUndefined();
      expect(headers['server'], url).not.toMatch(/keyhaven|fastify|node/i);
    }
  });

  it('of a refusal are those of every answer, also for what no route is for', async () => {
    const address = ownAddress();
    const { port } = await launch();
    const answers = [await ask(port, 'GET', '/nothing'), await ask(port, 'PATCH', '/api/v1/status'), await ask(port, 'GET', '/%zz')];
    if (address !== undefined) answers.push(await ask(port, 'GET', '/api/v1/status', {}, '', address));
    for (const { code, headers } of answers) {
      expect(code).toBeGreaterThanOrEqual(400);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'") as string,
      });
    }
  });
});

describe('S1, S2, S14: a body that is compressed', () => {
  it('is unpacked on no route that takes one, whatever it says it is', async () => {
    const { port, http, acts } = await launch();
    const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024, '{'));
    for (const { method, url, need } of http.routes) {
      if (!['POST', 'PUT'].includes(method) || need === 'link' || need === 'identity' || url === '/api/v1/logout') continue;
      for (const [coding, type] of [
        ['gzip', 'application/json'],
        ['br', 'text/plain'],
        ['gzip, gzip', 'multipart/form-data; boundary=x'],
      ] as const) {
        const { code } = await ask(port, method, url.replace(/:\w+/, 'some'), { 'content-type': type, 'content-encoding': coding }, bomb);
        expect([400, 404, 415], `${method} ${url} ${coding}`).toContain(code);
      }
    }
    expect(acts.filter((act) => !act.startsWith('kill'))).toEqual([]);
  });
});
