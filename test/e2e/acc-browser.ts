import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { createTestVendor, type TestVendor } from '@keyhaven/testkit/local-lm';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { TestContext } from 'vitest';
import { type LoneLm, licenseAt, startLoneLm } from './lone-lm.ts';

// The Admin Control Center in Debian's Chromium, at a license manager of its own with a licensed key.

/** Screenshots of each run. */
export const OUTPUT = join(import.meta.dirname, '../../test-output/acc');

export const FEATURE = { many: 10, one: 11, executions: 16 } as const;
const soon = new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 10);
const CATALOG = `
products:
  - id: 1
    name: Survey
    features:
      - { id: 10, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 5, network: true } }
      - { id: 11, name: One seat, license: { type: expiration, until: ${soon} }, concurrency: { seats: 1, network: true } }
      - { id: 14, name: Unlimited, license: { type: perpetual }, concurrency: { network: true } }
      - { id: 16, name: Executions, license: { type: executions, count: 3 }, concurrency: { network: true } }
    memory: { readWrite: 256, readOnly: 64 }
  - id: 2
    name: Charts
    features:
      - { id: 20, name: Charts, license: { type: perpetual }, concurrency: { seats: 3, network: true }, detachable: true }
`;

const program = (): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'chromium'))
    .find((file) => existsSync(file));

/** Why there can be no browser here; undefined where there is one. */
export const noBrowser = (): string | undefined => (program() === undefined ? 'chromium is not installed' : undefined);

/** For `beforeEach`. */
export const needsBrowser = (context: TestContext): void => {
  const reason = noBrowser();
  if (reason !== undefined) context.skip(reason);
};

export type Watched = {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page complained of, and requests that left the license manager. */
  faults(): readonly string[];
};
export type Wish = {
  readonly width?: 'desktop' | 'phone';
  readonly colours?: 'light' | 'dark';
};
export type Acc = {
  /** The one that runs now. */
  readonly lm: LoneLm;
  readonly vendor: TestVendor;
  readonly key: string;
  readonly url: string;
  open(wish?: Wish): Promise<Watched>;
  /** Ends the license manager, and starts it again at the same place. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
};

const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;

const watch = (context: BrowserContext, page: Page, url: string): Watched => {
  const faults: string[] = [];
  page.on('console', (message) => {
    // A refusal of the license manager is shown by the page; that the browser tells it, too, is no fault of the page.
    const refused = /^Failed to load resource: the server responded with a status of 4\d\d/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !refused) faults.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`thrown: ${error.message}`));
  page.on('dialog', (dialog) => {
    faults.push(`a dialog of a script: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:') && !request.url().startsWith('blob:'))
      faults.push(`left the license manager: ${request.url()}`);
  });
  return { context, page, faults: () => faults };
};

export type Opened = { open(wish?: Wish): Promise<Watched>; close(): Promise<void> };

/** Chromium, whose pages are watched for whatever leaves that URL. */
export const launchBrowser = async (url: string): Promise<Opened> => {
  mkdirSync(OUTPUT, { recursive: true });
  // Of root, in a container: the sandbox of Chromium cannot be made there.
  const browser: Browser = await chromium.launch({ executablePath: program() ?? 'chromium', args: ['--no-sandbox', '--disable-gpu'] });
  return {
    async open({ width = 'desktop', colours = 'light' } = {}) {
      const context = await browser.newContext({
        viewport: SIZES[width],
        colorScheme: colours,
        reducedMotion: 'reduce',
        acceptDownloads: true,
      });
      context.setDefaultTimeout(60_000);
      const page = await context.newPage();
      return watch(context, page, url);
    },
    close: () => browser.close(),
  };
};

export const openAcc = async (more: { readonly catalog?: string; readonly licensed?: false } = {}): Promise<Acc> => {
  const state = mkdtempSync(join(tmpdir(), 'keyhaven-acc-'));
  let lm: LoneLm | undefined;
  let browser: Opened | undefined;
  const close = async (): Promise<void> => {
    await browser?.close();
    await lm?.end();
    rmSync(state, { recursive: true, force: true });
  };
  try {
    const running = await startLoneLm(state);
    lm = running;
    const vendor = createTestVendor(more.catalog ?? CATALOG);
    const key = more.licensed === false ? '' : await licenseAt(running, vendor);
    const url = `http://127.0.0.1:${running.port}`;
    const started = await launchBrowser(url);
    browser = started;
    return {
      get lm() {
        return lm ?? running;
      },
      vendor,
      key,
      url,
      open: started.open,
      async stop() {
        await lm?.end();
      },
      async start() {
        lm = await startLoneLm(state, [], { port: running.port });
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/** A page of the Admin Control Center, when what it has to show is there. */
export const goTo = async ({ page }: Watched, url: string, place: string): Promise<void> => {
  await page.goto(`${url}/#/${place}`);
  await page.locator('main h1').waitFor();
  await page.locator('.waiting').waitFor({ state: 'detached' });
};

/** What axe finds that is serious or critical; each with where. */
export const axeFaults = async ({ page }: Watched): Promise<readonly string[]> => {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .options({ resultTypes: ['violations'] })
    .setLegacyMode()
    .analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(' ')} (${failureSummary ?? ''})`).join('; ')}`,
    );
};
