import { unarmor } from '@keyhaven/core/license';
import { openRecipient } from '@keyhaven/core/transfer';
import { createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemEntropy } from './environment.ts';
import { createLicensing, type Licensing } from './licensing.ts';
import { idIn, transferWish } from './transfer.ts';

const options = { vendorCode: '', recipient: 'an ID' };
const statusOf = (act: () => unknown): number => {
  try {
    act();
    return 0;
  } catch (error) {
    return typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : -1;
  }
};

describe('what is asked for', () => {
  it.each([
    ['detach', {}, { action: 'detach', seconds: 0, seats: 0, recipient: 'an ID' }],
    ['detach', { duration: 60 }, { action: 'detach', seconds: 60, seats: 0, recipient: 'an ID' }],
    ['network_detach', { duration: 60, seats: 3 }, { action: 'network_detach', seconds: 60, seats: 3, recipient: 'an ID' }],
    ['network_detach', {}, { action: 'network_detach', seconds: 0, seats: 1, recipient: 'an ID' }],
    ['cancel', {}, { action: 'cancel', seconds: 0, seats: 0, recipient: '' }],
    ['rehost', {}, { action: 'rehost', seconds: 0, seats: 0, recipient: 'an ID' }],
    ['<detach><duration> 3600 </duration></detach>', {}, { action: 'detach', seconds: 3_600, seats: 0, recipient: 'an ID' }],
    [
      '<?xml version="1.0"?><network_detach duration="9" seats="2"/>',
      {},
      { action: 'network_detach', seconds: 9, seats: 2, recipient: 'an ID' },
    ],
    ['<cancel/>', { recipient: '' }, { action: 'cancel', seconds: 0, seats: 0, recipient: '' }],
  ])('%s is understood', (action, more, wish) => {
    expect(transferWish({ ...options, action, ...more })).toEqual(wish);
  });

  it.each<[string, number, object]>([
    ['an action that is none', 59, { action: 'recall' }],
    ['an element that is none', 59, { action: '<recall/>' }],
    ['a field that the action does not take', 59, { action: '<detach><seats>2</seats></detach>' }],
    ['a field twice', 59, { action: '<detach duration="1"><duration>2</duration></detach>' }],
    ['a field that is no number', 59, { action: '<detach><duration>1h</duration></detach>' }],
    ['seats of a plain detach', 59, { action: 'detach', seats: 1 }],
    ['no seats', 59, { action: 'network_detach', seats: 0 }],
    ['no duration', 63, { action: 'detach', duration: 0 }],
    ['half a second', 63, { action: 'detach', duration: 0.5 }],
    ['a duration without end', 63, { action: 'detach', duration: 2 ** 32 }],
    ['no recipient', 58, { action: 'rehost', recipient: '' }],
    ['a recipient that is no ID by its length', 58, { action: 'detach', recipient: 'x'.repeat(20_000) }],
    ['XML without end', 501, { action: `<detach>${' '.repeat(40_000)}</detach>` }],
  ])('%s is refused with %i', (_, status, of) => {
    expect(statusOf(() => transferWish({ ...options, action: '', ...of }))).toBe(status);
  });
});

describe('licenses that go from computer to computer, as applications ask for it (A1, K5)', () => {
  const vendor = createTestVendor(`
products:
  - id: 1
    features: [{ id: 42, license: { type: perpetual }, concurrency: { seats: 3 }, detachable: true }]
    rehost: true
`);
  let lms: LocalLm[] = [];
  const applications: Licensing[] = [];
  const at = (lm: LocalLm): Licensing => {
    const licensing = createLicensing(lm.address, ownIdentity(), systemEntropy);
    applications.push(licensing);
    return licensing;
  };
  beforeAll(async () => {
    lms = [
      await startLocalLm({ settings: '[detach]\nenabled = true\n' }),
      await startLocalLm({ settings: '[detach]\nenabled = true\n' }),
      await startLocalLm(),
    ];
    await lms[0]!.license(vendor);
    await lms[2]!.license(vendor);
  });
  afterAll(async () => {
    for (const each of applications) each.close();
    for (const each of lms) await each[Symbol.asyncDispose]();
  });

  it('detach, use there, give back, and move', async () => {
    const [office, boat] = [at(lms[0]!), at(lms[1]!)];
    const { vendorCode } = vendor;
    const id = () => lms[1]!.ask('POST', '/api/v1/recipient', {});
    const { message } = await boat.update(await office.transfer({ action: 'detach', vendorCode, recipient: await id(), duration: 3_600 }));
    expect(message).toMatch(/^Key \d+ is at update 1$/);
    const session = await boat.login({ vendorCode, feature: 42 });
    expect(Buffer.from(await session.decrypt(await session.encrypt(Buffer.alloc(32, 7))))).toEqual(Buffer.alloc(32, 7));
    const back = await boat.transfer({ action: '<cancel/>', vendorCode });
    await expect(session.read({ file: 0xfff4, offset: 0, length: 1 })).rejects.toMatchObject({ status: 39 });
    await expect(boat.login({ vendorCode, feature: 42 })).rejects.toMatchObject({ status: 7 });
    await office.update(back);
    await expect(office.update(back)).rejects.toMatchObject({ status: 65 });
    await boat.update(await office.transfer({ action: 'rehost', vendorCode, recipient: await id() }));
    await expect(office.login({ vendorCode, feature: 42 })).rejects.toMatchObject({ status: 70 });
    await (await boat.login({ vendorCode, feature: 42 })).logout();
  });

  it('an application gets the ID of its computer, for a license that comes anew and for one that is to stay longer', async () => {
    const site = await Promise.all([0, 1].map(() => startLocalLm({ settings: '[detach]\nenabled = true\n' })));
    onTestFinished(async () => {
      for (const each of site) await each[Symbol.asyncDispose]();
    });
    const [shore, ship] = [site[0]!, site[1]!];
    await shore.license(vendor);
    const { vendorCode } = vendor;
    const [office, boat] = [at(shore), at(ship)];
    const id = await boat.recipient();
    expect(id).toMatch(/^-----BEGIN KEYHAVEN ID-----/);
    expect(await boat.recipient({ vendorCode })).not.toBe(id);
    await expect(boat.recipient({ vendorCode, scope: { key: { id: '1' } } })).rejects.toMatchObject({ status: 50 });
    await expect(boat.recipient({ scope: '<haspscope/>' })).rejects.toMatchObject({ status: 501 });

    await boat.update(await office.transfer({ action: 'detach', vendorCode, recipient: id, duration: 3_600 }));
    const session = await boat.login({ vendorCode, feature: 42 });
    const again = await boat.recipient({ vendorCode, scope: { key: { id: session.key } } });
    // The same key, so that what it has is extended.
    expect(openRecipient(unarmor(again).bytes).key).toBe(session.key);
    await boat.update(await office.transfer({ action: 'detach', vendorCode, recipient: again, duration: 7_200 }));
    expect(Buffer.from(await session.read({ file: 0xfff4, offset: 0, length: 1 }))).toHaveLength(1);
    await session.logout();
  });

  it('an LM that does not know the question has no ID in its answer: it is too old (42)', () => {
    const lm = { id: 'g', vendors: [] };
    expect(statusOf(() => idIn({ licenseManagers: [lm] }))).toBe(42);
    expect(statusOf(() => idIn({ licenseManagers: [] }))).toBe(42);
    expect(idIn({ licenseManagers: [{ ...lm, recipient: 'an ID' }] })).toBe('an ID');
  });

  it('is refused with 5 where the administrator has not allowed it', async () => {
    const recipient = await lms[1]!.ask('POST', '/api/v1/recipient', {});
    await expect(at(lms[2]!).transfer({ action: 'detach', vendorCode: vendor.vendorCode, recipient })).rejects.toMatchObject({ status: 5 });
  });
});
