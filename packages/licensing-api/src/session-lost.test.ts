import { createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, type Surroundings, systemEntropy, systemSurroundings } from './environment.ts';
import { createLicensing } from './licensing.ts';
import type { LmSocket } from './lm-end.ts';
import type { Session } from './session.ts';

// What docs/guide/licensing-api.md says of `lost` and `restored`, against a real license manager whose connections are cut.

const vendor = createTestVendor(`
products:
  - id: 1
    features: [{ id: 42, license: { type: perpetual }, concurrency: { seats: 2 } }]
`);

const start = async () => {
  const local: LocalLm = await startLocalLm();
  onTestFinished(() => local[Symbol.asyncDispose]());
  await local.license(vendor);
  const sockets: LmSocket[] = [];
  let open = true;
  const dial: Surroundings['dial'] = (address) => {
    const socket = systemSurroundings.dial(open ? address : { host: '127.0.0.1', port: 9 });
    sockets.push(socket);
    return socket;
  };
  const licensing = createLicensing(local.address, ownIdentity(), systemEntropy, { ...systemSurroundings, dial });
  onTestFinished(() => licensing.close());
  const session = await licensing.login({ vendorCode: vendor.vendorCode, feature: 42 });
  const heard: string[] = [];
  for (const event of ['lost', 'restored'] as const)
    session.on(event, (error) => heard.push(error === undefined ? event : `${event} ${error.status}`));
  return {
    local,
    session,
    heard,
    /** Until `mend`. */
    cut() {
      open = false;
      for (const socket of sockets.splice(0)) socket.destroy();
    },
    mend() {
      open = true;
    },
  };
};
const end = async (local: LocalLm, session: Session): Promise<void> => {
  const live = local.lm.authority.session(session.id);
  if (live !== undefined) await local.lm.authority.release(live, 'killed');
};

describe('A4 what a session says of its way to the key', () => {
  it('is lost, then restored before the calls that waited for it resolve', async () => {
    const { session, heard, cut, mend } = await start();
    cut();
    const call = session.info().then(() => heard.push('called'));
    await expect.poll(() => heard).toEqual(['lost']);
    mend();
    await call;
    expect(heard).toEqual(['lost', 'restored', 'called']);
  });

  it('is said for each loss once, and restored without any call', async () => {
    const { session, heard, cut, mend } = await start();
    for (let count = 1; count <= 3; count++) {
      cut();
      await expect.poll(() => heard).toHaveLength(2 * count - 1);
      mend();
      await expect.poll(() => heard, { timeout: 5_000 }).toHaveLength(2 * count);
    }
    expect(heard).toEqual(['lost', 'restored', 'lost', 'restored', 'lost', 'restored']);
    await session.logout();
    expect(heard).toHaveLength(6);
  });

  it('ends with the error where the session has ended meanwhile, once, however many calls meet it', async () => {
    const { local, session, heard, cut, mend } = await start();
    cut();
    const calls = Promise.allSettled(Array.from({ length: 5 }, () => session.info()));
    await end(local, session);
    mend();
    expect((await calls).map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    await expect.poll(() => heard).toEqual(['lost', 'lost 39']);
    await expect(session.info()).rejects.toMatchObject({ status: 39 });
    await session.logout();
    expect(heard).toEqual(['lost', 'lost 39']);
  });

  it('is an error at once where calls under way meet the end of the session, and is said once', async () => {
    const { local, session, heard } = await start();
    await end(local, session);
    const calls = await Promise.allSettled(Array.from({ length: 5 }, () => session.info()));
    expect(calls.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    expect(heard).toEqual(['lost 85']);
  });

  it('is silence during a logout, whatever happens to the way', async () => {
    const { local, session, heard, cut, mend } = await start();
    cut();
    const logout = session.logout();
    mend();
    await logout;
    expect(heard.filter((each) => each !== 'lost')).toEqual([]);
    expect(local.lm.authority.sessionCount).toBe(0);
    cut();
    expect(heard.filter((each) => each !== 'lost')).toEqual([]);
  });
});
