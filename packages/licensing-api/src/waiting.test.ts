import type { FeatureInfo } from '@keyhaven/core/admin';
import { createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemEntropy } from './environment.ts';
import { createLicensing, type Licensing, type LoginOptions } from './licensing.ts';

// A4 against a real license manager in this process. What happens across computers is in test/invariants/waiting.test.ts, with processes that
// are killed in test/e2e/waiting.test.ts.

const vendor = createTestVendor(`
products:
  - id: 1
    features:
      - { id: 42, license: { type: perpetual }, concurrency: { seats: 1 } }
      - { id: 43, license: { type: expiration, until: 2020-01-01 }, concurrency: { seats: 1 } }
`);
const start = async (): Promise<LocalLm> => {
  const local = await startLocalLm();
  onTestFinished(() => local[Symbol.asyncDispose]());
  await local.license(vendor);
  return local;
};
const createApplication = (local: LocalLm): Licensing => {
  const licensing = createLicensing(local.address, ownIdentity(), systemEntropy);
  onTestFinished(() => licensing.close());
  return licensing;
};
const options = (more: Partial<LoginOptions> = {}): LoginOptions => ({ vendorCode: vendor.vendorCode, feature: 42, ...more });
const seatsOf = async (local: LocalLm) =>
  (JSON.parse(await local.ask('GET', '/api/v1/features')) as FeatureInfo[]).find(({ feature }) => feature === 42)?.seats;
const waits = (local: LocalLm, count: number) => expect.poll(async () => (await seatsOf(local))?.waiting, { timeout: 5_000 }).toBe(count);

describe('login({ wait })', () => {
  it('resolves when a seat comes free, and says its place; the features of the LM say how many wait', async () => {
    const local = await start();
    const holder = await createApplication(local).login(options());
    const places: number[] = [];
    const waiting = createApplication(local).login(options({ wait: { timeoutMs: 20_000 }, onWaiting: (place) => places.push(place) }));
    await waits(local, 1);
    await expect.poll(() => places).toEqual([1]);
    expect(await (await fetch(`http://127.0.0.1:${local.port}/`)).text()).toContain('<th scope="col">Waiting</th>');
    await holder.logout();
    const session = await waiting;
    expect((await session.info()).used).toBe(1);
    expect(await seatsOf(local)).toEqual({ limit: 1, used: 1, waiting: 0, peak: 1 });
    await session.logout();
  });

  it('rejects with 38 and its place when the time is over, and takes nothing any more', async () => {
    const local = await start();
    const holder = await createApplication(local).login(options());
    const late = createApplication(local).login(options({ wait: { timeoutMs: 50 } }));
    await expect(late).rejects.toMatchObject({ status: 38, message: expect.stringContaining('the place in line was 1') });
    await waits(local, 0);
    await holder.logout();
    expect(await seatsOf(local)).toEqual({ limit: 1, used: 0, waiting: 0, peak: 1 });
  });

  it('rejects with the reason of its AbortSignal at once, and leaves the line', async () => {
    const local = await start();
    const holder = await createApplication(local).login(options());
    const reason = new Error('the user went for lunch');
    const controller = new AbortController();
    const waiting = createApplication(local).login(options({ wait: { timeoutMs: Infinity }, signal: controller.signal }));
    await waits(local, 1);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await waits(local, 0);
    await holder.logout();
  });

  it('rejects with what its listener throws, and leaves the line', async () => {
    const local = await start();
    const holder = await createApplication(local).login(options());
    const fault = new Error('a fault of the application');
    const waiting = createApplication(local).login(
      options({
        wait: { timeoutMs: 10_000 },
        onWaiting() {
          throw fault;
        },
      }),
    );
    await expect(waiting).rejects.toBe(fault);
    await waits(local, 0);
    await holder.logout();
  });

  it('does not wait for what waiting does not bring: another status than 38 is told at once', async () => {
    const local = await start();
    const application = createApplication(local);
    const wait = { timeoutMs: Number.POSITIVE_INFINITY };
    await expect(application.login(options({ feature: 43, wait }))).rejects.toMatchObject({ status: 41 });
    await expect(application.login(options({ feature: 99, wait }))).rejects.toMatchObject({ status: 31 });
    await expect(application.login(options({ seats: 2, wait }))).rejects.toMatchObject({ status: 38 });
  });

  it('lets nobody pass who does not wait', async () => {
    const local = await start();
    const holder = await createApplication(local).login(options());
    const waiting = createApplication(local).login(options({ wait: { timeoutMs: 20_000 } }));
    await waits(local, 1);
    const hasty = createApplication(local);
    const tries = Promise.allSettled(Array.from({ length: 20 }, () => hasty.login(options())));
    await holder.logout();
    const session = await waiting;
    expect((await tries).map(({ status }) => status)).toEqual(Array(20).fill('rejected'));
    await session.logout();
  });

  it('goes on when the LM restarts', async () => {
    const local = await start();
    const holder = await createApplication(local).login(options());
    const order: string[] = [];
    const all = ['first', 'second', 'third'].map((name) => async () => {
      const session = await createApplication(local).login(options({ wait: { timeoutMs: 30_000 } }));
      order.push(name);
      await session.logout();
    });
    const running: Promise<void>[] = [];
    for (const [index, each] of all.entries()) {
      running.push(each());
      await waits(local, index + 1);
    }
    await local.restart();
    await waits(local, 3);
    await holder.logout();
    await Promise.all(running);
    expect(order).toEqual(['first', 'second', 'third']);
  });
});
