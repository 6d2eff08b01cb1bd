import { createMemoryLedger } from '@keyhaven/ledger';
import { afterEach, describe, expect, it } from 'vitest';
import { createAuditWriter } from '../acts/index.ts';
import { type Administration, openAdministration } from '../administration/index.ts';
import { createSite } from '../authority/site.testing.ts';
import { systemEntropy } from '../machine/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { facesOf } from './faces.testing.ts';
import type { HttpFaces } from './faces.ts';
import { ask, basic, launchHttp, ownAddress } from './launch.testing.ts';
import type { Need } from './route.ts';

// Every route for every kind of caller (S7): what a route needs is what its declaration says, and nobody else gets in.

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const PASSWORD = 'correct horse';

const launch = async (password: string | undefined, more: Partial<HttpFaces> = {}) => {
  const clock = createSimulatedClock();
  const ledger = createMemoryLedger({ now: () => clock.wall() });
  const audit = createAuditWriter({ ledger, clock, onEvent: () => undefined });
  const real = await openAdministration({ ledger, audit, clock, entropy: systemEntropy });
  if (password !== undefined) await real.setPassword(password, 'test');
  const changed: string[] = [];
  const administration: Administration = {
    get passwordSet() {
      return real.passwordSet;
    },
    check: real.check,
    login: real.login,
    logout: () => undefined,
    hasSession: real.hasSession,
    isOpen: real.isOpen,
    get era() {
      return real.era;
    },
    setPassword: async () => void changed.push('password'),
  };
  const site = await launchHttp({ administration, ...more });
  closers.push(site.close);
  return { ...site, clock, changed, cookie: () => ({ cookie: `a=b; keyhaven=${real.login('test')}` }) };
};
type Site = Awaited<ReturnType<typeof launch>>;

/** What a caller gets of each route, by what it needs: the code of a refusal by the gate, or `in`. */
const outcomes = async (site: Site, headers: () => Record<string, string>, address?: string): Promise<Partial<Record<Need, unknown>>> => {
  const found = new Map<Need, Set<unknown>>();
  for (const { method, url, need } of site.http.routes) {
    site.clock.advance(3_600_000);
    const path = url.replace(/:\w+/, 'some');
    const { code, text } = await ask(
      site.port,
      method,
      path,
      { ...headers(), ...(address === undefined ? {} : { host: 'here' }) },
      '',
      address,
    );
    const refused = (code === 401 || code === 403) && (method === 'HEAD' || /"code":5,/.test(text));
    // POST /login with nothing in it is told what is wrong with it, and that is for everybody who may come to the page.
    const of = found.get(need) ?? new Set();
    found.set(need, of.add(refused ? code : 'in'));
  }
  return Object.fromEntries([...found].map(([need, codes]) => [need, codes.size === 1 ? [...codes][0] : [...codes]]));
};
const ALL = { open: 'in', link: 'in', local: 'in', page: 'in', metrics: 'in', read: 'in', write: 'in', configure: 'in' };

describe('a caller on this computer', () => {
  it('may all where no password is set, and then a password is a wrong one', async () => {
    const site = await launch(undefined);
    expect(await outcomes(site, () => ({}))).toEqual(ALL);
    expect((await ask(site.port, 'GET', '/api/v1/status', basic(PASSWORD))).code).toBe(401);
    expect((await ask(site.port, 'GET', '/api/v1/status', { authorization: 'Bearer x' })).code).toBe(401);
  });

  it('may all but configure where a password is set, and that too with the password or a session of the page', async () => {
    const site = await launch(PASSWORD);
    expect(await outcomes(site, () => ({}))).toEqual({ ...ALL, configure: 401 });
    expect(await outcomes(site, () => ({ cookie: 'keyhaven=aaaaaaaaaaaaaaaaaaaaaa' }))).toEqual({ ...ALL, configure: 401 });
    const refused = { page: 401, metrics: 401, read: 401, write: 401, configure: 401 };
    expect(await outcomes(site, () => basic('wrong horse'))).toEqual({ ...ALL, ...refused });
    expect(site.changed).toEqual([]);
    expect(await outcomes(site, () => basic(PASSWORD))).toEqual(ALL);
    expect(await outcomes(site, site.cookie)).toEqual(ALL);
    expect(site.changed).toEqual(['password', 'password']);
  });
});

describe('a caller on this computer where the password is for all pages', () => {
  const page = { refreshSeconds: 3, rows: 20, passwordForAll: true };

  it('may nothing of them without it, but log in; metrics and licensing are no pages', async () => {
    const site = await launch(PASSWORD, { page });
    const refused = { ...ALL, read: 401, write: 401, configure: 401 };
    expect(await outcomes(site, () => ({}))).toEqual(refused);
    expect(await outcomes(site, () => ({ cookie: 'keyhaven=aaaaaaaaaaaaaaaaaaaaaa' }))).toEqual(refused);
    expect(await outcomes(site, () => basic(PASSWORD))).toEqual(ALL);
    expect(await outcomes(site, site.cookie)).toEqual(ALL);
    const may = async (headers = {}): Promise<unknown> => JSON.parse((await ask(site.port, 'GET', '/api/v1/login', headers)).text);
    expect(await may()).toMatchObject({ read: false, write: false, configure: false, widen: false });
    expect(await may(basic(PASSWORD))).toMatchObject({ read: true, write: true, configure: true, widen: true });
  });

  it('may all where none is set', async () => {
    const site = await launch(undefined, { page });
    expect(await outcomes(site, () => ({}))).toEqual(ALL);
    expect(JSON.parse((await ask(site.port, 'GET', '/api/v1/login')).text)).toMatchObject({ read: true, write: true, configure: true });
  });
});

describe('a caller on another computer', () => {
  it('gets nothing where remote administration is off, whatever he knows (S7, S19)', async (context) => {
    const address = ownAddress();
    if (address === undefined) return context.skip('this computer has no address but loopback');
    const site = await launch(PASSWORD);
    const refused = { local: 403, page: 403, metrics: 403, read: 403, write: 403, configure: 403 };
    for (const headers of [() => ({}), () => basic(PASSWORD), site.cookie])
      expect(await outcomes(site, headers, address)).toEqual({ ...ALL, ...refused });
    const [unknown, right] = await Promise.all(
      [basic('wrong horse'), basic(PASSWORD)].map((headers) =>
        ask(site.port, 'GET', '/api/v1/status', { ...headers, host: 'here' }, '', address),
      ),
    );
    expect(unknown?.text).toBe(right?.text);
  });

  it('gets the page to log in where it is on, and all else with the password only (S19)', async (context) => {
    const address = ownAddress();
    if (address === undefined) return context.skip('this computer has no address but loopback');
    const refused = { local: 403, metrics: 401, read: 401, write: 401, configure: 401 };
    const bare = await launch(undefined, { remoteAdministration: true });
    expect(await outcomes(bare, () => ({}), address)).toEqual({ ...ALL, ...refused });
    const site = await launch(PASSWORD, { remoteAdministration: true });
    expect(await outcomes(site, () => ({}), address)).toEqual({ ...ALL, ...refused });
    expect(await outcomes(site, () => basic('wrong horse'), address)).toEqual({ ...ALL, ...refused, page: 401 });
    // What widens access is refused by the route itself, so that one of those that need `configure` says so.
    expect(await outcomes(site, () => basic(PASSWORD), address)).toEqual({ ...ALL, local: 403, configure: ['in', 403] });
    expect(await outcomes(site, site.cookie, address)).toEqual({ ...ALL, local: 403, configure: ['in', 403] });
    expect(site.changed).toEqual([]);
  });

  it('learns nothing from what a refusal says: no password, a wrong one, none set, no such session (S9)', async (context) => {
    const address = ownAddress();
    if (address === undefined) return context.skip('this computer has no address but loopback');
    const texts = new Set<string>();
    for (const password of [undefined, PASSWORD]) {
      const { port } = await launch(password, { remoteAdministration: true });
      for (const headers of [{}, basic('wrong horse'), basic(''), { authorization: 'Basic !' }, { cookie: 'keyhaven=x' }]) {
        const { code, text, headers: said } = await ask(port, 'GET', '/api/v1/status', { ...headers, host: 'here' }, '', address);
        texts.add(`${code} ${text} ${said['www-authenticate']}`);
      }
      const json = { 'content-type': 'application/json', host: 'here' };
      const login = await ask(port, 'POST', '/api/v1/login', json, '{"password":"guess"}', address);
      texts.add(`${login.code} ${login.text} ${login.headers['www-authenticate']}`);
    }
    expect([...texts]).toEqual([expect.stringMatching(/^401 .*password.* Basic realm/)]);
  });
});

describe('the login of the page (S9)', () => {
  const json = { 'content-type': 'application/json' };

  it('gives a cookie that scripts and other pages do not get, and logout takes it back', async () => {
    const site = await launchHttp();
    closers.push(site.close);
    const { port, faces } = site;
    await faces.administration.setPassword(PASSWORD, 'test');
    const login = await ask(port, 'POST', '/api/v1/login', json, JSON.stringify({ password: PASSWORD }));
    expect([login.code, login.text]).toEqual([200, '{"status":"logged in"}']);
    const [set = ''] = login.headers['set-cookie'] ?? [];
    expect(set).toMatch(/^keyhaven=[\w-]{22}; Path=\/; HttpOnly; SameSite=Strict$/);
    const cookie = { cookie: set.split(';')[0] ?? '' };
    const may = async (headers: Record<string, string>): Promise<unknown> =>
      JSON.parse((await ask(port, 'GET', '/api/v1/login', headers)).text);
    const page = { refreshSeconds: 3, rows: 20 };
    expect(await may(cookie)).toEqual({ authenticated: true, read: true, write: true, configure: true, widen: true, page });
    expect(await may({})).toEqual({ authenticated: false, read: true, write: true, configure: false, widen: false, page });
    const logout = await ask(port, 'POST', '/api/v1/logout', cookie);
    expect(logout.headers['set-cookie']).toEqual([expect.stringMatching(/^keyhaven=; .*Max-Age=0/)]);
    expect(await may(cookie)).toMatchObject({ authenticated: false });
  });

  it('is refused more and more slowly, and says when to try again', async () => {
    const { port } = await launch(PASSWORD);
    const login = (password: string) => ask(port, 'POST', '/api/v1/login', json, JSON.stringify({ password }));
    for (let time = 0; time < 5; time += 1) expect((await login('guess')).code).toBe(401);
    const later = await login(PASSWORD);
    expect([later.code, later.headers['retry-after']]).toEqual([429, '1']);
    expect((await ask(port, 'GET', '/api/v1/status', basic(PASSWORD))).code).toBe(429);
    expect((await ask(port, 'GET', '/api/v1/status')).code).toBe(200);
  });

  it('takes no cookie from a page of another origin, nor a login from it (S15)', async () => {
    const { port, cookie } = await launch(PASSWORD);
    for (const foreign of [{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { host: 'evil.example' }]) {
      expect((await ask(port, 'GET', '/api/v1/status', { ...cookie(), ...foreign })).code).toBe(403);
      expect((await ask(port, 'POST', '/api/v1/login', { ...json, ...foreign }, JSON.stringify({ password: PASSWORD }))).code).toBe(403);
    }
  });
});

describe('a caller on another computer, of the metrics', () => {
  const address = ownAddress();

  it.skipIf(address === undefined)('gets them where the settings let him, and nothing else by that (S19)', async () => {
    const { faces } = await facesOf(await createSite());
    const site = await launch(PASSWORD, { records: { ...faces.records, remoteMetrics: true } });
    const refused = { local: 403, page: 403, read: 403, write: 403, configure: 403 };
    expect(await outcomes(site, () => ({}), address)).toEqual({ ...ALL, ...refused });
  });
});
