import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { createTestVendor, freeTcpPort, startLocalLm } from '@keyhaven/testkit/local-lm';
import { describe, expect, it, type TestContext } from 'vitest';
import { launchBrowser, needsBrowser } from './acc-browser.ts';

// Unmodified programs of others know the license manager for what it is, and upload to it (C6).

type Ran = { readonly code: number; readonly text: string };
const run = (program: string, ...args: string[]): Promise<Ran | undefined> =>
  new Promise((resolve) => {
    execFile(program, args, { timeout: 120_000 }, (error, stdout, stderr) => {
      if (error !== null && 'code' in error && error.code === 'ENOENT') return resolve(undefined);
      resolve({ code: error === null ? 0 : 1, text: `${stdout}${stderr}` });
    });
  });
const needs = async (context: TestContext, program: string): Promise<void> => {
  if ((await run(program, '--version')) === undefined) context.skip(`${program} is not installed`);
};

describe('programs of others', () => {
  it('nmap -sV names the license manager', async (context) => {
    await needs(context, 'nmap');
    await using lm = await startLocalLm();
    const found = await run('nmap', '-sV', '-Pn', '-n', '-p', String(lm.port), '127.0.0.1');
    expect(found?.text).toMatch(/open\s+http\s+Aladdin\/SafeNet HASP license manager [\w._-]+/);
    // Nothing that nmap sent has stopped it.
    expect(JSON.parse(await lm.ask('GET', '/api/v1/status'))).toMatchObject({ name: 'test-lm' });
  });

  it('whatweb names the license manager', async (context) => {
    await needs(context, 'whatweb');
    await using lm = await startLocalLm();
    const found = await run('whatweb', '--color=never', `http://127.0.0.1:${lm.port}/`);
    expect(found?.text).toMatch(/Aladdin-HASP-License-Manager/);
  });

  it('curl uploads a license, and is told what is wrong with another one', async (context) => {
    await needs(context, 'curl');
    await using lm = await startLocalLm();
    const vendor = createTestVendor('products:\n  - id: 1\n    name: P\n    features: [{ id: 42, license: { type: perpetual } }]\n');
    const file = join(lm.stateDirectory, '..', `interoperability-${lm.port}.v2c`);
    context.onTestFinished(() => rm(file, { force: true }));
    await writeFile(file, vendor.issue(await lm.ask('POST', '/api/v1/c2v', { vendorCode: vendor.vendorCode })));
    const upload = (): Promise<Ran | undefined> =>
      run('curl', '-sS', '--fail-with-body', '-F', `check_in_file=@${file}`, `http://127.0.0.1:${lm.port}/_int_/checkin_file.html`);
    expect(await upload()).toMatchObject({ code: 0, text: expect.stringContaining('var error = 0;') });
    expect(JSON.parse(await lm.ask('GET', '/api/v1/features'))).toHaveLength(1);
    expect(await upload()).toMatchObject({ code: 1, text: expect.stringMatching(/var error = (?:54|65);/) });
    const feed = await run('curl', '-sS', `http://127.0.0.1:${lm.port}/tab_feat.html`);
    expect(feed?.text).toContain('"fid":"42"');
  });

  it('keyhaven identity issues, lists, switches off and takes away what REST clients show', async () => {
    await using lm = await startLocalLm();
    const program = join(import.meta.dirname, '../../packages/cli/bin/keyhaven.js');
    const keyhaven = (...args: string[]): Promise<Ran | undefined> =>
      run(process.execPath, program, 'identity', ...args, '--lm', `127.0.0.1:${lm.port}`);
    const added = await keyhaven(
      'add',
      'a build computer',
      '--id',
      'build-7',
      '--right',
      'login',
      '--limit',
      '123:5',
      '--expires',
      '2030-12-31',
      '--computers',
      '3',
    );
    expect(added?.text).toMatch(/^identity build-7\nsecret [0-9a-f]{32}\n/);
    expect((await keyhaven('list'))?.text).toMatch(
      /build-7 +a build computer +login +123:5 +2030-12-31T23:59:59.000Z +enabled +0 of 3 +never/,
    );
    expect(await keyhaven('change', 'build-7', '--computers', '2', '--unregister', 'lab-1')).toMatchObject({ code: 0 });
    expect((await keyhaven('list'))?.text).toContain('0 of 2');
    expect((await keyhaven('change', 'build-7', '--computers', 'x'))?.text).toMatch(/^error 501 /);
    expect(await keyhaven('change', 'build-7', '--any-computer')).toMatchObject({ code: 0 });
    expect((await keyhaven('disable', 'build-7'))?.text).toBe('identity build-7 is disabled\n');
    expect(JSON.parse((await keyhaven('list', '--json'))?.text ?? '')).toMatchObject([{ id: 'build-7', disabled: true }]);
    expect((await keyhaven('enable', 'build-7'))?.code).toBe(0);
    expect((await keyhaven('change', 'build-7', '--expires', '2020-01-31'))?.code).toBe(0);
    expect((await keyhaven('list'))?.text).toMatch(/2020-01-31T23:59:59.000Z +expired/);
    expect((await keyhaven('remove', 'build-7'))?.code).toBe(0);
    expect(await keyhaven('remove', 'build-7')).toMatchObject({ code: 1, text: expect.stringMatching(/^error 9 /) });
    expect((await keyhaven('add', 'x', '--limit', 'y'))?.text).toMatch(/^error 501 /);
    expect((await keyhaven('list'))?.text).toContain('There is no identity.');
  });

  it('whoever asks in HTTP/1.0 with a Host header is served as everybody', async () => {
    await using lm = await startLocalLm();
    const ask = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        let answer = '';
        const socket = connect(lm.port, '127.0.0.1', () => socket.write(text));
        socket
          .on('data', (chunk) => (answer += chunk.toString('latin1')))
          .on('end', () => resolve(answer))
          .on('error', reject);
      });
    expect(await ask('GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.0 302 Moved\r\nServer: HASP LM\//);
    expect(await ask('GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await ask('GET / HTTP/1.0\r\nHost: localhost\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await ask('OPTIONS / RTSP/1.0\r\n\r\n')).toMatch(/^HTTP\/0\.0 501 Not Implemented\r\n/);
  });
});

describe('a script that drives a browser', () => {
  const open = async (context: TestContext) => {
    needsBrowser(context);
    const directory = await mkdtemp(join(tmpdir(), 'keyhaven-driven-'));
    context.onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const port = await freeTcpPort();
    const overrides = { bind: ['127.0.0.1'], port, name: 'driven' };
    const file = join(directory, 'keyhaven.ini');
    await writeFile(file, '[REMOTE]\nbroadcastsearch = 0\n');
    const settings = parseSettings('', { ...overrides, search: { broadcast: false } });
    const lm = await startAdminLm({ settings, configuration: { file, overrides }, stateDirectory: join(directory, 'state') });
    context.onTestFinished(() => lm.close());
    const url = `http://127.0.0.1:${port}`;
    const browser = await launchBrowser(url);
    context.onTestFinished(() => browser.close());
    const { page, faults } = await browser.open();
    return { url, page, faults, ini: () => readFile(file, 'utf8') };
  };

  it('sets the search of remote license managers with the ids and the link that it knows', async (context) => {
    const { url, page, faults, ini } = await open(context);
    for (const [path, server] of [
      ['/_int_/config_to.html', '192.0.2.1'],
      ['/conf_to.html', '192.0.2.2'],
    ] as const) {
      await page.goto(`${url}${path}`);
      const box = page.locator('#aggressive');
      if (server === '192.0.2.1') await box.check();
      else await box.uncheck();
      await page.locator('#serverlist').fill(`${server}\nlicense.example\n`);
      await page.getByRole('link', { name: 'Submit', exact: true }).click();
      await page.getByText('The settings are changed.').waitFor();
      await page.reload();
      expect(await box.isChecked()).toBe(server === '192.0.2.1');
      expect(await page.locator('#serverlist').inputValue()).toBe(`${server}\nlicense.example`);
      expect(await ini()).toContain(server);
    }
    expect(faults()).toEqual([]);
  });

  it('chooses one of the four modes of access, and is told what is refused', async (context) => {
    const { url, page, ini } = await open(context);
    await page.goto(`${url}/_int_/config_from.html`);
    await page.locator('#accessfromremote_secure').check();
    await page.getByRole('link', { name: 'Submit', exact: true }).click();
    await page.getByText('The settings are changed.').waitFor();
    await page.goto(`${url}/conf_from.html`);
    expect(await page.locator('input:checked').count()).toBe(1);
    expect(await page.locator('#accessfromremote_secure').isChecked()).toBe(true);
    const before = await ini();
    await page.goto(`${url}/conf_to.html`);
    await page.locator('#serverlist').fill('no address at all <b>');
    await page.getByRole('link', { name: 'Submit', exact: true }).click();
    await page.getByText('The settings are as before.').waitFor();
    expect(await page.locator('#said b').count()).toBe(0);
    expect(await ini()).toBe(before);
  });
});
