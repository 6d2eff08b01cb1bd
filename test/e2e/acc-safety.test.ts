import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lmAddressFrom, ownIdentity, systemEntropy } from '../../packages/licensing-api/src/environment.ts';
import { type Acc, goTo, needsBrowser, noBrowser, openAcc } from './acc-browser.ts';

// What others say is text on the pages (S8), and how soon the first of them is there.

const EVIL = `<img src=x onerror="document.title='pwned'"><script>alert(1)</script>`;
const CATALOG = `
products:
  - id: 1
    name: '<img src=x onerror=alert(1)>'
    features:
      - { id: 10, name: '<svg onload=alert(1)>', license: { type: perpetual }, concurrency: { seats: 1, network: true } }
`;

describe('security.md S8: stored cross-site scripting through the names of users, computers, applications, features and files', () => {
  beforeEach(needsBrowser);
  let acc: Acc;
  let application: Licensing | undefined;
  beforeAll(async () => {
    if (noBrowser() !== undefined) return;
    acc = await openAcc({ catalog: CATALOG });
    const identity = {
      ...ownIdentity(),
      user: EVIL.slice(0, 80),
      host: '"><iframe src=javascript:alert(2)>',
      application: "'-alert(3)-'<b>",
    };
    application = createLicensing(lmAddressFrom(`127.0.0.1:${acc.lm.port}`), identity, systemEntropy);
    await application.login({ vendorCode: acc.vendor.vendorCode, feature: 10 });
    // Refused, so that the audit and the lists of late have it, too.
    const again = createLicensing(lmAddressFrom(`127.0.0.1:${acc.lm.port}`), { ...identity, pid: process.ppid, start: 0 }, systemEntropy);
    await again.login({ vendorCode: acc.vendor.vendorCode, feature: 10 }).catch(() => undefined);
  });
  afterAll(async () => acc?.close());

  it('is text on every page that shows it', async () => {
    const watched = await acc.open();
    const { page } = watched;
    for (const place of [
      'overview',
      'sessions',
      'features',
      'products',
      'log?tab=audit',
      'usage?by=user',
      'configuration?tab=users',
      'search?q=img',
    ]) {
      await goTo(watched, acc.url, place);
      // Its letters are on the page; no element was made of them.
      await page.locator('main').getByText('<', { exact: false }).first().waitFor();
      expect(await page.locator('main img, main script, main iframe, main svg, main b').count(), place).toBe(0);
    }
    await goTo(watched, acc.url, 'update');
    await page
      .locator('#files')
      .setInputFiles([{ name: '<img src=x onerror=alert(4)>.v2c', mimeType: 'text/plain', buffer: Buffer.from('x') }]);
    await page.locator('.handed').getByRole('alert').waitFor();
    expect(await page.locator('.handed .name').textContent()).toBe('<img src=x onerror=alert(4)>.v2c');
    await goTo(watched, acc.url, `search?q=${encodeURIComponent(EVIL)}`);
    expect(await page.locator('main img').count()).toBe(0);
    expect(await page.title()).not.toContain('pwned');
    await watched.context.close();
    expect(watched.faults()).toEqual([]);
  });

  it('could not run even if a page made HTML of it: the policy forbids that', async () => {
    const { page, context } = await acc.open();
    await page.goto(acc.url);
    const tried = await page.evaluate<string>(`(() => {
      const made = document.createElement('div');
      try { made.innerHTML = '<img src=x onerror="document.title=1">'; return 'made'; } catch (error) { return error.name; }
    })()`);
    expect(tried).toBe('TypeError');
    await context.close();
  });
});

describe('the first view (C3)', () => {
  beforeEach(needsBrowser);
  let acc: Acc;
  beforeAll(async () => {
    if (noBrowser() !== undefined) return;
    acc = await openAcc();
    await acc.lm.login(acc.vendor.vendorCode, 10);
  });
  afterAll(async () => acc?.close());

  const RUNS = 8;
  type Timing = { readonly paint: number; readonly shown: number; readonly shift: number };
  const OBSERVE = `
    window.shifts = 0;
    new PerformanceObserver((list) => { for (const each of list.getEntries()) window.shifts += each.value; }).observe({ type: 'layout-shift', buffered: true });
    new MutationObserver(() => {
      if (window.shown === undefined && document.querySelector('main table') !== null) window.shown = performance.now();
    }).observe(document, { subtree: true, childList: true });`;

  it('is painted within 100 ms without anything in the cache, and nothing moves afterwards', async () => {
    const { page, context, faults } = await acc.open();
    const network = await context.newCDPSession(page);
    await network.send('Network.setCacheDisabled', { cacheDisabled: true });
    await page.addInitScript(OBSERVE);
    const timings: Timing[] = [];
    // The best of several: the processor is shared with whatever else runs.
    for (let run = 0; run < RUNS; run += 1) {
      await page.goto('about:blank');
      await page.goto(`${acc.url}/#/${run % 2 === 0 ? 'overview' : 'features'}`);
      await page.locator('main table').first().waitFor();
      // What is live is answered once more meanwhile.
      const again = page.waitForResponse((answer) => answer.url().includes('/api/v1/list/'));
      await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
      await again;
      timings.push(
        await page.evaluate<Timing>(
          `({ paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity, shown: window.shown, shift: window.shifts })`,
        ),
      );
    }
    await context.close();
    const best = Math.min(...timings.map(({ paint }) => paint));
    const shown = Math.min(...timings.map((each) => each.shown));
    console.log(`Admin Control Center: first paint ${best.toFixed(0)} ms, its data ${shown.toFixed(0)} ms after the navigation began`);
    expect(best, JSON.stringify(timings)).toBeLessThan(100);
    expect(Math.max(...timings.map(({ shift }) => shift))).toBe(0);
    expect(faults()).toEqual([]);
  });
});
