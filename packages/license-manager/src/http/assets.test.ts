import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSite } from '../authority/site.testing.ts';
import type { Asset } from './assets.ts';
import { facesOf } from './faces.testing.ts';
import { createHttpServer, type HttpServer } from './server.ts';

// Pages that were handed in: a fixed table (S17), with the policy that lets nothing else run (S8).

const asset = (url: string, type: string, text: string): Asset => ({
  url,
  type,
  immutable: url !== '/',
  bytes: Buffer.from(text),
  gzip: Buffer.from(`gzip of ${text}`),
  brotli: Buffer.from(`br of ${text}`),
});
const assets = [asset('/', 'text/html; charset=utf-8', 'page'), asset('/acc/main-ABCDEFGH.js', 'text/javascript; charset=utf-8', 'script')];

describe('the pages of the Admin Control Center, served', () => {
  let http: HttpServer;
  let server: Server;
  const get = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<IncomingMessage & { text: string }> => {
    const { port } = server.address() as AddressInfo;
    const asked = request({ port, host: '127.0.0.1', path, headers: { host: '127.0.0.1', ...headers }, agent: false });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    let text = '';
    for await (const part of answer.setEncoding('utf8')) text += String(part);
    return Object.assign(answer, { text });
  };
  beforeAll(async () => {
    const { faces } = await facesOf(await createSite(), { assets });
    http = await createHttpServer(faces);
    ({ server } = http);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(async () => {
    server.close();
    await http.close();
  });

  it('are compressed as the asker takes it, and plain otherwise', async () => {
    const of = async (accept: string) => {
      const { text, headers } = await get('/', { 'accept-encoding': accept });
      return [text, headers['content-encoding'], headers.vary];
    };
    expect(await of('gzip, deflate, br')).toEqual(['br of page', 'br', 'accept-encoding']);
    expect(await of('gzip;q=0.5')).toEqual(['gzip of page', 'gzip', 'accept-encoding']);
    expect(await of('br;q=0, gzip;q=0.0, *')).toEqual(['page', undefined, 'accept-encoding']);
  });

  it('are kept for good where their name changes with them, else asked for again', async () => {
    expect((await get('/acc/main-ABCDEFGH.js')).headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const first = await get('/');
    expect(first.headers['cache-control']).toBe('no-cache');
    const again = await get('/', { 'if-none-match': `W/${first.headers.etag}` });
    expect([again.statusCode, again.text]).toEqual([304, '']);
    expect((await get('/', { 'if-none-match': '"another"' })).statusCode).toBe(200);
  });

  it('come with a policy of script and style of this origin alone, and with the headers of every answer', async () => {
    const { headers } = await get('/');
    const policy = String(headers['content-security-policy']);
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "require-trusted-types-for 'script'",
    ])
      expect(policy).toContain(part);
    expect(policy).not.toContain('unsafe');
    expect(headers['x-content-type-options']).toBe('nosniff');
    const { headers: of } = await get('/api/v1/status');
    expect(of['content-security-policy']).not.toContain('script-src');
    expect(of['cache-control']).toBe('no-store');
  });

  it.each([
    '/acc/',
    '/acc/other.js',
    '/acc/../package.json',
    '/acc/%2e%2e/%2e%2e/package.json',
    '/acc/..%2f..%2fetc/passwd',
    '//etc/passwd',
    '/acc/main-ABCDEFGH.js/../../../etc/passwd',
    '/acc/main-ABCDEFGH.js%00.html',
    '/style.css',
    '/index.html.br',
  ])('are all there is: S17, %s', async (path) => {
    const { statusCode, text } = await get(path);
    expect([400, 404]).toContain(statusCode);
    expect(text).not.toMatch(/root:|"name": "keyhaven/);
  });

  it('are for nobody of another computer while remote administration is off, nor for another name of this one (S7)', async () => {
    expect((await get('/', { host: 'evil.example' })).statusCode).toBe(403);
    expect((await get('/', { origin: 'http://evil.example' })).statusCode).toBe(403);
  });
});
