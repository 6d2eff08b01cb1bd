import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Acc, FEATURE, goTo, needsBrowser, noBrowser, openAcc, type Watched } from './acc-browser.ts';
import { button, file, messages, textOf } from './acc-use.ts';
import { freePort, startLoneLm } from './lone-lm.ts';

// Every action of the pages, done as people do it: by the names that are seen or read out.

describe('every action of the Admin Control Center (C2, C3)', () => {
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

  it('disconnects a session after a question; it leaves the page by itself', async () => {
    const held = await acc.lm.hold(acc.vendor.vendorCode, FEATURE.one);
    await go('sessions');
    await button(page, /^Disconnect .* from feature 11$/).click();
    await button(page.getByRole('dialog'), 'Cancel').click();
    expect(await page.locator('tbody tr').count()).toBe(1);
    await button(page, /^Disconnect /).click();
    await button(page.getByRole('dialog'), 'Disconnect').click();
    await page.getByText('its seat is free').waitFor();
    await page.getByText('No application uses a key of this computer now.').waitFor();
    await held.end();
  });

  it('shows a new session without a click (live)', async () => {
    await go('sessions');
    await page.getByText('No application uses a key').waitFor();
    const held = await acc.lm.hold(acc.vendor.vendorCode, FEATURE.many);
    await page.locator('tbody tr').waitFor({ timeout: 3_000 });
    expect(await page.locator('tbody tr').count()).toBe(1);
    await held.end();
    await page.getByText('No application uses a key').waitFor();
  });

  it('applies files one after the other and says of each what became of it, with the remedy', async () => {
    await go('keys');
    const { text: c2v } = await (async () => {
      await page.getByRole('link', { name: acc.key }).click();
      return saving(() => button(page, 'Save C2V').click());
    })();
    const v2c = acc.vendor.issue(c2v);
    await go('update');
    await page
      .locator('#files')
      .setInputFiles([file('good.v2c', v2c), file('bad.v2c', 'nothing of ours'), file('cut.v2c', v2c.slice(0, 300))]);
    await page.locator('.handed progress').first().waitFor({ state: 'detached' });
    const handed = (name: string): Locator => page.locator('.handed', { hasText: name });
    await handed('good.v2c').getByText('Applied').waitFor();
    await handed('bad.v2c').getByRole('alert').waitFor();
    expect(await handed('bad.v2c').getByRole('alert').locator('p').count()).toBe(3);
    expect(await handed('cut.v2c').getByRole('alert').textContent()).toMatch(/part of it is missing/);
    await page.locator('#files').setInputFiles([file('good-again.v2c', v2c)]);
    await handed('good-again.v2c').getByRole('alert').waitFor();
  });

  it('takes a file that is dropped on any page, and shows progress when it takes longer', async () => {
    await go('features');
    const { promise: seen, resolve: answerNow } = Promise.withResolvers<void>();
    await page.route('**/api/v1/apply', async (route) => {
      await seen;
      await route.continue();
    });
    const files = await page.evaluateHandle(
      `(() => { const all = new DataTransfer(); all.items.add(new File(['no license'], 'dropped.v2c')); return all; })()`,
    );
    await page.dispatchEvent('main', 'dragenter', { dataTransfer: files });
    await page.getByText('Drop to apply').waitFor();
    await page.dispatchEvent('main', 'drop', { dataTransfer: files });
    await page.locator('.handed', { hasText: 'dropped.v2c' }).getByRole('progressbar').waitFor();
    answerNow();
    await page.locator('.handed', { hasText: 'dropped.v2c' }).getByRole('alert').waitFor();
    expect(page.url()).toContain('#/update');
  });

  it('shows progress on what takes longer than half a second', async () => {
    await go('diagnostics');
    const { promise: seen, resolve: answerNow } = Promise.withResolvers<void>();
    await page.route('**/api/v1/diagnostics/report', async (route) => {
      await seen;
      await route.continue();
    });
    const saved = saving(() => button(page, 'Generate report').click());
    await page.getByRole('progressbar', { name: 'Making the report' }).waitFor();
    answerNow();
    expect((await saved).name).toBe('keyhaven-report.txt');
    await page.getByRole('progressbar').waitFor({ state: 'detached' });
  });

  it('makes a first key, and saves the fingerprint', async () => {
    await go('update');
    await page.getByLabel('Vendor code').fill(acc.vendor.vendorCode);
    const c2v = await saving(() => button(page, 'Save key.c2v').click());
    expect(c2v.text).toMatch(/^-----BEGIN KEYHAVEN C2V-----/);
    expect((await saving(() => button(page, 'Save the fingerprint only').click())).text).toContain('host_fingerprint');
    await page.getByLabel('Vendor code').fill('not a code');
    await button(page, 'Save key.c2v').click();
    await messages(page).and(page.locator('.bad')).waitFor();
  });

  it('lends a product by files, and the other computer gives it back', async () => {
    const state = await mkdtemp(join(tmpdir(), 'keyhaven-acc-other-'));
    const other = await startLoneLm(state);
    try {
      const there: Watched = { ...watched, page: await watched.context.newPage() };
      const url = `http://127.0.0.1:${other.port}`;
      await goTo(there, url, 'diagnostics');
      const id = await textOf(
        (async () => {
          const download = there.page.waitForEvent('download');
          await button(there.page, 'Save ID file').click();
          return download;
        })(),
      );
      expect(id.text).toContain('BEGIN KEYHAVEN ID');
      await go('update');
      await page.locator('#files').setInputFiles([file('other.id', id.text)]);
      await page.getByText('This is the ID of another computer').waitFor();

      await go('products');
      await page.locator('tr', { hasText: 'Charts' }).getByRole('button', { name: 'Detach Charts …' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('ID file of the other computer').setInputFiles([file('other.id', id.text)]);
      await dialog.getByLabel('Days').fill('3');
      const h2r = await saving(() => button(dialog, 'Detach').click());
      expect(h2r.text).toContain('BEGIN KEYHAVEN H2R');
      const cell = (head: string): Locator => page.locator('tr', { hasText: 'Charts' }).locator(`td[data-label="${head}"]`);
      await expect.poll(() => cell('Detached').textContent()).toBe('1');
      expect([await cell('Seats').textContent(), await cell('Available').textContent()]).toEqual(['3', '2']);
      await go(`key?id=${acc.key}`);
      await page.getByRole('heading', { name: 'Lent to other computers' }).waitFor();

      await goTo(there, url, 'update');
      await there.page.locator('#files').setInputFiles([file('lent.h2r', h2r.text)]);
      await there.page.locator('.handed').getByText('Applied').waitFor();
      await goTo(there, url, 'products');
      await there.page.getByText(/^Lent here until /).waitFor();
      const extend = there.page.waitForEvent('download');
      await button(there.page, 'Extend by file lent license').click();
      expect((await textOf(extend)).text).toContain('BEGIN KEYHAVEN ID');
      await goTo(there, url, 'keys');
      await there.page.getByText(/^Lent to this computer until /).waitFor();
      await there.page.locator('tbody').getByRole('link').first().click();
      await button(there.page, 'Return lent license …').click();
      const r2h = await textOf(
        (async () => {
          const download = there.page.waitForEvent('download');
          await button(there.page.getByRole('dialog'), 'Return').click();
          return download;
        })(),
      );
      await go('update');
      await page.locator('#files').setInputFiles([file('back.r2h', r2h.text)]);
      await page.locator('.handed', { hasText: 'back.r2h' }).getByText('Applied').waitFor();
      await go(`key?id=${acc.key}`);
      await page.getByRole('heading', { name: 'Lent to other computers' }).waitFor({ state: 'detached' });
    } finally {
      await other.end();
      await rm(state, { recursive: true, force: true });
    }
  });

  it('names a key, finds it by its name, and takes the name away', async () => {
    await go(`key?id=${acc.key}`);
    await button(page, 'Name …').click();
    const dialog = page.getByRole('dialog', { name: 'Name the key' });
    await dialog.getByLabel('Name', { exact: false }).fill('  Drawing <b>office ');
    await button(dialog, 'Save').click();
    await page.getByText('The key has its name.').waitFor();
    const facts = page.locator('main .facts').first();
    await expect.poll(() => facts.textContent()).toContain('Drawing <b>office');
    await go('keys?q=drawing');
    const row = page.locator('tbody tr');
    await row.getByText('Drawing <b>office').waitFor();
    expect(await row.count()).toBe(1);
    await row.getByRole('link', { name: acc.key }).click();
    await button(page, 'Rename …').click();
    expect(await dialog.getByLabel('Name', { exact: false }).inputValue()).toBe('Drawing <b>office');
    await dialog.getByLabel('Name', { exact: false }).fill('');
    await button(dialog, 'Save').click();
    await button(page, 'Name …').waitFor();
    expect(await facts.textContent()).not.toContain('Drawing');
  });

  it('asks for the ID file before a key moves, and says why one is not taken', async () => {
    await go(`key?id=${acc.key}`);
    await button(page, 'Move to another computer …').click();
    const dialog = page.getByRole('dialog');
    expect(await button(dialog, 'Move').isDisabled()).toBe(true);
    await dialog.getByLabel('ID file of the other computer').setInputFiles([file('no.id', 'nothing')]);
    await button(dialog, 'Move').click();
    await messages(page).and(page.locator('.bad')).waitFor();
  });

  it('changes settings, says what waits for a restart, refuses what is wrong, and sets defaults', async () => {
    await go('configuration?tab=remote');
    const field = page.getByLabel('Broadcast Search for Remote Licenses');
    await field.click();
    await button(page, 'Save').click();
    await page.getByText('Saved.').first().waitFor();
    await page.reload();
    await field.waitFor();
    expect(await field.isChecked()).toBe(false);
    await page.getByLabel('Remote License Search Parameters').fill('not a host!');
    await button(page, 'Save').click();
    const refused = messages(page).and(page.locator('.bad'));
    await refused.waitFor();
    await button(page, 'Cancel').click();
    await button(page, 'Set Defaults').click();
    await button(page.getByRole('dialog'), 'Set Defaults').click();
    await expect.poll(() => field.isChecked()).toBe(true);
    await go('configuration?tab=network');
    await page.getByLabel('Separate Port for Administration').fill('1950');
    await button(page, 'Save').click();
    await page.getByText('After a restart of the license manager: adminPort').waitFor();
    await page.getByText('after a restart; now none').waitFor();
    await button(page, 'Set Defaults').click();
    await button(page.getByRole('dialog'), 'Set Defaults').click();
    await page.getByText('after a restart; now none').waitFor({ state: 'detached' });
  });

  it('edits the log parameters by their names, and keeps what is not saved while tabs are changed', async () => {
    await go('configuration');
    const pattern = page.getByLabel('Log Parameters', { exact: true });
    await pattern.fill('from ');
    await button(page, '{clientaddr}').click();
    expect(await pattern.inputValue()).toBe('from {clientaddr}');
    await page.getByText('from 192.0.2.7', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'Network', exact: true }).last().click();
    await page.getByLabel('Proxy Address').waitFor();
    await page.getByRole('link', { name: /^Basic Settings •/ }).click();
    expect(await pattern.inputValue()).toBe('from {clientaddr}');
    await button(page, 'Save').click();
    await page.getByText('Saved.').waitFor();
    expect(await page.getByRole('link', { name: /•/ }).count()).toBe(0);
    await button(page, 'Set Defaults').click();
    await button(page.getByRole('dialog'), 'Set Defaults').click();
    await expect.poll(() => pattern.inputValue()).toContain('{timestamp} {clientaddr}:{clientport}');
  });

  it('keeps user restrictions line by line', async () => {
    await go('configuration?tab=users');
    await page.getByLabel('User Restrictions').fill('deny=eve@*\nallow=*@*');
    await button(page, 'Save').click();
    await page.getByText('Saved.').waitFor();
    await page.reload();
    await page.getByLabel('User Restrictions').waitFor();
    expect(await page.getByLabel('User Restrictions').inputValue()).toBe('deny=eve@*\nallow=*@*');
    await button(page, 'Set Defaults').click();
    await button(page.getByRole('dialog'), 'Set Defaults').click();
    await expect.poll(() => page.getByLabel('User Restrictions').inputValue()).toBe('');
  });

  it('issues an identity, shows its secret once, disables and removes it', async () => {
    await go('configuration?tab=identities');
    await button(page, 'Issue an identity …').click();
    await page.getByRole('dialog').getByLabel('Issued to').fill('Build server');
    await button(page.getByRole('dialog'), 'Issue').click();
    await page.getByRole('dialog').getByText('The secret is not told again.').waitFor();
    await button(page.getByRole('dialog'), 'Done').click();
    const row = page.locator('tr', { hasText: 'Build server' });
    await row.getByText('login, list: every key').waitFor();
    await button(row, 'Change …').click();
    const change = page.getByRole('dialog', { name: /^Change id-/ });
    await change.getByLabel('May see keys').uncheck();
    await change.getByLabel('Limited to').fill('123:5 456');
    await change.getByLabel('Expires at the end of').fill('2090-12-31');
    await change.getByLabel('Maximum number of computers').fill('2');
    await button(change, 'Change').click();
    await row.getByText('login: 123:5 456').waitFor();
    await row.getByText('0 of 2').waitFor();
    await button(row, 'Change …').click();
    expect(await change.getByLabel('Limited to').inputValue()).toBe('123:5 456');
    expect(await change.getByLabel('Expires at the end of').inputValue()).toBe('2090-12-31');
    await change.getByLabel('Limited to').fill('');
    await change.getByLabel('Expires at the end of').fill('2020-12-31');
    await button(change, 'Change').click();
    await row.getByText('login: every key').waitFor();
    await row.getByText('Expired', { exact: true }).waitFor();
    await row.getByRole('cell', { name: 'never', exact: true }).waitFor();
    await button(row, 'Disable').click();
    await button(row, 'Enable').waitFor();
    await button(row, 'Remove …').click();
    await button(page.getByRole('dialog'), 'Remove').click();
    await page.getByText('No identity was issued yet.').waitFor();
    expect(await row.count()).toBe(0);
  });

  it('sets a password, logs in and out with it, and takes it away', async () => {
    await go('configuration');
    await page.getByLabel('New password').fill('correct horse battery');
    await page.getByLabel('Again').fill('correct horse battery');
    await button(page, 'Set password').click();
    const dialog = page.getByRole('dialog', { name: 'Log in' });
    await dialog.getByLabel('Password of the administrator').fill('a wrong one');
    await button(dialog, 'Log in').click();
    await dialog.getByRole('alert').waitFor();
    await dialog.getByLabel('Password of the administrator').fill('correct horse battery');
    await button(dialog, 'Log in').click();
    await button(page, 'Log out').waitFor();
    await button(page, 'Log out').click();
    await button(page, 'Log in').waitFor();
    expect(await page.getByLabel('Machine Name').isDisabled()).toBe(true);
    await button(page, 'Log in').click();
    await dialog.getByLabel('Password of the administrator').fill('correct horse battery');
    await button(dialog, 'Log in').click();
    await button(page, 'No password').click();
    await page.getByText('There is no password any more').waitFor();
  });

  it('makes a new LM id after a question', async () => {
    await go('diagnostics');
    await button(page, 'Create new LM id …').click();
    await button(page.getByRole('dialog'), 'Create').click();
    const told = page.getByText(/The new LM id .* holds from/);
    await told.waitFor();
    await page.getByText('New LM id', { exact: true }).first().waitFor();
    const [, made = ''] = /The new LM id (\S+) holds/.exec((await told.textContent()) ?? '') ?? [];
    await expect.poll(() => page.locator('main .facts').textContent()).toContain(`${made}, after a start`);
  });

  it('examines the network and writes firewall rules', async () => {
    await go('network');
    await page.getByLabel('Computers to examine').fill(`127.0.0.1:${await freePort()}`);
    await button(page, 'Examine').click();
    await page.getByRole('table', { name: 'What the doctor found' }).waitFor({ timeout: 20_000 });
    await button(page, 'Rules for nftables').click();
    await page.getByLabel('Firewall rules for nftables').waitFor();
    expect((await saving(() => button(page, 'Save keyhaven.nft').click())).text).toContain('chain keyhaven-in');
  });

  it('draws the seats of the last days, and says what the computer is', async () => {
    await go('overview');
    await page.getByRole('img', { name: /^Seats over time: now/ }).waitFor();
    await page.getByLabel('Time of the chart').selectOption('7');
    await page
      .getByRole('img', { name: /^Most seats in use and refusals/ })
      .locator('canvas')
      .waitFor();
    await go('diagnostics');
    const facts = (await page.locator('main .facts').textContent()) ?? '';
    for (const each of ['Operating system', 'Logins now', 'Computers with sessions', 'keyhaven.ini']) expect(facts).toContain(each);
  });

  it('saves the usage as CSV and checks the chain of the audit', async () => {
    await acc.lm.login(acc.vendor.vendorCode, FEATURE.many);
    await go('usage');
    await page.locator('tbody tr').first().waitFor();
    const csv = await saving(() => page.getByRole('link', { name: 'Save as CSV' }).click());
    expect(csv.name).toMatch(/^keyhaven-usage-feature-/);
    expect(csv.text.split('\r\n')[0]).toContain('feature');
    await go('log?tab=audit');
    await button(page, 'Check the chain').click();
    await page.getByText(/^Records \d+ to \d+ fit together\.$/).waitFor();
  });

  it('leaves a file to the dialog that it is dropped on', async () => {
    await go(`key?id=${acc.key}`);
    await button(page, 'Move to another computer …').click();
    const files = await page.evaluateHandle(
      `(() => { const all = new DataTransfer(); all.items.add(new File(['an id'], 'other.id')); return all; })()`,
    );
    await page.getByRole('dialog').getByLabel('ID file of the other computer').dispatchEvent('drop', { dataTransfer: files });
    expect(page.url()).toContain('#/key?id=');
    expect(await page.locator('.dropping').count()).toBe(0);
  });

  it('says so when the license manager is gone, and goes on by itself when it is back', async () => {
    await go('keys');
    await page.getByText(acc.key).waitFor();
    await acc.stop();
    await page.getByText('The license manager does not answer.').waitFor({ timeout: 20_000 });
    expect(await page.getByText(acc.key).count()).toBeGreaterThan(0);
    await acc.start();
    await page.getByText('The license manager does not answer.').waitFor({ state: 'detached', timeout: 20_000 });
    const faults = watched.faults().filter((each) => !each.includes('net::ERR_'));
    watched = { ...watched, faults: () => faults };
  });
});
