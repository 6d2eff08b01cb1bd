import { loadAssets } from '@keyhaven/control-center/assets';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LiveSession } from '../../packages/license-manager/src/authority/index.ts';
import { launchHttp } from '../../packages/license-manager/src/http/launch.testing.ts';
import { createOverview } from '../../packages/license-manager/src/overview.ts';
import { goTo, launchBrowser, needsBrowser, noBrowser, type Opened } from './acc-browser.ts';
import { expectWithin } from './time-limit.ts';

// 100,000 sessions behind the Sessions page (C3).

const MANY = 100_000;
const session = (at: number): LiveSession => ({
  id: at.toString(16).padStart(32, '0'),
  pool: { key: `${1 + (at % 7)}`, product: 1, feature: at % 50 },
  row: {
    user: `user-${at}`,
    host: `host-${at % 313}`,
    address: '192.0.2.1',
    pid: at,
    start: 1,
    application: 'survey',
    since: 1_700_000_000_000 + at,
    seats: 1,
    holder: 'local',
  } as never,
  lastUse: 0 as never,
  ending: undefined,
  channel: undefined,
});

describe('the Sessions page with 100,000 sessions', () => {
  beforeEach(needsBrowser);
  let lm: Awaited<ReturnType<typeof launchHttp>>;
  let browser: Opened;
  beforeAll(async () => {
    if (noBrowser() !== undefined) return;
    const sessions = Array.from({ length: MANY }, (_, at) => session(at));
    const overview = createOverview({
      self: {} as never,
      keystore: { keys: () => [] } as never,
      authority: { sessions: () => sessions.values() } as never,
      peers: { all: () => [], sessions: () => [] } as never,
    });
    const assets = await loadAssets();
    if (assets === undefined) throw new Error('the pages are not built: node scripts/bootstrap.js scripts/build-acc.ts');
    lm = await launchHttp({ overview, assets });
    browser = await launchBrowser(`http://127.0.0.1:${lm.port}`);
  });
  afterAll(async () => {
    await browser?.close();
    await lm?.close();
  });

  it('turns pages, sorts and searches within a second each, and draws a page of rows', async () => {
    const watched = await browser.open();
    const { page } = watched;
    const first = page.locator('tbody tr td').first();
    const timed = async (what: string, act: () => Promise<void>, wanted: string): Promise<readonly [string, number]> => {
      const before = performance.now();
      await act();
      await first.getByText(wanted, { exact: true }).waitFor();
      return [what, performance.now() - before];
    };
    await goTo(watched, `http://127.0.0.1:${lm.port}`, 'sessions');
    const times = [
      await timed('Next', () => page.getByRole('button', { name: 'Next' }).click(), 'user-20'),
      await timed('Back', () => page.getByRole('button', { name: 'Back' }).click(), 'user-0'),
      await timed('sort', () => page.getByRole('button', { name: 'User', exact: true }).dblclick(), 'user-99999'),
      await timed('search', () => page.getByLabel('Search sessions').fill('user-4711'), 'user-47119'),
    ];
    console.log(`100,000 sessions: ${times.map(([what, ms]) => `${what} ${ms.toFixed(0)} ms`).join(', ')}`);
    for (const [what, ms] of times) await expectWithin(ms, 1_000, what);
    await page.getByLabel('Search sessions').fill('');
    await page.getByText('1 to 20 of 100,000').waitFor();
    expect(await page.locator('tbody tr').count()).toBe(20);
    await watched.context.close();
    expect(watched.faults()).toEqual([]);
  });
});
