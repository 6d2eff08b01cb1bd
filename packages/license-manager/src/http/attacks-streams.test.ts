import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { SECOND } from '@keyhaven/core/time';
import { afterEach, describe, expect, it } from 'vitest';
import { ask, basic, launchHttp, ownAddress } from './launch.testing.ts';

// A live view outlives the request that began it: what took the right to it away takes the view, too (S7, S9).

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const PASSWORD = 'correct horse';
const json = { 'content-type': 'application/json' };

const launch = async () => {
  const access = { remoteAdministration: true, passwordForAll: false };
  const page = {
    refreshSeconds: 3,
    rows: 20,
    get passwordForAll() {
      return access.passwordForAll;
    },
  };
  const site = await launchHttp({ page });
  // As the settings of a running license manager do it.
  Object.defineProperty(site.faces, 'remoteAdministration', { get: () => access.remoteAdministration });
  closers.push(site.close);
  await site.faces.administration.setPassword(PASSWORD, 'test');
  const { administration } = site.faces;
  return { ...site, access, cookie: (token = administration.login('test')) => ({ cookie: `keyhaven=${token}` }) };
};
/** Resolves once it has begun. */
const watch = async (port: number, path: string, headers: Record<string, string>, host = '127.0.0.1') => {
  const sent = request({ host, port, path, agent: false, headers: { host: 'localhost', ...headers } }).on('error', () => undefined);
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  response.on('error', () => undefined);
  let isOver = false;
  const over = new Promise<void>((resolve) => {
    response.once('close', () => {
      isOver = true;
      resolve();
    });
  });
  closers.push(() => sent.destroy());
  return { code: response.statusCode, over, isOver: () => isOver, said: () => text };
};
type Site = Awaited<ReturnType<typeof launch>>;

/** Time passes, and whatever was sent meanwhile has come. */
const pass = async ({ site, port }: Site, seconds: number): Promise<void> => {
  for (let second = 0; second < seconds; second += 1) site.clock.advance(SECOND);
  await ask(port, 'GET', '/healthz');
};

describe.each(['/api/v1/events', '/api/v1/network/events'])('S7, S9: %s', (path) => {
  const address = ownAddress();
  const remote = (site: Site, headers: Record<string, string>) => watch(site.port, path, { host: 'here', ...headers }, address);

  it.skipIf(address === undefined)('of another computer is cut by logout, and by nothing before it', async () => {
    const site = await launch();
    const [mine, other] = [site.cookie(), site.cookie()];
    const [cut, kept] = [await remote(site, mine), await remote(site, other)];
    expect([cut.code, kept.code]).toEqual([200, 200]);
    await pass(site, 20);
    expect([cut.isOver(), kept.isOver()]).toEqual([false, false]);
    expect((await ask(site.port, 'POST', '/api/v1/logout', { ...mine, host: 'here' }, '', address)).code).toBe(200);
    await pass(site, 1);
    await cut.over;
    expect(kept.isOver()).toBe(false);
  });

  it.skipIf(address === undefined)('of another computer is cut by another password, also where the password itself began it', async () => {
    const site = await launch();
    const streams = [await remote(site, site.cookie()), await remote(site, basic(PASSWORD))];
    await pass(site, 2);
    expect(streams.map(({ isOver }) => isOver())).toEqual([false, false]);
    const change = await ask(site.port, 'PUT', '/api/v1/password', { ...json, ...basic(PASSWORD) }, '{"password":"another horse"}');
    expect(change.code).toBe(200);
    await pass(site, 1);
    await Promise.all(streams.map(({ over }) => over));
  });

  it.skipIf(address === undefined)(
    'of another computer is cut when remote administration is switched off, and of this one goes on',
    async () => {
      const site = await launch();
      const local = await watch(site.port, path, {});
      const streams = [await remote(site, site.cookie()), await remote(site, basic(PASSWORD))];
      site.access.remoteAdministration = false;
      await pass(site, 1);
      await Promise.all(streams.map(({ over }) => over));
      expect(local.isOver()).toBe(false);
    },
  );

  it.skipIf(address === undefined)('keeps no session open, and ends with it after half an hour', async () => {
    const site = await launch();
    const stream = await remote(site, site.cookie());
    await pass(site, 1_790);
    expect(stream.isOver()).toBe(false);
    await pass(site, 12);
    await stream.over;
  });

  it('of this computer is cut when the password is for all of it, unless it was given', async () => {
    const site = await launch();
    const [open, known] = [await watch(site.port, path, {}), await watch(site.port, path, site.cookie())];
    site.access.passwordForAll = true;
    await pass(site, 1);
    await open.over;
    expect(known.isOver()).toBe(false);
  });

  it('that nobody reads is cut as well, and makes room for another', async () => {
    const site = await launch();
    const stalled = await watch(site.port, path, {});
    site.access.passwordForAll = true;
    for (let time = 0; time < 5_000; time += 1) site.faces.notices.touch('keys');
    await pass(site, 1);
    await stalled.over;
    expect(site.faces.notices.full || site.faces.network.journal.full).toBe(false);
  });
});
