import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Acc, axeFaults, goTo, needsBrowser, noBrowser, OUTPUT, openAcc, type Watched } from './acc-browser.ts';
import { button, messages, textOf } from './acc-use.ts';

// Detaching to this computer over the network, at the pages (docs/decisions/0025-detach-online.md). Here the answers of the API are made up, so that each
// of them is shown: refusals, owners out of reach, what takes long. With two license managers: acc-detach-real.test.ts.

const OFFICE = { guid: 'b'.repeat(32), hostname: 'office', address: '192.0.2.10' };
const KEY = '4611686018427387904';
const LENT = '2305843009213693952';
const UNTIL = '2090-12-31T12:00:00.000Z';
const survey = {
  product: 1,
  name: 'Survey',
  key: KEY,
  vendor: 7,
  local: false,
  features: 2,
  licenseManager: OFFICE,
  seats: 5,
  detachable: 4,
};
const plain = { ...survey, product: 2, name: 'Charts' };
const paged = (items: readonly object[]) => ({ items, next: null, total: items.length });
const lentKey = {
  key: LENT,
  type: 'sl-adminmode',
  vendor: 7,
  local: true,
  licenseManager: { guid: 'a'.repeat(32), hostname: 'here', address: '127.0.0.1' },
  updateCounter: 1,
  damage: null,
  sessions: 0,
  lent: { by: KEY, until: UNTIL, owner: { guid: OFFICE.guid, key: KEY } },
};
const returning = {
  key: LENT,
  product: 1,
  licenseManager: OFFICE,
  since: '2026-11-24T10:00:00.000Z',
  until: UNTIL,
  lastFault: 'It does not answer.',
};
const refusal = {
  status: 403,
  json: {
    type: 'x',
    title: 'x',
    status: 403,
    code: 5,
    name: 'ACCESS_DENIED',
    message: 'No.',
    detail: 'The owner lends nothing.',
    remedy: 'Ask there.',
  },
};

type World = { lent: boolean; returns: readonly object[] };
/** What the API tells, as the world is; what is asked for is kept. */
const pretend = async (page: Page, world: World): Promise<{ readonly path: string; readonly body: unknown }[]> => {
  const asked: { path: string; body: unknown }[] = [];
  const lists: Record<string, () => unknown> = {
    '/api/v1/list/products': () => {
      const { detachable: _, ...charts } = plain;
      const here = { ...survey, key: LENT, local: true, licenseManager: lentKey.licenseManager };
      return paged([survey, charts, ...(world.lent ? [here] : [])]);
    },
    '/api/v1/list/keys': () => paged(world.lent ? [lentKey] : []),
    '/api/v1/list/peers': () => paged([{ ...OFFICE, address: '192.0.2.10:1947', state: 'linked', keys: 1 }]),
    '/api/v1/returns': () => world.returns,
  };
  await page.route('**/api/v1/**', async (route) => {
    const { pathname } = new URL(route.request().url());
    const list = lists[pathname];
    if (list !== undefined) return route.fulfill({ json: list() });
    if (route.request().method() !== 'POST') return route.fallback();
    asked.push({ path: pathname, body: route.request().postDataJSON() });
    return route.fallback();
  });
  return asked;
};

describe('detaching to this computer (C3)', () => {
  beforeEach(needsBrowser);
  let acc: Acc;
  let watched: Watched;
  let page: Page;
  let world: World;
  let asked: Awaited<ReturnType<typeof pretend>>;
  beforeAll(async () => {
    if (noBrowser() === undefined) acc = await openAcc();
  });
  afterAll(async () => acc?.close());
  const open = async (width: 'desktop' | 'phone' = 'desktop'): Promise<void> => {
    watched = await acc.open({ width });
    ({ page } = watched);
    world = { lent: false, returns: [] };
    asked = await pretend(page, world);
  };
  /** The answer to one kind of question, which is given when the test says so. */
  const answering = async (path: string, answer: object, when: Promise<void> = Promise.resolve()): Promise<void> => {
    await page.route(`**/api/v1/${path}`, async (route) => {
      asked.push({ path: `/api/v1/${path}`, body: route.request().postDataJSON() });
      await when;
      await route.fulfill(answer === refusal ? refusal : { json: answer });
    });
  };
  beforeEach(async () => {
    if (noBrowser() === undefined) await open();
  });
  afterEach(async () => {
    if (noBrowser() !== undefined) return;
    await watched.context.close();
    expect(watched.faults()).toEqual([]);
  });
  const detach = () => button(page, 'Detach here … Survey of office to this computer');

  it('is offered of what its owner lends, and of nothing else', async () => {
    await goTo(watched, acc.url, 'products');
    expect(await page.getByRole('button', { name: /^Detach/ }).count()).toBe(1);
    const cells = page.locator('tr', { hasText: 'Survey' }).locator('td');
    expect(await cells.filter({ hasText: /^Yes$/ }).count()).toBe(1);
    expect(await page.locator('tr', { hasText: 'Survey' }).locator('td[data-label="Available"]').textContent()).toBe('4');
    expect(await page.getByText('Given back, and not yet told').count()).toBe(0);
  });

  it('asks for days and seats, by keyboard, shows that it goes on, and tells what came of it', async () => {
    const { promise: seen, resolve: answerNow } = Promise.withResolvers<void>();
    await answering('detach-here', { key: LENT, product: 1, until: UNTIL, licenseManager: OFFICE.guid }, seen);
    await goTo(watched, acc.url, 'products');
    await detach().focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Detach Survey to this computer' });
    expect(await dialog.textContent()).toContain('switch on Enable Detaching of Licenses there');
    expect(await dialog.getByLabel('Days').inputValue()).toBe('7');
    expect(await dialog.getByLabel('Seats').getAttribute('max')).toBe('4');
    expect(await axeFaults(watched)).toEqual([]);
    await dialog.getByLabel('Days').fill('0.5');
    await dialog.getByLabel('Seats').fill('2');
    await page.keyboard.press('Enter');
    await dialog.getByRole('progressbar', { name: 'Asking office' }).waitFor();
    expect(await button(dialog, 'Detach to this computer').isDisabled()).toBe(true);
    answerNow();
    await page.getByText(/^Survey is on this computer until 31 Dec 2090/).waitFor();
    await dialog.waitFor({ state: 'detached' });
    expect(asked).toEqual([
      { path: '/api/v1/detach-here', body: { licenseManager: OFFICE.guid, key: KEY, product: 1, duration: 43_200, seats: 2 } },
    ]);
  });

  it('tells a refusal in the dialog, which stays, with what to do', async () => {
    await answering('detach-here', refusal);
    await goTo(watched, acc.url, 'products');
    await detach().click();
    const dialog = page.getByRole('dialog');
    await button(dialog, 'Detach to this computer').click();
    const told = dialog.getByRole('alert');
    await told.waitFor();
    expect(await told.textContent()).toContain('Ask there.');
    expect(asked[0]?.body).toEqual({ licenseManager: OFFICE.guid, key: KEY, product: 1, duration: 604_800 });
    await button(told, 'Close this message').click();
    await told.waitFor({ state: 'detached' });
    await button(dialog, 'Cancel').click();
    await dialog.waitFor({ state: 'detached' });
  });

  it('is made longer, and by a file where the owner is out of reach', async () => {
    world.lent = true;
    await answering('detach-here', { key: LENT, product: 1, until: UNTIL, licenseManager: OFFICE.guid });
    await goTo(watched, acc.url, 'products');
    await button(page, 'Extend … lent license').click();
    const dialog = page.getByRole('dialog', { name: 'Keep the license longer' });
    await dialog.getByLabel('Days').fill('10');
    await button(dialog, 'Save an ID file').waitFor();
    await button(dialog, 'Extend').click();
    await page.getByText(/^The license is on this computer until 31 Dec 2090/).waitFor();
    expect(asked).toEqual([{ path: '/api/v1/detach-here', body: { key: LENT, duration: 864_000 } }]);
  });

  it.each([
    ['told', { key: LENT, told: true, licenseManager: OFFICE.guid }, 'and office has its seats again'],
    ['not told', { key: LENT, told: false, licenseManager: OFFICE.guid, detail: 'x' }, 'office is out of reach: it is told by itself'],
  ] as const)('is given back after one question: %s', async (_, answer, text) => {
    world.lent = true;
    await answering('return-here', answer);
    await goTo(watched, acc.url, 'products');
    await button(page, 'Return lent license …').click();
    await button(page.getByRole('dialog'), 'Return').click();
    await messages(page).filter({ hasText: text }).waitFor();
    expect(asked).toEqual([{ path: '/api/v1/return-here', body: { key: LENT } }]);
  });

  it.each(['desktop', 'phone'] as const)('%s: what is given back and not told yet stays on the page, with the file', async (width) => {
    await watched.context.close();
    await open(width);
    world.returns = [returning];
    await page.route('**/api/v1/return', (route) => route.fulfill({ body: '-----BEGIN KEYHAVEN R2H-----\n', contentType: 'text/plain' }));
    await goTo(watched, acc.url, 'products');
    const table = page.getByRole('table', { name: 'Given back, and not yet told' });
    for (const each of ['office', LENT, 'It does not answer.']) expect(await table.textContent()).toContain(each);
    expect(await axeFaults(watched)).toEqual([]);
    await page.screenshot({ path: join(OUTPUT, `returns-${width}.png`), fullPage: true });
    const saved = page.waitForEvent('download');
    await button(page, `Save R2H of key ${LENT}`).click();
    expect((await textOf(saved)).name).toBe(`returned-${LENT}.r2h`);
    await detach().click();
    expect(await axeFaults(watched)).toEqual([]);
    await page.screenshot({ path: join(OUTPUT, `detach-here-${width}.png`) });
  });

  it('the page of the key names its owner', async () => {
    world.lent = true;
    await goTo(watched, acc.url, `key?id=${LENT}`);
    await page.locator('.facts').getByRole('link', { name: 'office' }).waitFor();
    expect(await page.locator('.facts').textContent()).toContain(KEY);
    expect(await button(page, 'Extend … lent license').count()).toBe(1);
  });
});
