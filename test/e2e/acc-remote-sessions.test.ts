import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAssets } from '@keyhaven/control-center/assets';
import type { SessionInfo } from '@keyhaven/core/admin';
import { Status } from '@keyhaven/core/errors';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { systemEntropy } from '@keyhaven/license-manager/machine';
import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import { readersOfFeatures } from '@keyhaven/testkit/feeds';
import { createTestVendor, freeTcpPort } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { goTo, launchBrowser, needsBrowser, noBrowser, type Opened, type Watched } from './acc-browser.ts';
import { button, messages } from './acc-use.ts';
import { keyhaven } from './lone-lm.ts';
import { eventually } from './site.ts';

// T1: the Control Center, the command line and the feeds of a computer show the sessions that its own applications have on keys of other license
// managers, and end them. "desk" has the application, "vault" the key.

const vendor = createTestVendor(`
products:
  - id: 3
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 5, network: true } }
`);
const hosts = { desk: '127.0.0.1', vault: '127.0.0.2' } as const;
const application = { pid: process.pid, start: 0, user: 'ada', host: 'drawing', application: 'plotter' };

describe('sessions on keys of other license managers (T1)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kh-acc-remote-'));
  const running = new Map<string, Awaited<ReturnType<typeof startAdminLm>>>();
  let port = 0;
  let browser: Opened | undefined;
  let licensing: Licensing;

  const start = async (name: keyof typeof hosts, other: keyof typeof hosts): Promise<void> => {
    const settings = parseSettings('', { bind: [hosts[name]], port, name, search: { broadcast: false, addresses: [hosts[other]] } });
    const assets = await loadAssets();
    running.set(name, await startAdminLm({ settings, stateDirectory: join(dir, name), ...(assets === undefined ? {} : { assets }) }));
  };
  const get = async (name: keyof typeof hosts, path: string): Promise<string> =>
    (await fetch(`http://${hosts[name]}:${port}/${path}`, { headers: { connection: 'close' } })).text();
  const post = async (path: string, type: string, body: string): Promise<string> =>
    (
      await fetch(`http://${hosts.vault}:${port}/api/v1/${path}`, {
        method: 'POST',
        body,
        headers: { 'content-type': type, connection: 'close' },
      })
    ).text();
  const atDesk = async (...args: readonly string[]) => keyhaven([...args, '--lm', `${hosts.desk}:${port}`]);
  const listed = async (...args: readonly string[]): Promise<readonly SessionInfo[]> =>
    JSON.parse((await atDesk('sessions', '--json', ...args)).stdout) as SessionInfo[];

  const fed = async (): Promise<readonly Readonly<Record<string, string>>[]> => {
    const text = await get('desk', '_int_/tab_sessions.html');
    const found = Object.values(readersOfFeatures).map((read) => read(text));
    for (const rows of found) expect(rows).toEqual(found[0]);
    return found[0] ?? [];
  };

  beforeAll(async () => {
    port = await freeTcpPort();
    await start('vault', 'desk');
    await post(
      'apply',
      'text/plain',
      vendor.issue(await post('c2v', 'application/json', JSON.stringify({ vendorCode: vendor.vendorCode }))),
    );
    await start('desk', 'vault');
    licensing = createLicensing({ host: hosts.desk, port }, application, systemEntropy);
    await eventually('the key of the other computer is known', async () => (await get('desk', 'api/v1/keys')).includes('vault'));
    if (noBrowser() === undefined) browser = await launchBrowser(`http://${hosts.desk}:${port}`);
  });
  afterAll(async () => {
    licensing?.close();
    await browser?.close();
    for (const lm of running.values()) await lm.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('are in the lists, the feed and the metrics of the computer of their application, and not without being asked for', async () => {
    const session = await licensing.login({ vendorCode: vendor.vendorCode, feature: 42 });
    expect(await listed()).toEqual([]);
    const [found, ...more] = await listed('--remote');
    expect(more).toEqual([]);
    const expected = {
      id: session.id,
      key: session.key,
      product: 3,
      feature: 42,
      seats: 1,
      user: 'ada',
      host: 'drawing',
      application: 'plotter',
    };
    expect(found).toMatchObject({
      ...expected,
      local: false,
      location: 'vault',
      holder: 'local',
      licenseManager: { hostname: 'vault', address: hosts.vault },
    });
    // The owner says the same of it.
    const [own] = JSON.parse(await get('vault', 'api/v1/sessions')) as SessionInfo[];
    expect(own).toMatchObject({ ...expected, since: found?.since, local: true, location: 'vault' });
    expect((await atDesk('sessions', '--remote')).stdout).toMatch(/LOCATION[\s\S]*vault/);
    const rows = await fed();
    expect(rows).toMatchObject([
      { sid: session.id, haspid: session.key, productname: 'Survey', fn: 'Echo sounder', fid: '42', prid: '3', usr: 'ada', acc: 'Net' },
    ]);
    expect(await get('desk', 'metrics')).toMatch(/^keyhaven_remote_key_sessions 1$/m);
    await session.logout();
    await eventually('the session is gone from the list', async () => (await listed('--remote')).length === 0);
  }, 60_000);

  it('are ended by the command line of that computer: the seat is free, and the application is told', async () => {
    const session = await licensing.login({ vendorCode: vendor.vendorCode, feature: 42 });
    expect(await atDesk('sessions', 'kill', session.id)).toMatchObject({ code: 0, stdout: `session ${session.id} ended\n` });
    await expect(session.clock()).rejects.toMatchObject({ status: Status.KILLED_SESSION });
    expect(await listed('--remote')).toEqual([]);
    expect(await get('vault', 'api/v1/sessions')).toBe('[]');
    expect(await get('desk', 'api/v1/audit?kind=session%20killed')).toContain(session.id);
    expect(await get('vault', 'api/v1/audit?kind=released')).toMatch(/"cause":"killed"/);
    expect(await atDesk('sessions', 'kill', session.id)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error 9 /) });
  }, 60_000);

  it('are ended by scripts that delete logins until none is left', async () => {
    const sessions = [
      await licensing.login({ vendorCode: vendor.vendorCode, feature: 42 }),
      await licensing.login({ vendorCode: vendor.vendorCode, feature: 42 }),
    ];
    for (const _ of sessions) {
      const [first] = await fed();
      const headers = { 'content-type': 'text/plain; charset=utf-8', connection: 'close' };
      await fetch(`http://${hosts.desk}:${port}/_int_/action.html`, { method: 'POST', body: `deletelogin=${first?.['sid']}`, headers });
    }
    expect(await fed()).toEqual([]);
    expect(await get('vault', 'api/v1/sessions')).toBe('[]');
  }, 60_000);

  describe('on the page', () => {
    beforeEach(needsBrowser);
    it('appear as they begin, with the computer of their key, and are disconnected', async () => {
      const watched = (await browser?.open()) as Watched;
      const { page } = watched;
      await goTo(watched, `http://${hosts.desk}:${port}`, 'sessions');
      await page.getByText('No application uses a key').waitFor();
      const session = await licensing.login({ vendorCode: vendor.vendorCode, feature: 42 });
      const row = page.locator('tbody tr', { hasText: 'plotter' });
      await row.waitFor();
      expect(await row.innerText()).toMatch(/ada[\s\S]*drawing[\s\S]*42[\s\S]*on vault/);
      await button(row, 'Disconnect ada at drawing from feature 42').click();
      await button(page.getByRole('dialog', { name: 'Disconnect this session?' }), 'Disconnect').click();
      await messages(page).filter({ hasText: 'The session of ada at drawing has ended' }).waitFor();
      await page.getByText('No application uses a key').waitFor();
      await expect(session.clock()).rejects.toMatchObject({ status: Status.KILLED_SESSION });
      await watched.context.close();
      expect(watched.faults()).toEqual([]);
    }, 60_000);
  });
});
