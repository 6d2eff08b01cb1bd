import type { Buffer } from 'node:buffer';
import { duplexPair } from 'node:stream';
import { LicensingError } from '@keyhaven/core/errors';
import { decodeToLm, encodeToApplication, FrameDecoder } from '@keyhaven/core/wire';
import { createTestVendor, startLocalLm } from '@keyhaven/testkit/local-lm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemEntropy, systemSurroundings } from './environment.ts';
import { createLicensing, type Licensing } from './licensing.ts';
import type { NearSocket } from './lm-end.ts';
import type { NearSurroundings } from './near-surroundings.ts';

// A6 of an External and an Integrated LM that say hello and nothing more, as one that is stopped after its start.

const vendor = createTestVendor('products: [{ id: 1, name: Survey, features: [{ id: 42, name: Echo, license: { type: perpetual } }] }]');
const { vendorCode } = vendor;
const LIMIT = 1_000;

const silent = (): NearSocket => {
  const [here, there] = duplexPair();
  const decoder = new FrameDecoder();
  there.on('data', (chunk: Buffer) => {
    for (const frame of decoder.push(chunk))
      if (decodeToLm(frame).kind === 'hello')
        there.write(encodeToApplication({ kind: 'welcome', version: 1, guid: 'near', hostname: 'here', idleMs: 600_000 }));
  });
  onTestFinished(() => void there.destroy());
  const self = (): NearSocket => socket;
  const socket: NearSocket = Object.assign(here, { ref: self, unref: self });
  return socket;
};
const start = (port: number, look: Partial<ReturnType<NearSurroundings['look']>>): Licensing => {
  const near: NearSurroundings = {
    look: () => ({ externalBeside: false, integratedAvailable: true, userStore: true, nearSearch: false, ...look }),
    startExternal: () => ({ name: 'The External LM', ready: 'answered', socket: silent() }),
    openIntegrated: async () => ({ connect: silent, close: async () => undefined }),
  };
  const surroundings = { ...systemSurroundings, near, callTimeoutMs: () => LIMIT };
  const licensing = createLicensing({ host: '127.0.0.1', port }, ownIdentity(), systemEntropy, surroundings);
  onTestFinished(() => licensing.close());
  return licensing;
};
const status = (work: Promise<unknown>): Promise<number> =>
  work.then(
    () => 0,
    (error: unknown) => (error instanceof LicensingError ? error.status : -1),
  );

describe.each([
  ['external', { externalBeside: true }],
  ['integrated', {}],
] as const)('a silent %s LM', (lm, look) => {
  it('ends each call with 33 when its time is over', async () => {
    const api = start(9, look);
    const scope = { key: { type: 'HASP-SL-UserMode' } };
    const calls = [
      api.login({ vendorCode, feature: 42, lm }),
      api.find({ vendorCode, lm }),
      api.information({ vendorCode, lm }),
      api.requestKey({ vendorCode, lm }),
      api.transfer({ vendorCode, lm, action: 'cancel', scope }),
    ];
    expect(await Promise.all(calls.map(status))).toEqual([33, 33, 33, 33, 33]);
  });

  it('leaves the Admin LM time to grant', async () => {
    const local = await startLocalLm();
    onTestFinished(() => local[Symbol.asyncDispose]());
    await local.license(vendor);
    const api = start(local.port, look);
    const session = await api.login({ vendorCode, feature: 42 });
    expect(session.licenseManager.guid).toBe(local.lm.guid);
    expect(session.selection.map(({ licenseManager }) => licenseManager)).toContain(lm);
    await session.logout();
  });
});
