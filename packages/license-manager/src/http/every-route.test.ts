import { LicensingError, Status } from '@keyhaven/core/errors';
import { afterEach, describe, expect, it } from 'vitest';
import type { CompatFaces } from '../compat/faces.ts';
import { parseSettings } from '../settings.ts';
import type { HttpFaces } from './faces.ts';
import { ask, basic, launchHttp, ownAddress } from './launch.testing.ts';
import type { Serving } from './server.ts';

// All that a license manager serves at once (S7): pages, admin API, metrics, links, feeds and writes of existing programs, the REST licensing API, and
// a port of its own for administration. What nobody has to prove anything for is named here, so that a route to come is not among it by mistake.

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const REST = '/sentinel/ldk_runtime/v1/vendors/:vendor';
/** Says nothing, or asks for a proof itself. */
const FREE: Readonly<Record<string, readonly string[]>> = {
  open: ['GET /healthz', 'GET /readyz', 'GET /sentinel/ldk/v1/healthz', 'HEAD /healthz', 'HEAD /readyz', 'HEAD /sentinel/ldk/v1/healthz'],
  link: ['POST /lm/v1/confirm', 'POST /lm/v1/exchange', 'POST /lm/v1/hello', 'POST /lm/v1/listen', 'POST /lm/v1/station'],
  identity: [
    `DELETE ${REST}/sessions/:session`,
    `GET ${REST}/features`,
    `GET ${REST}/keys`,
    `GET ${REST}/products`,
    `GET ${REST}/sessions/:session/read`,
    `HEAD ${REST}/features`,
    `HEAD ${REST}/keys`,
    `HEAD ${REST}/products`,
    `HEAD ${REST}/sessions/:session/read`,
    `POST ${REST}/sessions`,
    `POST ${REST}/sessions/:session/refresh`,
  ],
};
/** What a page may show before somebody has logged in: itself, and the login. */
const BEFORE_LOGIN = /^(?:\/|\/app\.js|\/api\/v1\/log(?:in|out)|(?:\/_int_)?\/[a-z]+\.html|\/_int_)$/;

const touched: string[] = [];
const compat = (): CompatFaces => {
  const act = (name: string) => async (): Promise<never> => {
    touched.push(name);
    throw new LicensingError(Status.REQ_NOT_SUPP);
  };
  const unproven = async () => ({ code: 401, text: '{}' });
  return {
    identities: { list: () => [], add: act('add'), change: act('change'), remove: act('remove') } as never,
    rest: { login: unproven, refresh: unproven, read: unproven, logout: unproven, list: unproven, close: () => undefined },
    settings: () => parseSettings('', { name: 'here' }),
    fingerprintFor: act('fingerprint'),
  };
};
const bytes = Buffer.from('x');
const asset = (url: string, type: string) => ({ url, type, immutable: false, bytes, gzip: bytes, brotli: bytes });

const launch = async (more: Partial<HttpFaces> = {}, serving?: Serving) => {
  touched.length = 0;
  const assets = [asset('/', 'text/html'), asset('/app.js', 'text/javascript')];
  const site = await launchHttp({ compat: compat(), assets, ...more }, undefined, serving);
  closers.push(site.close);
  return site;
};
type Site = Awaited<ReturnType<typeof launch>>;
const named = (routes: Site['http']['routes'], need: string): string[] =>
  routes
    .filter((route) => route.need === need)
    .map(({ method, url }) => `${method} ${url}`)
    .toSorted();
const free = ({ http }: Site) => Object.fromEntries(Object.keys(FREE).map((need) => [need, named(http.routes, need)]));
const gated = ({ http }: Site) => http.routes.filter(({ need }) => FREE[need] === undefined);
const bodyFor = (method: string) => (['POST', 'PUT'].includes(method) ? '{}' : '');
const call = ({ port }: Site, method: string, url: string, headers: Record<string, string>, host?: string) =>
  ask(
    port,
    method,
    url.replace(/:\w+/g, 'some'),
    { ...(bodyFor(method) === '' ? {} : { 'content-type': 'application/json' }), ...headers },
    bodyFor(method),
    host,
  );

describe('every route there is (S7, S15, S19)', () => {
  const address = ownAddress();

  it('passes the gate but for those that are named, and nothing answers beside the routes', async () => {
    const site = await launch();
    expect(free(site)).toEqual(FREE);
    expect(gated(site).length).toBeGreaterThan(120);
    const known = site.http.routes.map(({ method, url }) => `${method} ${url}`);
    expect(known).toEqual(
      expect.arrayContaining([
        'GET /metrics',
        'GET /tab_dev.html',
        'POST /_int_/action.html',
        'GET /app.js',
        'DELETE /api/v1/identities/:id',
      ]),
    );
    expect(new Set(known).size).toBe(known.length);
    for (const { url } of site.http.routes)
      for (const method of ['PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'])
        expect((await call(site, method, url, {})).code, `${method} ${url}`).toBe(405);
  });

  it('refuses pages of other origins, names of other computers, and other computers', async () => {
    const site = await launch();
    const strangers: readonly (readonly [Record<string, string>, string?])[] = [
      [{ host: 'evil.example' }],
      [{ origin: 'http://evil.example' }],
      [{ 'sec-fetch-site': 'cross-site' }],
      ...(address === undefined
        ? []
        : [[{ host: 'here' }, address] as const, [{ host: 'here', 'x-forwarded-for': '127.0.0.1' }, address] as const]),
    ];
    for (const { method, url } of gated(site))
      for (const [headers, from] of strangers)
        expect((await call(site, method, url, headers, from)).code, `${method} ${url} ${JSON.stringify(headers)} ${from}`).toBe(403);
    expect([site.acts, touched]).toEqual([[], []]);
  });

  it.skipIf(address === undefined)('gives another computer the pages and the login before the password, and nothing else', async () => {
    const site = await launch({ remoteAdministration: true });
    await site.faces.administration.setPassword('correct horse', 'test');
    for (const { method, url, need } of gated(site)) {
      const { code } = await call(site, method, url, { host: 'here' }, address);
      if (need === 'page') expect(url).toMatch(BEFORE_LOGIN);
      if (need === 'page') expect([200, 302, 400], `${method} ${url}`).toContain(code);
      else expect(code, `${method} ${url}`).toBe(need === 'local' ? 403 : 401);
    }
    expect([site.acts, touched]).toEqual([[], []]);
  });

  it('asks here for the password on all that configures, and on all but the login where it is for all', async () => {
    const page = { refreshSeconds: 3, rows: 20, passwordForAll: true };
    for (const more of [{}, { page }]) {
      const site = await launch(more);
      await site.faces.administration.setPassword('correct horse', 'test');
      for (const { method, url, need } of gated(site)) {
        const asks = need === 'configure' || ('page' in more && need !== 'page' && need !== 'metrics' && need !== 'local');
        const { code } = await call(site, method, url, {});
        if (asks) expect(code, `${method} ${url}`).toBe(401);
        else expect(code, `${method} ${url}`).not.toBe(403);
      }
      expect(touched.filter((act) => act !== 'fingerprint')).toEqual([]);
      expect((await ask(site.port, 'GET', '/api/v1/keys', basic('correct horse'))).code).toBe(200);
    }
  });

  it('is at its own port where administration has one, and neither port has what is of the other', async () => {
    const link = await launch({}, { part: 'link', adminPort: 8443 });
    const administration = await launch({}, { part: 'administration' });
    const known = (route: { readonly need: string }): boolean => route.need === 'local';
    expect(gated(link).every(known)).toBe(true);
    expect(free(link)).toEqual(FREE);
    expect(free(administration)).toEqual({ ...FREE, link: [], identity: [] });
    const whole = await launch();
    expect(gated(administration)).toEqual(gated(whole).filter((route) => !known(route)));
  });
});
