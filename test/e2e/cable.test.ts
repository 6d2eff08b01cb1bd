import { labAvailable } from '@keyhaven/testkit/lab';
import { describe, expect, it, type TestContext } from 'vitest';
import { createSite, eventually, FEATURE, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

const siteFor = async (context: TestContext): Promise<Site> => {
  const noLab = labAvailable();
  if (noLab !== undefined) context.skip(noLab);
  const site = await createSite({ hosts: ['office', 'yard'] });
  needsLab(() => site, undefined)(context);
  return site;
};

// Nobody can tell a lost answer from a slow one sooner than the time that one may take, so all of these wait, at the same time.
describe.concurrent('a cable that is out for a short time (R8)', () => {
  it.for(['office', 'yard'])(
    'of %s: calls give 40 meanwhile, the seat stays taken, and the session goes on afterwards',
    async (cut, context) => {
      const site = await siteFor(context);
      await using _closing = { [Symbol.asyncDispose]: async () => site.close() };
      const [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
      await site.license(office);
      await linkedTo(yard, office);
      const [far, near] = await Promise.all([site.application('yard'), site.application('office')]);
      const asked = { vendorCode: site.code, feature: FEATURE.oneSeat };
      const session = await far.login(asked);
      await session.write(0, Buffer.from('before'));

      await site.host(cut).link(false);
      expect(await statusOf(session.read(0, 6))).toBe(40);
      // I1: the seat belongs to the session for as long as its lease.
      expect(await statusOf(near.login(asked))).toBe(38);
      expect(await office.used(FEATURE.oneSeat)).toBe(1);

      await site.host(cut).link(true);
      await eventually('a call succeeds again', async () => (await statusOf(session.read(0, 6))) === 0 || undefined);
      expect((await session.read(0, 6)).toString()).toBe('before');
      expect((await session.info()).session).toBe(session.id);
      expect(await session.events()).toEqual(expect.arrayContaining(['lost', 'restored']));
      expect((await office.sessions()).map(({ id }) => id)).toEqual([session.id]);
      expect(await statusOf(near.login(asked))).toBe(38);
      await session.logout();
      expect(await office.used(FEATURE.oneSeat)).toBe(0);
    },
  );

  it('of a computer whose key nobody uses: its key is known again soon after, long before the next search', async (context) => {
    const site = await siteFor(context);
    await using _closing = { [Symbol.asyncDispose]: async () => site.close() };
    const [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    const key = await site.license(office);
    await linkedTo(yard, office);
    await office.host.link(false);
    await eventually('the yard has noticed', async () => (await yard.features()).length === 0);
    await office.host.link(true);
    await eventually('the yard knows the key again', async () => (await yard.keys()).some((each) => each.key === key));
    const application = await site.application('yard');
    expect(await statusOf(application.login({ vendorCode: site.code, feature: FEATURE.oneSeat }))).toBe(0);
  });
});
