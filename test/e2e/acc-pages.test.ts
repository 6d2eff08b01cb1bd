import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Acc, axeFaults, FEATURE, goTo, needsBrowser, noBrowser, OUTPUT, openAcc } from './acc-browser.ts';
import type { HeldLogin } from './lone-lm.ts';

const PAGES = [
  'overview',
  'keys',
  'products',
  'features',
  'sessions',
  'update',
  'usage',
  'log',
  'log?tab=error',
  'log?tab=audit',
  'network',
  'configuration',
  'configuration?tab=users',
  'configuration?tab=remote',
  'configuration?tab=clients',
  'configuration?tab=identities',
  'configuration?tab=detach',
  'configuration?tab=network',
  'diagnostics',
  'help',
  'about',
  'search?q=Survey',
  'search?q=nothing-has-this',
  'nowhere',
] as const;

describe('every page of the Admin Control Center (C2, C3)', () => {
  beforeEach(needsBrowser);
  let acc: Acc;
  const held: HeldLogin[] = [];
  beforeAll(async () => {
    if (noBrowser() !== undefined) return;
    acc = await openAcc();
    held.push(await acc.lm.hold(acc.vendor.vendorCode, FEATURE.many), await acc.lm.hold(acc.vendor.vendorCode, FEATURE.one));
    // Somebody is refused, too.
    await acc.lm.login(acc.vendor.vendorCode, FEATURE.one);
  });
  afterAll(async () => {
    await Promise.all(held.map((each) => each.end()));
    await acc?.close();
  });

  it.each(['desktop', 'phone'] as const)(
    '%s: axe finds nothing serious, light and dark, and nothing is wider than the window',
    async (width) => {
      const watched = await acc.open({ width });
      const { page } = watched;
      const found: string[] = [];
      for (const place of [...PAGES, `key?id=${acc.key}`]) {
        await goTo(watched, acc.url, place);
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme });
          found.push(...(await axeFaults(watched)).map((fault) => `${place}, ${colorScheme}: ${fault}`));
          await page.screenshot({ path: join(OUTPUT, `${place.replaceAll(/[^a-z]+/g, '-')}-${width}-${colorScheme}.png`), fullPage: true });
        }
        const size = page.viewportSize();
        for (const pixels of width === 'phone' ? [390, 320] : [1280, 1024, 700]) {
          await page.setViewportSize({ width: pixels, height: 800 });
          const wider = await page
            .locator('html')
            .evaluate((html: { readonly scrollWidth: number; readonly clientWidth: number }) => html.scrollWidth - html.clientWidth);
          if (wider > 0) found.push(`${place}: ${wider} pixels wider than a window of ${pixels}`);
        }
        if (size !== null) await page.setViewportSize(size);
      }
      await watched.context.close();
      expect([...found, ...watched.faults()]).toEqual([]);
    },
  );

  it('shows what is there', async () => {
    const watched = await acc.open();
    const textOf = async (place: string): Promise<string> => {
      await goTo(watched, acc.url, place);
      return (await watched.page.locator('main').textContent()) ?? '';
    };
    expect(await textOf('keys')).toContain(acc.key);
    expect(await textOf('features')).toContain('Echo sounder');
    expect(await textOf('products')).toContain('Charts');
    const sessions = await textOf('sessions');
    for (const each of ['keyhaven.js', '127.0.0.1', /1[12] h/]) expect(sessions).toMatch(each);
    const headsOf = async (place: string): Promise<readonly string[]> => {
      await goTo(watched, acc.url, place);
      return watched.page.getByRole('columnheader').allTextContents();
    };
    expect(await headsOf('keys')).toEqual(['Key', 'Location', 'Vendor', 'Type', 'Version', 'Sessions', 'State', 'Actions']);
    expect(await headsOf('products')).toEqual(expect.arrayContaining(['Location', 'Seats', 'Detachable', 'Detached', 'Available']));
    expect(await headsOf('features')).toEqual(
      expect.arrayContaining(['Location', 'Restrictions', 'Access', 'Counting', 'Logins', 'Peak', 'Detached']),
    );
    const row = watched.page.locator('tr', { hasText: 'One seat' });
    await expect.poll(() => row.locator('td[data-label="Peak"]').textContent()).toBe('1');
    expect(await row.locator('td[data-label="Access"]').textContent()).toMatch(/^Loc, Net/);
    const overview = await textOf('overview');
    expect(overview).toContain('1 of 1');
    expect(overview).toContain('(38)');
    await watched.context.close();
  });

  it('nothing moves while a page is filled, on any page', async () => {
    const watched = await acc.open();
    const { page } = watched;
    await page.addInitScript(`
      window.shifts = [];
      new PerformanceObserver((list) => { for (const each of list.getEntries())
        window.shifts.push(each.value.toFixed(3) + ' ' + each.sources.map(({ node }) => node?.outerHTML?.slice(0, 60) ?? '').join(' | ')); })
        .observe({ type: 'layout-shift', buffered: true });`);
    const moved: string[] = [];
    for (const place of [...PAGES, `key?id=${acc.key}`]) {
      await page.goto('about:blank');
      await goTo(watched, acc.url, place);
      await page.waitForLoadState('load');
      await page.evaluate('new Promise((done) => setTimeout(done, 400))');
      moved.push(...(await page.evaluate<readonly string[]>('window.shifts')).map((shift) => `${place}: ${shift}`));
    }
    await watched.context.close();
    expect(moved).toEqual([]);
  });
});

describe('a license manager without a key', () => {
  beforeEach(needsBrowser);
  it('says on each page what to do next', async () => {
    const acc = await openAcc({ licensed: false });
    try {
      const watched = await acc.open();
      for (const [place, link] of [
        ['keys', 'Get a first key from your vendor'],
        ['products', 'apply a license file'],
        ['features', 'apply a license file'],
        ['network', 'Access to Remote License Managers'],
        ['log', 'Configuration, Basic Settings'],
      ] as const) {
        await goTo(watched, acc.url, place);
        expect(await watched.page.locator('main .empty a', { hasText: link }).count(), place).toBe(1);
      }
      expect(watched.faults()).toEqual([]);
    } finally {
      await acc.close();
    }
  });
});
