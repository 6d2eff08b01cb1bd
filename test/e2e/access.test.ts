import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goTo, launchBrowser, needsBrowser } from './acc-browser.ts';
import { type LoneLm, startLoneLm } from './lone-lm.ts';

// R9 through the settings file, the command line and the page, on a real license manager.

const vendor = createTestVendor(
  'products: [{ id: 1, name: Survey, features: [{ id: 42, license: { type: perpetual }, concurrency: { seats: 3 } }, { id: 43, license: { type: perpetual } }] }]',
);
const { username } = userInfo();
let directory: string;
let lm: LoneLm;

const configured = async (toml: string): Promise<LoneLm> => {
  const file = join(directory, 'settings.toml');
  await writeFile(file, toml);
  return startLoneLm(join(directory, 'state'), ['--config', file]);
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyhaven-access-'));
  lm = await configured(`[access]\nusers = ["deny=${username},feature:43", "allow=captain,feature:42,reserve=2"]\n`);
  const [c2v, v2c] = [join(directory, 'a.c2v'), join(directory, 'a.v2c')];
  expect(await lm.ask('c2v', '--vendor-code', vendor.vendorCode, '--out', c2v)).toMatchObject({ code: 0 });
  await writeFile(v2c, vendor.issue(await readFile(c2v, 'utf8')));
  expect(await lm.ask('apply', v2c)).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await lm?.end();
  await rm(directory, { recursive: true, force: true });
});

describe('who may take a seat (R9)', () => {
  it('a user who is denied gets 53, and one who meets a reservation gets 38', async () => {
    expect(await lm.login(vendor.vendorCode, 43)).toMatchObject({ status: 53, name: 'USER_DENIED' });
    const held = await lm.hold(vendor.vendorCode, 42);
    expect(held.status).toBe(0);
    expect(await lm.login(vendor.vendorCode, 42)).toMatchObject({
      status: 38,
      message: expect.stringContaining('2 are reserved') as string,
    });
    await held.end();
  });

  it('"denials" tells who was refused and by which rule, in a table and as JSON', async () => {
    const json: unknown = JSON.parse((await lm.ask('denials', '--json')).stdout);
    const denied = { status: 53, name: 'USER_DENIED', user: username, feature: 43, product: 1, rule: `deny=${username},feature:43` };
    expect(json).toEqual([
      expect.objectContaining({ status: 38, feature: 42, user: username, rule: null }),
      expect.objectContaining({
        ...denied,
        address: '127.0.0.1',
        licenseManager: 'local',
        cause: expect.stringContaining('deny feature 43') as string,
      }),
    ]);
    const table = await lm.ask('denials', '--limit', '1');
    expect([table.code, table.stdout.split('\n').length, table.stdout]).toEqual([
      0,
      3,
      expect.stringMatching(/38 TOO_MANY_USERS .*reserved/),
    ]);
    expect(await lm.ask('denials', '--limit', 'x')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: option '--limit <n>' /),
    });
  });

  it('the page shows them, without letting a name become markup', async (context) => {
    needsBrowser(context);
    const url = `http://127.0.0.1:${lm.port}`;
    const browser = await launchBrowser(url);
    try {
      const watched = await browser.open();
      await goTo(watched, url, 'overview');
      const refusals = await watched.page.getByRole('table', { name: 'Refusals' }).textContent();
      expect(refusals).toContain(`deny=${username},feature:43`);
      expect(watched.faults()).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  it('a rule that is not understood stops the license manager, which names each faulty line', async () => {
    await expect(configured('[access]\nusers = ["allow=ada", "dney=bob"]\nclients = ["deny=10.0.0.0/40"]\n')).rejects.toThrow(
      /error 501 INVALID_PARAMETER: .*access\.users\.1: .*dney=bob.*access\.clients\.0: .*10\.0\.0\.0\/40/,
    );
  });
});
