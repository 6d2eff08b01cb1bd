import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestVendor, startLocalLm } from '@keyhaven/testkit/local-lm';
import { expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemEntropy } from './environment.ts';
import { createLicensing } from './licensing.ts';
import { apiVersion, lmVersionIn, versionOf } from './version.ts';

it('is that of the package, in parts', () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string };
  expect(apiVersion().text).toBe(version);
  expect(versionOf('12.3.45-rc.1')).toEqual({ text: '12.3.45-rc.1', major: 12, minor: 3, patch: 45 });
  for (const none of ['', '1.2', 'v1.2.3', '1.2.3.4', `${'9'.repeat(10)}.0.0`]) expect(versionOf(none)).toBeUndefined();
});

it('is told with that of the license manager in use, which needs no key of the vendor', async () => {
  const local = await startLocalLm();
  onTestFinished(() => local[Symbol.asyncDispose]());
  const licensing = createLicensing(local.address, ownIdentity(), systemEntropy);
  onTestFinished(() => licensing.close());
  const { vendorCode } = createTestVendor('products: [{ id: 1, features: [{ id: 42, license: { type: perpetual } }] }]');
  expect(await licensing.version({ vendorCode })).toEqual({
    api: apiVersion(),
    licenseManagers: [{ guid: local.lm.guid, hostname: 'test-lm', version: apiVersion() }],
  });
  await expect(licensing.version({ vendorCode: '' })).rejects.toMatchObject({ status: 22 });
  await local.stop();
  await expect(licensing.version({ vendorCode })).rejects.toMatchObject({ status: 33 });
});

it('is undefined where a license manager does not say it as releases are named', () => {
  expect(lmVersionIn({ licenseManagers: [] })).toEqual([]);
  expect(lmVersionIn({ licenseManagers: [{ id: 'g', version: 'next', vendors: [] }] })).toEqual([
    { guid: 'g', hostname: '', version: undefined },
  ]);
});
