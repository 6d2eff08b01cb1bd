import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask as request } from '../../packages/license-manager/src/http/launch.testing.ts';
import { freePort, type LoneLm, licenseAt, startLoneLm } from './lone-lm.ts';

// Settings of an existing hasplm.ini on a license manager that runs (C2): its password for all pages, reserved licenses, its public address, the file
// with the number of its process. A change of the file holds at once.

const PASSWORD = 'correct horse';
const vendor = createTestVendor(`products:
  - id: 1
    name: Survey
    features: [{ id: 42, name: Terrain, license: { type: perpetual }, concurrency: { seats: 3 }, detachable: true }]
  - id: 2
    name: Charts
    features: [{ id: 43, name: Depth, license: { type: perpetual }, concurrency: { seats: 3 } }]
  - id: 3
    name: Tides
    features: [{ id: 44, name: Levels, license: { type: perpetual }, concurrency: { seats: 3 }, detachable: true }]
`);

describe('an Admin LM that is set as an existing one', () => {
  let directory = '';
  let lm: LoneLm;
  let boat: LoneLm;
  let file = '';
  const running: LoneLm[] = [];
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyhaven-configured-'));
    file = join(directory, 'hasplm.ini');
    await writeFile(file, '[SERVER]\npidfile = 1\n[REMOTE]\nbroadcastsearch = 0\n');
    const quiet = join(directory, 'boat.ini');
    await writeFile(quiet, '[REMOTE]\nbroadcastsearch = 0\n');
    lm = await startLoneLm(join(directory, 'office'), ['--config', file, '--log', 'info'], { port: await freePort() });
    running.push(lm);
    boat = await startLoneLm(join(directory, 'boat'), ['--config', quiet]);
    running.push(boat);
  });
  afterAll(async () => {
    for (const each of running) await each.end('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  const change = async (...lines: readonly string[]): Promise<void> => {
    const before = lm.log.split('settings changed').length;
    await writeFile(file, ['[SERVER]', 'pidfile = 1', ...lines, '[REMOTE]', 'broadcastsearch = 0', ''].join('\n'));
    await expect.poll(() => lm.log.split('settings changed').length, { timeout: 20_000 }).toBeGreaterThan(before);
  };
  const asked = async (method: string, url: string, body?: object, password?: string) => {
    const basic = { authorization: `Basic ${Buffer.from(`admin:${password ?? ''}`).toString('base64')}` };
    const headers = { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(password === undefined ? {} : basic) };
    const { code, text } = await request(lm.port, method, url, headers, body === undefined ? '' : JSON.stringify(body));
    return { code, text };
  };
  const detach = async (key: string, seats: number, product = 1) => {
    const recipient = await (await fetch(`http://127.0.0.1:${boat.port}/api/v1/recipient`, { method: 'POST' })).text();
    return asked('POST', '/api/v1/detach', { key, product, recipient, duration: 3_600, seats });
  };
  const detachable = async (): Promise<unknown> =>
    (JSON.parse((await asked('GET', '/api/v1/products')).text) as { product: number; detachable?: number }[]).map((each) => [
      each.product,
      each.detachable,
    ]);

  it('keeps reserved licenses for logins here, and says how many may be detached', async () => {
    const key = await licenseAt(lm, vendor);
    expect(await detachable()).toEqual([
      [1, 3],
      [2, undefined],
      [3, 3],
    ]);
    await change('reservedseats = 2');
    expect(await detachable()).toEqual([
      [1, 1],
      [2, undefined],
      [3, 1],
    ]);
    const refused = await detach(key, 2);
    expect(JSON.parse(refused.text)).toMatchObject({
      code: 38,
      detail: expect.stringContaining('2 of 3 seats of feature 42 (Terrain) stay for logins here') as string,
      remedy: expect.stringContaining('detach.reservedSeats') as string,
    });
    expect(await detach(key, 1)).toMatchObject({ code: 200, text: expect.stringContaining('H2R') as string });
    expect(JSON.parse((await detach(key, 1)).text)).toMatchObject({ code: 38 });
    const held = [await lm.hold(vendor.vendorCode, 42), await lm.hold(vendor.vendorCode, 42)];
    expect(
      held.map(({ status }) => status),
      'both are for logins here',
    ).toEqual([0, 0]);
    for (const each of held) await each.end();
    await change('reservedseats = 2', '[DETACH]', 'rule = product:1,enabled=0');
    expect(JSON.parse((await detach(key, 1)).text)).toMatchObject({
      code: 5,
      detail: expect.stringContaining('off for product 1') as string,
    });
    await change();
    expect(await detach(key, 1)).toMatchObject({ code: 200 });
  });

  it('lets an administrator detach in spite of rules that name people; a rule that refuses is named with its line', async () => {
    const [held] = JSON.parse((await asked('GET', '/api/v1/keys')).text) as { key: string }[];
    const key = held?.key ?? '';
    await change('[USERS]', 'deny = nobody@all');
    expect(await detach(key, 1, 3)).toMatchObject({ code: 200 });
    await change('[USERS]', 'deny = nobody@all', 'deny = all@all');
    const refused = JSON.parse((await detach(key, 1, 3)).text) as { code: number; detail: string };
    expect(refused).toMatchObject({
      code: 53,
      detail: expect.stringContaining(`Rule "deny=all@all" in line 5 of ${file} denies detaching`) as string,
    });
    expect((await lm.ask('denials')).stdout, 'and so in the list of denials').toContain(`${file}:5`);
    await change();
  });

  it('is called by its public address, and tells it to whoever gets an identity', async () => {
    const host = { host: `licenses.example.org:${lm.port}` };
    expect((await request(lm.port, 'GET', '/api/v1/status', host)).code).toBe(403);
    await change('publicaddress = licenses.example.org');
    expect((await request(lm.port, 'GET', '/api/v1/status', host)).code).toBe(200);
    const { text } = await asked('POST', '/api/v1/identities', { issuedTo: 'ada' });
    expect(JSON.parse(text)).toMatchObject({ address: `licenses.example.org:${lm.port}` });
    await change();
    expect((await request(lm.port, 'GET', '/api/v1/status', host)).code).toBe(403);
  });

  it('needs the password for all pages where that is set, and for the configuration only elsewise', async () => {
    const codes = async (password?: string): Promise<readonly number[]> => {
      const urls = ['/api/v1/status', '/api/v1/keys', '/api/v1/settings', '/', '/metrics', '/api/v1/login'];
      const found: number[] = [];
      // One after the other: passwords that are checked at a time are bounded.
      for (const url of urls) found.push((await asked('GET', url, undefined, password)).code);
      return found;
    };
    const all = [200, 200, 200, 200, 200, 200];
    await change('passacc = 1', 'pagerefresh = 7', 'linesperpage = 50');
    expect(await codes()).toEqual(all);
    expect((await asked('PUT', '/api/v1/password', { password: PASSWORD })).code).toBe(200);
    expect(await codes()).toEqual([401, 401, 401, 200, 200, 200]);
    expect(await codes(PASSWORD)).toEqual(all);
    const login = async (): Promise<unknown> => JSON.parse((await asked('GET', '/api/v1/login')).text);
    expect(await login()).toMatchObject({ read: false, configure: false, page: { refreshSeconds: 7, rows: 50 } });
    expect((await lm.login(vendor.vendorCode, 42)).status, 'applications need no password').toBe(0);
    await change('passacc = 0');
    expect(await codes()).toEqual(all);
    expect(await login()).toMatchObject({ read: true, configure: false, page: { refreshSeconds: 3, rows: 20 } });
    expect((await asked('PUT', '/api/v1/settings', { settings: { 'page.rows': 30 } })).code).toBe(401);
  });

  it('writes the number of its process into a file, until it ends', async () => {
    const pidFile = join(directory, 'office', 'keyhaven.pid');
    expect((await readFile(pidFile, 'utf8')).trim()).toBe(String(lm.pid));
    expect(existsSync(join(directory, 'boat', 'keyhaven.pid'))).toBe(false);
    expect(await lm.end('SIGTERM')).toBe(0);
    expect(existsSync(pidFile)).toBe(false);
  });
});
