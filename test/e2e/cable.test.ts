import { describe, expect, it } from 'vitest';
import { labAvailable } from '@keyhaven/testkit/lab';
import { createSite, eventually, FEATURE, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

// Nobody can tell a lost answer from a slow one sooner than the time that one may take, so both tests wait, at the same time.
describe.concurrent('a cable that is out for a short time (R8)', () => {
  it.each(['office', 'yard'])('of %s: calls give 40 meanwhile, the seat stays taken, and the session goes on afterwards', async (cut, context) => {
    let site: Site | undefined;
    needsLab(() => site)(context);
    site = await createSite({ hosts: ['office', 'yard'] });
    await using _closing = { [Symbol.asyncDispose]: async () => site?.close() };
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
  });
});
