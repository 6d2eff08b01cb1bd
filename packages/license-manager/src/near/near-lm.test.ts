import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { startNearApplication } from '@keyhaven/testkit/near';
import { expect, it, onTestFinished } from 'vitest';
import { openNearLm } from './index.ts';

const vendor = createTestVendor(`
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 2 } }
    memory: { readWrite: 4032, readOnly: 16, readOnlyData: { text: fleet } }
`);

it('serves an SL UserMode key to its application', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-near-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const lm = await openNearLm({ kind: 'integrated', vendor: 7, directory });
  onTestFinished(() => lm.close());
  const c2v = await lm.c2v({ vendorCode: vendor.vendorCode });
  await lm.apply(vendor.issue(c2v));
  const application = startNearApplication(lm, { pid: process.pid });
  const session = await application.licensing.login({ vendorCode: vendor.vendorCode, feature: 42 });
  const encrypted = await session.encrypt(Buffer.alloc(32, 1));
  expect(Buffer.from(await session.decrypt(encrypted))).toEqual(Buffer.alloc(32, 1));
  await session.logout();
});
