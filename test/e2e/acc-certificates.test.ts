import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Acc, axeFaults, goTo, needsBrowser, noBrowser, OUTPUT, openAcc } from './acc-browser.ts';
import { button, textOf } from './acc-use.ts';

// "Certificates" of a key (field-facts 2.1): who says what it may do, for people, and as a file.

describe('the certificates of a key at the Admin Control Center', () => {
  beforeEach(needsBrowser);
  let acc: Acc;
  beforeAll(async () => {
    if (noBrowser() === undefined) acc = await openAcc();
  });
  afterAll(async () => acc?.close());

  it.each(['desktop', 'phone'] as const)('%s: are read from the list of keys, by keyboard, and saved', async (width) => {
    const watched = await acc.open({ width });
    const { page } = watched;
    await goTo(watched, acc.url, 'keys');
    await button(page, `Certificates of key ${acc.key}`).focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: `Certificates of key ${acc.key}` });
    await dialog.getByText('Signature holds').waitFor();
    const said = (await dialog.textContent()) ?? '';
    for (const each of [/Vendor \d+, (?:[0-9a-f]{4} ?){8}/, 'Echo sounder (10)', '5 per login', '3 executions', 'network'])
      expect(said).toMatch(each);
    expect(await axeFaults(watched)).toEqual([]);
    await page.screenshot({ path: join(OUTPUT, `certificates-${width}.png`) });
    const wider = await dialog
      .locator('article')
      .evaluate((at: { scrollWidth: number; clientWidth: number }) => at.scrollWidth - at.clientWidth);
    expect(wider).toBe(0);
    const saved = page.waitForEvent('download');
    await button(dialog, 'Save as file').click();
    const { name, text } = await textOf(saved);
    expect([name, text.split('\n')[0]]).toEqual([`certificates-${acc.key}.txt`, '-----BEGIN KEYHAVEN certificate-----']);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await page.locator(':focus').getAttribute('aria-label')).toBe(`Certificates of key ${acc.key}`);
    await watched.context.close();
    expect(watched.faults()).toEqual([]);
  });

  it('say so where a signature does not hold, and where there is none', async () => {
    const watched = await acc.open();
    const { page } = watched;
    const fingerprint = '0000 1111 2222 3333 4444 5555 6666 7777';
    const broken = {
      kind: 'vendor',
      signer: { vendor: 7, fingerprint },
      signatureHolds: false,
      fault: 'It was changed.',
      products: [],
      document: '',
    };
    for (const [links, told] of [
      [[broken], 'Signature does not hold'],
      [[], 'Nothing is certified of this key.'],
    ] as const) {
      await page.route('**/certificate', (route) =>
        route.fulfill({ json: { key: acc.key, vendor: 7, vendorFingerprint: fingerprint, links } }),
      );
      await goTo(watched, acc.url, `key?id=${acc.key}`);
      await button(page, 'Certificates').click();
      await page.getByRole('dialog').getByText(told).waitFor();
      await page.keyboard.press('Escape');
      await page.unrouteAll();
      await page.goto('about:blank');
    }
    await watched.context.close();
    expect(watched.faults()).toEqual([]);
  });
});
