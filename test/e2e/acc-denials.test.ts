import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAssets } from '@keyhaven/control-center/assets';
import { Status } from '@keyhaven/core/errors';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { systemEntropy } from '@keyhaven/license-manager/machine';
import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import { createTestVendor, freeTcpPort } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goTo, launchBrowser, noBrowser, type Opened, type Watched } from './acc-browser.ts';
import { keyhaven } from './lone-lm.ts';
import { eventually } from './site.ts';

// C2: one login is one denial, counted where it ended. Logins over two license managers with two keys each; then the access log, `keyhaven denials`, the
// history of use, the metrics and the pages agree on one number.

const catalogOf = (features: string): string => `
products:
  - id: 1
    name: Survey
    features:
${features}
`;
const seats = (id: number, count: number): string =>
  `      - { id: ${id}, name: Feature ${id}, license: { type: perpetual }, concurrency: { seats: ${count}, network: true } }\n`;
const over = (id: number): string =>
  `      - { id: ${id}, name: Over, license: { type: expiration, until: '2020-01-01' }, concurrency: { network: true } }\n`;
const vendor = createTestVendor(catalogOf(seats(42, 1)));
/** 42 is in all four keys, 45 in one, 46 with free seats in one and over in another, 47 full in one and over in another, 48 over in both of one LM. */
const keys = {
  desk: [seats(42, 1) + over(46) + seats(47, 1) + over(48), seats(42, 1) + over(48)],
  vault: [seats(42, 1) + seats(45, 1) + seats(46, 5), seats(42, 1) + over(47)],
} as const;
const hosts = { desk: '127.0.0.1', vault: '127.0.0.2' } as const;
type Name = keyof typeof hosts;
const names: readonly Name[] = ['desk', 'vault'];

describe('denials (C2)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kh-denials-'));
  const running = new Map<Name, Awaited<ReturnType<typeof startAdminLm>>>();
  let port = 0;
  let licensing: Licensing;
  let browser: Opened | undefined;

  const at = (name: Name): string => `${hosts[name]}:${port}`;
  const get = async (name: Name, path: string): Promise<string> =>
    (await fetch(`http://${at(name)}/${path}`, { headers: { connection: 'close' } })).text();
  const post = async (name: Name, path: string, type: string, body: string): Promise<string> =>
    (
      await fetch(`http://${at(name)}/api/v1/${path}`, { method: 'POST', body, headers: { 'content-type': type, connection: 'close' } })
    ).text();
  const json = async (name: Name, path: string): Promise<unknown> => JSON.parse(await get(name, path)) as unknown;

  const start = async (name: Name, other: Name): Promise<void> => {
    const text = '[log]\naccess = true\nlocal = true\nremote = true\n';
    const settings = parseSettings(text, { bind: [hosts[name]], port, name, search: { broadcast: false, addresses: [hosts[other]] } });
    const assets = await loadAssets();
    running.set(name, await startAdminLm({ settings, stateDirectory: join(dir, name), ...(assets === undefined ? {} : { assets }) }));
  };

  /** What each of the five says, of one license manager. */
  const counted = async (name: Name) => {
    const denials = JSON.parse((await keyhaven(['denials', '--json', '--lm', at(name)])).stdout) as unknown[];
    const { lines } = (await json(name, 'api/v1/log/access?lines=1000')) as { readonly lines: readonly string[] };
    const { items } = (await json(name, 'api/v1/usage')) as { readonly items: readonly { readonly denials: number }[] };
    const metrics = [...(await get(name, 'metrics')).matchAll(/^keyhaven_denials_total\{[^}]*\} (\d+)$/gm)];
    return {
      list: denials.length,
      log: lines.filter((line) => line.includes(' LOGIN(') && !line.includes('result(0)')).length,
      usage: items.reduce((sum, item) => sum + item.denials, 0),
      metrics: metrics.reduce((sum, [, value]) => sum + Number(value), 0),
    };
  };
  const all = async (): Promise<{ readonly [name in Name]: number }> => {
    const found = { desk: 0, vault: 0 };
    for (const name of names) {
      const { list, ...others } = await counted(name);
      expect(others, name).toEqual({ log: list, usage: list, metrics: list });
      found[name] = list;
    }
    return found;
  };
  const login = (feature: number, more: object = {}) => licensing.login({ vendorCode: vendor.vendorCode, feature, ...more });
  const refusedWith = async (status: number, feature: number, more: object = {}): Promise<void> => {
    await expect(login(feature, more), String(feature)).rejects.toMatchObject({ status });
  };

  beforeAll(async () => {
    port = await freeTcpPort();
    for (const [name, other] of [
      ['vault', 'desk'],
      ['desk', 'vault'],
    ] as const) {
      await start(name, other);
      for (const features of keys[name]) {
        const c2v = await post(name, 'c2v', 'application/json', JSON.stringify({ vendorCode: vendor.vendorCode }));
        await post(name, 'apply', 'text/plain', vendor.issue(c2v, catalogOf(features)));
      }
    }
    licensing = createLicensing(
      { host: hosts.desk, port },
      { pid: process.pid, start: 0, user: 'ada', host: 'desk', application: 'plot' },
      systemEntropy,
    );
    await eventually('four keys are known', async () => ((await json('desk', 'api/v1/keys')) as unknown[]).length === 4);
    if (noBrowser() === undefined) browser = await launchBrowser(`http://${at('desk')}`);
  });
  afterAll(async () => {
    licensing?.close();
    await browser?.close();
    for (const lm of running.values()) await lm.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('begin at 0, in every series that there can be', async () => {
    expect(await all()).toEqual({ desk: 0, vault: 0 });
    expect(await get('desk', 'metrics')).toMatch(/^keyhaven_denials_total\{status="38"\} 0$/m);
  }, 60_000);

  it('are none where a key refuses and the next one grants', async () => {
    const sessions = [await login(42), await login(42), await login(42), await login(42)];
    expect(new Set(sessions.map(({ key }) => key)).size).toBe(4);
    sessions.push(await login(46), await login(45), await login(47));
    expect(await all()).toEqual({ desk: 0, vault: 0 });
  }, 60_000);

  it('are one for each login that no key grants, at one of the license managers', async () => {
    await refusedWith(Status.TOO_MANY_USERS, 42);
    const after = await all();
    expect(after.desk + after.vault).toBe(1);
    // What the application is told is what is counted: no seat is free, though the last key that was asked is over.
    await refusedWith(Status.TOO_MANY_USERS, 47);
    expect((await all()).desk - after.desk).toBe(1);
    expect((await all()).vault - after.vault).toBe(0);
    await refusedWith(Status.FEATURE_EXPIRED, 48);
    expect((await all()).desk - after.desk).toBe(2);
    // Of one key elsewhere.
    await refusedWith(Status.TOO_MANY_USERS, 45);
    expect((await all()).vault - after.vault).toBe(1);
    // Of no key at all, counted where it was looked for.
    await refusedWith(Status.FEATURE_NOT_FOUND, 99);
    expect((await all()).desk - after.desk).toBe(3);
  }, 90_000);

  it('are one for a login that waited in vain, and none for one that got its seat', async () => {
    const before = await all();
    await refusedWith(Status.TOO_MANY_USERS, 42, { wait: { timeoutMs: 300 } });
    const waited = await all();
    expect(waited.desk + waited.vault - before.desk - before.vault).toBe(1);
    await refusedWith(Status.TOO_MANY_USERS, 45, { wait: { timeoutMs: 300 } });
    expect((await all()).vault - waited.vault).toBe(1);
    const [{ id } = { id: '' }] = ((await json('vault', 'api/v1/sessions')) as { id: string; feature: number }[]).filter(
      ({ feature }) => feature === 42,
    );
    const places = Promise.withResolvers<void>();
    const waiting = login(42, { wait: { timeoutMs: 60_000 }, onWaiting: () => places.resolve() });
    await places.promise;
    await fetch(`http://${at('vault')}/api/v1/sessions/${id}`, { method: 'DELETE', headers: { connection: 'close' } });
    await waiting;
    const after = await all();
    expect(after.desk + after.vault).toBe(waited.desk + waited.vault + 1);
    await refusedWith(Status.TOO_MANY_USERS, 42, { wait: { timeoutMs: 300 }, seats: 9 });
    const hopeless = await all();
    expect(hopeless.desk + hopeless.vault).toBe(after.desk + after.vault + 1);
  }, 90_000);

  it('have the same number on the pages', async (context) => {
    if (browser === undefined) return context.skip(noBrowser());
    const { desk } = await all();
    const watched: Watched = await browser.open();
    const { page } = watched;
    await goTo(watched, `http://${at('desk')}`, 'overview');
    const rows = page.getByRole('table', { name: 'Refusals' }).locator('tbody tr');
    await rows.first().waitFor();
    expect(await rows.count()).toBe(Math.min(8, desk));
    await goTo(watched, `http://${at('desk')}`, 'usage');
    const table = page.getByRole('table').last();
    await table.locator('tbody tr').first().waitFor();
    const heads = await table.locator('thead th').allInnerTexts();
    const column = heads.findIndex((head) => /^refusals/i.test(head));
    const shown = await table.locator(`tbody tr > :nth-child(${column + 1})`).allTextContents();
    expect(shown.reduce((sum, text) => sum + Number.parseInt(text, 10), 0)).toBe(desk);
    await watched.context.close();
    expect(watched.faults()).toEqual([]);
  }, 60_000);
});
