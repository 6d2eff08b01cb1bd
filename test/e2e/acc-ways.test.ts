import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Acc, FEATURE, goTo, needsBrowser, noBrowser, openAcc, type Watched } from './acc-browser.ts';
import { button, textOf } from './acc-use.ts';

// How one finds his way: lists, search, bookmarks, keyboard, colours, a phone.

describe('ways through the Admin Control Center (C3)', () => {
  beforeEach(needsBrowser);
  let acc: Acc;
  let watched: Watched;
  let page: Page;
  beforeAll(async () => {
    if (noBrowser() === undefined) acc = await openAcc();
  });
  afterAll(async () => acc?.close());
  beforeEach(async () => {
    if (noBrowser() !== undefined) return;
    watched = await acc.open();
    ({ page } = watched);
  });
  afterEach(async () => {
    if (noBrowser() !== undefined) return;
    await watched.context.close();
    expect(watched.faults()).toEqual([]);
  });
  const go = (place: string): Promise<void> => goTo(watched, acc.url, place);
  const saving = async (act: () => Promise<void>) => {
    const download = page.waitForEvent('download');
    await act();
    return textOf(download);
  };

  it('finds things everywhere', async () => {
    await go('overview');
    await page.getByLabel('Search everywhere').fill('sounder');
    await page.getByLabel('Search everywhere').press('Enter');
    await page.getByRole('link', { name: /Echo sounder \(10\)/ }).waitFor();
    await page.getByLabel('Search everywhere').fill(acc.key);
    await page.getByLabel('Search everywhere').press('Enter');
    await page.getByRole('link', { name: new RegExp(`^${acc.key}, `) }).click();
    await page.getByRole('heading', { name: 'Key', exact: true }).waitFor();
    expect(page.url()).toContain(`#/key?id=${acc.key}`);
  });

  it('finds pages, settings and refusals, too, and goes to the field of the setting', async () => {
    const held = await acc.lm.hold(acc.vendor.vendorCode, FEATURE.one);
    await acc.lm.login(acc.vendor.vendorCode, FEATURE.one);
    await held.end();
    await go('search?q=seats+are+in+use');
    await page
      .getByRole('link', { name: /refused .*1 of 1 seats are in use/ })
      .first()
      .waitFor();
    await go('search?q=broadcast');
    await page.getByRole('link', { name: 'Broadcast Search for Remote Licenses (search.broadcast)' }).click();
    const field = page.getByLabel('Broadcast Search for Remote Licenses');
    await expect
      .poll(() =>
        field.evaluate((node: unknown) => node === (globalThis as { document?: { activeElement: unknown } }).document?.activeElement),
      )
      .toBe(true);
  });

  it('keeps what is looked at in the address, shows what a list is narrowed to, and widens it', async () => {
    await go('features?product=1');
    await expect.poll(() => page.locator('tbody tr').count()).toBe(4);
    await page.getByLabel('Search features').fill('seat');
    await page.locator('tbody tr').nth(1).waitFor({ state: 'detached' });
    await button(page, 'Name').click();
    await expect.poll(() => page.url()).toMatch(/#\/features\?product=1&q=seat&sort=name$/);
    await page.reload();
    await page.locator('tbody tr').waitFor();
    expect(await page.getByLabel('Search features').inputValue()).toBe('seat');
    expect(await page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort')).toBe('ascending');
    await page.getByLabel('Search features').fill('charts');
    await page.getByText('Nothing here has').waitFor();
    await page.getByRole('link', { name: 'All, not only Product 1' }).click();
    await page.locator('tbody tr', { hasText: 'Charts' }).waitFor();
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Features' }).click();
    await expect.poll(() => page.locator('tbody tr').count()).toBe(5);
  });

  it('has as many rows and as much pace as the settings say', async () => {
    await page.route('**/api/v1/login', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), page: { refreshSeconds: 1, rows: 2 } } });
    });
    // Nobody tells what changes: it is asked for.
    await page.route('**/api/v1/events', (route) => route.fulfill({ status: 204 }));
    await go('features');
    await page.getByText('1 to 2 of 5').waitFor();
    await button(page, 'Next').click();
    await page.getByText('3 to 4 of 5').waitFor();
    expect(await page.locator('tbody tr').count()).toBe(2);
    const again = () => page.waitForRequest((request) => request.url().includes('/api/v1/list/features'), { timeout: 2_500 });
    await again();
    await again();
  });

  it('leads to the pages of the license manager that has a key, and saves a C2V from the list', async () => {
    await page.route(/\/api\/v1\/list\/(?:keys|peers)/, async (route) => {
      const answer = await route.fetch();
      const { items, ...rest } = (await answer.json()) as { readonly items: readonly object[] };
      const licenseManager = { guid: 'g', hostname: 'office', address: 'fe80::7' };
      const more = route.request().url().includes('peers')
        ? { guid: 'g', hostname: 'office', address: 'fe80::7:1947', state: 'linked', keys: 1 }
        : { key: '77', type: 'hl-driverless', vendor: 1, local: false, licenseManager, updateCounter: 0, damage: null };
      await route.fulfill({ response: answer, json: { ...rest, items: [...items, more] } });
    });
    await go('keys');
    expect(await page.getByRole('link', { name: 'office' }).getAttribute('href')).toBe('http://[fe80::7]:1947/');
    const c2v = await saving(() => button(page, `Save C2V of key ${acc.key}`).click());
    expect([c2v.name, c2v.text]).toEqual([`${acc.key}.c2v`, expect.stringContaining('BEGIN KEYHAVEN C2V')]);
  });

  it('sorts and searches a list', async () => {
    await go('features');
    const names = (): Promise<string[]> => page.locator('tbody td:nth-child(2)').allTextContents();
    await button(page, 'Name').click();
    await expect.poll(names).toEqual(['Charts', 'Echo sounder', 'Executions', 'One seat', 'Unlimited']);
    await button(page, 'Name').click();
    await expect.poll(async () => (await names())[0]).toBe('Unlimited');
    expect(await page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort')).toBe('descending');
    await page.getByLabel('Search features').fill('seat');
    await expect.poll(names).toEqual(['One seat']);
  });

  it('keeps the colours that were chosen', async () => {
    await go('overview');
    const background = () => page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    const light = await background();
    await page.getByLabel('Colours').selectOption('dark');
    expect(await background()).not.toBe(light);
    await page.reload();
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
  });

  it('is used by keyboard: skip link, menu, dialog and back', async () => {
    const held = await acc.lm.hold(acc.vendor.vendorCode, FEATURE.one);
    await go('sessions');
    await page.reload();
    await page.locator('tbody tr').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.locator(':focus').textContent()).toBe('Sessions');
    const focused = (): Promise<string | null> => page.locator(':focus').getAttribute('aria-label');
    for (let step = 0; step < 30 && !(await focused())?.startsWith('Disconnect'); step += 1) await page.keyboard.press('Tab');
    expect(await focused()).toMatch(/^Disconnect/);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    for (let step = 0; step < 8; step += 1) {
      await page.keyboard.press('Tab');
      // Out of the dialog there is only the browser itself.
      expect(await page.locator('main :focus, header :focus, nav :focus').and(page.locator(':not(dialog *)')).count()).toBe(0);
    }
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await focused()).toMatch(/^Disconnect/);
    await held.end();
  });

  it('is used by single keys, which are shown and can be switched off', async () => {
    await go('overview');
    await page.keyboard.press('?');
    const dialog = page.getByRole('dialog', { name: 'Keyboard' });
    await dialog.waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('k');
    expect(page.url()).toContain('#/overview');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    // The second key counts for a second and a half: on a computer that is busy it may come too late.
    const toKeys = async (): Promise<string> => {
      await page.keyboard.press('g');
      await page.keyboard.press('k');
      return page.url();
    };
    await expect.poll(toKeys, { timeout: 20_000 }).toContain('#/keys');
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('g?k/');
    expect(await page.getByLabel('Search everywhere').inputValue()).toBe('g?k/');
    await page.getByRole('heading', { name: 'Keys', exact: true }).focus();
    await page.keyboard.press('?');
    await dialog.getByLabel('Single keys do this').click();
    await button(dialog, 'Close').click();
    await dialog.waitFor({ state: 'detached' });
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    expect(page.url()).toContain('#/keys');
  });

  it('brings the focus to the head of the page when what had it is gone, and keeps it through updates', async () => {
    const [first, second] = [await acc.lm.hold(acc.vendor.vendorCode, FEATURE.one), await acc.lm.hold(acc.vendor.vendorCode, FEATURE.many)];
    await go('sessions');
    const disconnect = button(page, /^Disconnect .* from feature 11$/);
    await disconnect.focus();
    const read = page.waitForResponse((answer) => answer.url().includes('/api/v1/list/sessions'));
    await second.end();
    await read;
    await button(page, /^Disconnect .* from feature 10$/).waitFor({ state: 'detached' });
    expect(await page.locator(':focus').getAttribute('aria-label')).toMatch(/^Disconnect .* from feature 11$/);
    await page.keyboard.press('Enter');
    await button(page.getByRole('dialog'), 'Disconnect').press('Enter');
    await page.getByText('No application uses a key').waitFor();
    await expect.poll(() => page.locator(':focus').textContent()).toBe('Sessions');
    await first.end();
  });

  it('opens its menu on a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await go('overview');
    await button(page, /Menu/).click();
    await page.getByRole('link', { name: 'Diagnostics', exact: true }).click();
    await page.getByRole('heading', { name: 'Diagnostics' }).waitFor();
    expect(await page.getByRole('navigation', { name: 'Pages' }).isVisible()).toBe(false);
  });
});
