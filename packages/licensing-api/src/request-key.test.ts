import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Status } from '@keyhaven/core/errors';
import type { InfoData } from '@keyhaven/core/format';
import { openDocument, readC2v, unarmor } from '@keyhaven/core/license';
import { createTestVendor, freeTcpPort, startLocalLm } from '@keyhaven/testkit/local-lm';
import { startIntegratedApplication } from '@keyhaven/testkit/near';
import { describe, expect, it, onTestFinished } from 'vitest';
import { c2vOfNewKey } from './request-key.ts';

// requestKey: the first SL UserMode key of a user, asked for by his application (T1).

const vendor = createTestVendor('products: [{ id: 1, name: Survey, features: [{ id: 42, license: { type: perpetual } }] }]');
const { vendorCode } = vendor;

/** An application with an Integrated LM of its own, and an Admin LM at `port`. */
const start = async ({ port, available }: { readonly port?: number; readonly available?: boolean } = {}) => {
  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-request-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const adminPort = port ?? (await freeTcpPort());
  const application = startIntegratedApplication({ directory, adminPort, ...(available === undefined ? {} : { available }) });
  onTestFinished(() => application.close());
  return application;
};
const keyIn = (c2v: string) => readC2v(openDocument('C2V', unarmor(c2v).bytes).payload);

describe('requestKey', () => {
  it('makes a key without any Admin LM, that is the same until it is licensed, and is used at once', async () => {
    const { licensing } = await start();
    const c2v = await licensing.requestKey({ vendorCode });
    expect(keyIn(c2v)).toMatchObject({ type: 'sl-usermode', vendor: 7, counter: 0 });
    expect(keyIn(await licensing.requestKey({ vendorCode })).key).toBe(keyIn(c2v).key);
    await licensing.update(vendor.issue(c2v));
    const session = await licensing.login({ vendorCode, feature: 42 });
    expect((await session.info()).key).toBe(keyIn(c2v).key);
    expect(keyIn(await licensing.requestKey({ vendorCode })).key).not.toBe(keyIn(c2v).key);
    await session.logout();
  });

  it('goes to no Admin LM, which holds no such keys (16)', async () => {
    const local = await startLocalLm();
    onTestFinished(() => local[Symbol.asyncDispose]());
    const { licensing } = await start({ port: local.port });
    await licensing.requestKey({ vendorCode });
    const without = await start({ port: local.port, available: false });
    await expect(without.licensing.requestKey({ vendorCode })).rejects.toMatchObject({ status: Status.REQ_NOT_SUPP });
    await expect(licensing.requestKey({ vendorCode, lm: 'admin' })).rejects.toMatchObject({ status: Status.REQ_NOT_SUPP });
    expect(JSON.parse(await local.ask('GET', '/api/v1/keys'))).toEqual([]);
  });

  it('of a vendor code that is none is refused at the door (22)', async () => {
    const { licensing, opened } = await start();
    await expect(licensing.requestKey({ vendorCode: 'nonsense' })).rejects.toMatchObject({ status: Status.INV_VCODE });
    expect(opened()).toBe(0);
  });

  it('says that a license manager is too old, which passes over what it does not know (42)', () => {
    const told: InfoData = { licenseManagers: [{ id: 'lm', vendors: [{ id: '7', keys: [{ id: '1', products: [], features: [] }] }] }] };
    expect(() => c2vOfNewKey(told)).toThrow(expect.objectContaining({ status: Status.OLD_LM }));
    expect(() => c2vOfNewKey({ licenseManagers: [] })).toThrow(expect.objectContaining({ status: Status.OLD_LM }));
  });
});
