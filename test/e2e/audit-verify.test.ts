import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LicensingError } from '@keyhaven/core/errors';
import { createLicensing } from '@keyhaven/licensing-api/licensing';
import { createTestVendor, startLocalLm } from '@keyhaven/testkit/local-lm';
import { systemEntropy } from '@keyhaven/vendor-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// What an administrator finds out from the command line (C5): that somebody wrote to the audit, and that the disk is full.

const KEYHAVEN = new URL('../../packages/cli/bin/keyhaven.js', import.meta.url).pathname;
type Said = { readonly code: number; readonly stdout: string; readonly stderr: string };
/** Not in one step: the license manager that is asked is in this process. */
const run = (words: readonly string[]): Promise<Said> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, [KEYHAVEN, ...words], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });

const CATALOG =
  'products: [{ id: 1, name: One, features: [{ id: 42, name: A, license: { type: perpetual }, concurrency: { seats: 1 } }] }]';

describe('keyhaven audit verify (C5)', () => {
  const root = mkdtempSync(join(tmpdir(), 'keyhaven-audit-'));
  const original = join(root, 'original');
  let records = 0;
  let copies = 0;

  beforeAll(async () => {
    const local = await startLocalLm({ stateDirectory: original });
    await local.license(createTestVendor(CATALOG, 7));
    for (let index = 0; index < 8; index += 1) await local.ask('DELETE', `/api/v1/sessions/none-${index}`).catch(() => undefined);
    await local.stop();
    records = 0;
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  /** What is said of a copy of that state in which somebody did this to the audit. */
  const verified = async (sql: string, ...words: string[]) => {
    copies += 1;
    const stateDirectory = join(root, `copy-${copies}`);
    cpSync(original, stateDirectory, { recursive: true });
    const database = new DatabaseSync(join(stateDirectory, 'ledger.db'));
    database.exec(sql);
    database.close();
    await using local = await startLocalLm({ stateDirectory });
    return await run(['audit', 'verify', '--lm', `127.0.0.1:${local.port}`, ...words]);
  };
  const fault = /^error 47 STORAGE_CORRUPT: .*Record (\d+) of the audit is the first that does not fit: (.+)\.\n/;

  it('says that all fit, how many, and the last hash', async () => {
    const { code, stdout, stderr } = await verified('SELECT 1');
    expect([code, stderr]).toEqual([0, '']);
    records = Number(/^All (\d+) records fit: 1 to \d+\.\nThe last hash is [0-9a-f]{64}\.\n$/.exec(stdout)?.[1]);
    expect(records).toBeGreaterThan(8);
  });

  const last = '(SELECT max(first) FROM audit WHERE first < (SELECT max(first) FROM audit))';
  it.each([
    ['edited', "UPDATE audit SET entries = replace(entries, 'none-3', 'none-4')"],
    ['cut off at the end', `DELETE FROM audit WHERE first >= ${last}`],
    ['emptied', 'DELETE FROM audit'],
    [
      'put in another order',
      `CREATE TEMP TABLE kept AS SELECT first, entries FROM audit WHERE first IN (SELECT first FROM audit WHERE entries LIKE '%none-2%' OR entries LIKE '%none-5%');
       UPDATE audit SET entries = (SELECT entries FROM kept WHERE kept.first <> audit.first) WHERE first IN (SELECT first FROM kept)`,
    ],
  ])('names the first record where the audit was %s, and ends with 1', async (_what, sql) => {
    const { code, stdout, stderr } = await verified(sql);
    expect(stdout).toBe('');
    expect(code).toBe(1);
    const [, sequence] = fault.exec(stderr) ?? [];
    expect(sequence, stderr).toBeDefined();
    // Its start has added one or two.
    expect(Number(sequence)).toBeLessThanOrEqual(records + 1);
  });
});

describe('what applications do to licenses', () => {
  it('is in the audit with who did it, and how it ended (C5)', async () => {
    await using local = await startLocalLm();
    const vendor = createTestVendor(CATALOG, 7);
    const { vendorCode } = vendor;
    const identity = { pid: process.pid, start: 1, user: 'ada', host: 'drawing', application: 'survey' };
    const licensing = createLicensing(local.address, identity, systemEntropy);
    try {
      const c2v = await local.ask('POST', '/api/v1/c2v', { vendorCode });
      await licensing.update(vendor.issue(c2v));
      await licensing.recipient();
      await expect(licensing.update(vendor.issue(c2v).slice(0, 300))).rejects.toBeInstanceOf(LicensingError);
      await expect(licensing.transfer({ vendorCode, action: 'detach', recipient: 'nobody', lm: 'admin' })).rejects.toBeInstanceOf(
        LicensingError,
      );
    } finally {
      licensing.close();
    }
    const acts = async () =>
      (await local.lm.ledger.audit({ kind: 'administration' })).filter(({ detail }) => detail['by'] === 'application');
    await expect.poll(async () => (await acts()).length).toBe(4);
    const { start: _start, ...who } = { ...identity, by: 'application', address: '127.0.0.1' };
    expect((await acts()).map(({ detail }) => detail).toReversed()).toEqual([
      { act: 'update', ...who, status: 0 },
      { act: 'make ID', ...who, status: 0 },
      { act: 'update', ...who, status: expect.any(Number), cause: expect.stringMatching(/./) },
      { act: 'transfer detach', ...who, status: expect.any(Number), cause: expect.stringMatching(/./) },
    ]);
    const shown = await run(['audit', '--kind', 'administration', '--lm', `127.0.0.1:${local.port}`]);
    expect(shown.stdout).toMatch(
      / administration +- +act="?transfer detach"?, by=application, address=127\.0\.0\.1, user=ada, host=drawing, /,
    );
  });
});

describe('a license manager on a disk that is full (C5)', () => {
  it('is not ready, and says so in its metrics; and is ready when there is space again', async (context) => {
    const stateDirectory = mkdtempSync(join(tmpdir(), 'keyhaven-full-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=0700', 'keyhaven-full', stateDirectory], { stdio: 'ignore' });
    } catch {
      rmSync(stateDirectory, { recursive: true });
      return context.skip('this system does not let this user mount a disk');
    }
    const local = await startLocalLm({ stateDirectory });
    const get = async (path: string): Promise<readonly [number, string]> => {
      const answer = await fetch(`http://127.0.0.1:${local.port}${path}`);
      return [answer.status, await answer.text()];
    };
    try {
      expect(await get('/readyz')).toEqual([200, '{"status":"ready"}']);
      const filler = join(stateDirectory, 'filler');
      for (let bytes = 1 << 20; bytes >= 1; bytes = Math.floor(bytes / 2)) {
        try {
          for (;;) writeFileSync(filler, Buffer.alloc(bytes), { flag: 'a' });
        } catch {
          // A smaller piece may still fit.
        }
      }
      await expect.poll(async () => (await get('/readyz'))[0], { timeout: 20_000, interval: 200 }).toBe(503);
      const [, said] = await get('/readyz');
      expect(JSON.parse(said)).toMatchObject({ status: 503, detail: expect.stringContaining('the ledger cannot be written') });
      expect((await get('/healthz'))[0]).toBe(200);
      // An act whose record cannot be kept is not done (C5).
      const added = await fetch(`http://127.0.0.1:${local.port}/api/v1/c2v`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ vendorCode: createTestVendor(CATALOG, 7).vendorCode }),
      });
      expect([added.status, await added.json()]).toEqual([
        503,
        expect.objectContaining({ code: 43, detail: expect.stringContaining('It is not done') }),
      ]);
      expect((await get('/api/v1/keys'))[1]).toBe('[]');
      expect((await get('/metrics'))[1]).toContain('\nkeyhaven_ledger_writable 0\n');
      rmSync(filler);
      await expect.poll(async () => (await get('/readyz'))[0], { timeout: 20_000, interval: 200 }).toBe(200);
      expect((await get('/metrics'))[1]).toContain('\nkeyhaven_ledger_writable 1\n');
    } finally {
      await local.stop();
      execFileSync('umount', [stateDirectory]);
      rmSync(stateDirectory, { recursive: true });
    }
  });
});
