import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAssets } from '@keyhaven/control-center/assets';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { freeTcpPort } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPorts, createTestDevice } from '../../packages/license-manager/src/devices/device.testing.ts';
import { createTestVendor } from '../../packages/license-manager/src/keystore/vendor.testing.ts';
import { goTo, launchBrowser, needsBrowser, noBrowser, type Opened } from './acc-browser.ts';
import { button } from './acc-use.ts';

// "Blink on/off" of keys in hardware at the Control Center (field-facts 2.1): two of them are plugged in, and one has a light.

describe('the light of a key at the Control Center (K7)', () => {
  beforeEach(needsBrowser);
  const state = mkdtempSync(join(tmpdir(), 'keyhaven-acc-blink-'));
  const vendor = createTestVendor();
  const wish = { features: [{ id: 42 }] };
  const bright = createTestDevice(vendor, { wish, light: true });
  const dark = createTestDevice(vendor, { wish, fill: 0x71 });
  let url = '';
  let lm: Awaited<ReturnType<typeof startAdminLm>> | undefined;
  let browser: Opened | undefined;
  beforeAll(async () => {
    if (noBrowser() !== undefined) return;
    const assets = await loadAssets();
    if (assets === undefined) throw new Error('the pages are not built: node scripts/bootstrap.js scripts/build-acc.ts');
    const ports = createPorts();
    for (const { device } of [bright, dark]) ports.plug(device);
    const port = await freeTcpPort();
    const settings = parseSettings('', { bind: ['127.0.0.1'], port, name: 'blink', search: { broadcast: false } });
    lm = await startAdminLm({ settings, stateDirectory: state, devices: ports.source, assets });
    url = `http://127.0.0.1:${port}`;
    browser = await launchBrowser(url);
  });
  afterAll(async () => {
    await browser?.close();
    await lm?.close();
    rmSync(state, { recursive: true, force: true });
  });

  it('is put on and off where there is one, and is not offered elsewhere', async () => {
    const watched = await browser?.open();
    if (watched === undefined) throw new Error('no browser');
    const { page } = watched;
    await goTo(watched, url, `key?id=${bright.id}`);
    await button(page, 'Blink on').click();
    await button(page, 'Blink off').waitFor();
    expect(bright.lit()).toBe(true);
    // Whoever looks from elsewhere sees it, too.
    await page.reload();
    await button(page, 'Blink off').click();
    await button(page, 'Blink on').waitFor();
    expect(bright.lit()).toBe(false);
    await goTo(watched, url, `key?id=${dark.id}`);
    await button(page, 'Name …').waitFor();
    expect(await button(page, /^Blink/).count()).toBe(0);
    await watched.context.close();
    expect(watched.faults()).toEqual([]);
  });
});
