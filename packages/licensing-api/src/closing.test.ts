import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { createTestVendor, startLocalLm } from '@keyhaven/testkit/local-lm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemEntropy } from './environment.ts';
import { createLicensing } from './licensing.ts';

const ROOT = join(import.meta.dirname, '../../..');
const vendor = createTestVendor(
  'products: [{ id: 1, name: Survey, features: [{ id: 42, name: Echo, license: { type: perpetual }, concurrency: { seats: 100 } }] }]',
);
const wanted = { vendorCode: vendor.vendorCode, feature: 42 };
const start = async () => {
  const local = await startLocalLm();
  onTestFinished(() => local[Symbol.asyncDispose]());
  await local.license(vendor);
  return local;
};

describe('close()', () => {
  it('ends calls at once: those of sessions with 9, others with 33; logging out is no fault', async () => {
    const local = await start();
    const licensing = createLicensing(local.address, ownIdentity(), systemEntropy);
    const session = await licensing.login(wanted);
    const heard: unknown[] = [];
    session.on('lost', (error) => heard.push(error));
    const underWay = [session.clock(), licensing.login(wanted), licensing.login({ ...wanted, wait: { timeoutMs: 60_000 } })];
    const ended = Promise.allSettled(underWay);
    licensing.close();
    licensing.close();
    expect((await ended).map((each) => each.status === 'rejected' && (each.reason as { status: number }).status)).toEqual([9, 33, 33]);
    for (const call of [
      () => session.encrypt(new Uint8Array(16)),
      () => session.read({ file: 0xfff4, offset: 0, length: 1 }),
      () => session.info(),
      () => session.info('data'),
      () => session.consume(1),
    ])
      await expect(call()).rejects.toMatchObject({ status: 9, message: expect.stringContaining('close()') });
    for (const call of [
      () => licensing.login(wanted),
      () => licensing.login({ ...wanted, wait: { timeoutMs: 1 } }),
      () => licensing.find(wanted),
      () => licensing.information({ vendorCode: wanted.vendorCode }),
      () => licensing.update('nothing'),
      () => licensing.requestKey({ vendorCode: wanted.vendorCode }),
      () => licensing.recipient(),
      () => licensing.transfer({ vendorCode: wanted.vendorCode, action: 'cancel' }),
    ])
      await expect(call()).rejects.toMatchObject({ status: 33, message: expect.stringContaining('close()') });
    await session.logout();
    expect(heard).toEqual([]);
  });

  it.each(['while the license manager runs', 'when it is gone and every session looks for it', 'when a login waits, and one was given up'])(
    'leaves nothing behind %s: the process ends by itself',
    { timeout: 30_000 },
    async (when) => {
      const local = await start();
      const program = `
        import { createLicensing } from '@keyhaven/licensing-api/licensing';
        import { lmAddressFrom, ownIdentity, systemEntropy } from './packages/licensing-api/src/environment.ts';
        const licensing = createLicensing(lmAddressFrom('127.0.0.1:${local.port}'), ownIdentity(), systemEntropy);
        const wanted = ${JSON.stringify(wanted)};
        const sessions = await Promise.all(Array.from({ length: 50 }, () => licensing.login(wanted)));
        ${when.startsWith('when it is gone') ? "const gone = new Promise((done) => sessions[0].on('lost', done)); console.log('open'); const stay = setInterval(() => undefined, 1_000); await gone; clearInterval(stay); sessions[1].clock().catch(() => undefined); await new Promise((done) => setTimeout(done, 300));" : ''}
        ${when.startsWith('when a login waits') ? 'licensing.login({ ...wanted, seats: 90, wait: { timeoutMs: Infinity } }).catch(() => undefined); const given = new AbortController(); licensing.login({ ...wanted, signal: given.signal }).catch(() => undefined); given.abort(); await sessions[0].clock();' : ''}
        licensing.close();
        for (let turns = 0; turns < 20; turns += 1) await new Promise((done) => setImmediate(done));
        const left = process.getActiveResourcesInfo().filter((each) => /Timeout|TCP/.test(each));
        console.log(JSON.stringify({ left }));`;
      let out = '';
      const ended = new Promise<void>((resolve, reject) => {
        const child = execFile(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT, timeout: 25_000 }, (error) =>
          error === null ? resolve() : reject(new Error('the application failed', { cause: error })),
        );
        child.stdout?.on('data', (part: string) => {
          out += part;
          if (out === 'open\n') void local.stop();
        });
      });
      await ended;
      expect(out.split('\n').find((line) => line.startsWith('{'))).toBe('{"left":[]}');
    },
  );
});
