import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAssets } from '@keyhaven/control-center/assets';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { createTestVendor, freeTcpPort } from '@keyhaven/testkit/local-lm';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { goTo, launchBrowser, needsBrowser, noBrowser, type Opened, type Watched } from './acc-browser.ts';
import { button, messages } from './acc-use.ts';

// Detaching over the network with one click, between two license managers (docs/decisions/0025-detach-online.md): "boat" has the pages, "office" the key.

const vendor = createTestVendor(`
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 3, network: true }, detachable: true }
`);

describe('detaching to this computer and giving back, between two license managers (C3)', () => {
  beforeEach(needsBrowser);
  const dir = mkdtempSync(join(tmpdir(), 'kh-acc-detach-'));
  const hosts = { boat: '127.0.0.1', office: '127.0.0.2' } as const;
  const running = new Map<string, Awaited<ReturnType<typeof startAdminLm>>>();
  let port = 0;
  let browser: Opened | undefined;
  const start = async (name: keyof typeof hosts, other: keyof typeof hosts): Promise<void> => {
    const settings = parseSettings('[detach]\nenabled = true\n', {
      bind: [hosts[name]],
      port,
      name,
      search: { broadcast: false, addresses: [hosts[other]] },
    });
    const assets = await loadAssets();
    if (assets === undefined) throw new Error('the pages are not built: node scripts/bootstrap.js scripts/build-acc.ts');
    running.set(name, await startAdminLm({ settings, stateDirectory: join(dir, name), assets }));
  };
  const stop = async (name: keyof typeof hosts): Promise<void> => {
    await running.get(name)?.close();
    running.delete(name);
  };
  const askOffice = async (method: string, path: string, type?: string, body?: string): Promise<string> => {
    const headers = { connection: 'close', ...(type === undefined ? {} : { 'content-type': type }) };
    return (
      await fetch(`http://${hosts.office}:${port}/api/v1/${path}`, { method, headers, ...(body === undefined ? {} : { body }) })
    ).text();
  };
  const out = async (): Promise<number> => (JSON.parse(await askOffice('GET', 'detached')) as unknown[]).length;

  beforeAll(async () => {
    if (noBrowser() !== undefined) return;
    port = await freeTcpPort();
    await start('office', 'boat');
    const c2v = await askOffice('POST', 'c2v', 'application/json', JSON.stringify({ vendorCode: vendor.vendorCode }));
    await askOffice('POST', 'apply', 'text/plain', vendor.issue(c2v));
    await start('boat', 'office');
    browser = await launchBrowser(`http://${hosts.boat}:${port}`);
  });
  afterAll(async () => {
    await browser?.close();
    for (const lm of running.values()) await lm.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const detach = async (page: Page): Promise<void> => {
    await button(page, 'Detach here … Survey of office to this computer').click();
    const dialog = page.getByRole('dialog', { name: 'Detach Survey to this computer' });
    expect(await dialog.getByLabel('Seats').getAttribute('max')).toBe('3');
    await dialog.getByLabel('Days').fill('2');
    await button(dialog, 'Detach to this computer').click();
    await messages(page)
      .filter({ hasText: /^Survey is on this computer until/ })
      .first()
      .waitFor();
    await page.getByText(/^Lent here until/).waitFor();
    expect(await out()).toBe(1);
  };
  const giveBack = async (page: Page): Promise<void> => {
    await button(page, 'Return lent license …').click();
    await button(page.getByRole('dialog'), 'Return').click();
  };

  it('is lent, made longer, given back and lent again; an owner that is away is told when it is back', async () => {
    const watched = (await browser?.open()) as Watched;
    const { page } = watched;
    const url = `http://${hosts.boat}:${port}`;
    await goTo(watched, url, 'products');
    await detach(page);

    await button(page, 'Extend … lent license').click();
    await page.getByRole('dialog').getByLabel('Days').fill('5');
    await button(page.getByRole('dialog'), 'Extend').click();
    await messages(page)
      .filter({ hasText: /^The license is on this computer until/ })
      .waitFor();

    await page.locator('tr', { hasText: 'Lent here until' }).locator('a.id').click();
    await page.locator('.facts').getByRole('link', { name: 'office' }).waitFor();
    await goTo(watched, url, 'products');

    await giveBack(page);
    await messages(page).filter({ hasText: 'and office has its seats again' }).waitFor();
    await page.getByText(/^Lent here until/).waitFor({ state: 'detached' });
    expect(await out()).toBe(0);

    await detach(page);
    await stop('office');
    await giveBack(page);
    await messages(page).filter({ hasText: 'is out of reach: it is told by itself' }).waitFor();
    await page.getByRole('table', { name: 'Given back, and not yet told' }).waitFor();
    await start('office', 'boat');
    await page.getByRole('table', { name: 'Given back, and not yet told' }).waitFor({ state: 'detached', timeout: 30_000 });
    expect(await out()).toBe(0);
    await watched.context.close();
    expect(watched.faults()).toEqual([]);
  }, 60_000);
});
