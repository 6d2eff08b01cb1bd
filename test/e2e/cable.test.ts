import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, linkedTo, type Lm, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

const noLab = labAvailable();

describe('a cable that is out for a short time (R8)', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard'] });
    [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    await site.license(office);
    await linkedTo(yard, office);
  });
  afterAll(async () => site?.close());

  it.each(['office', 'yard'])('of %s: calls give 40 meanwhile, the seat stays taken, and the session goes on afterwards', async (cut) => {
    const [far, near] = await Promise.all([site.application('yard'), site.application('office')]);
    const asked = { vendorCode: site.code, feature: FEATURE.oneSeat };
    const session = await far.login(asked);
    await session.write(0, Buffer.from('before'));

    await site.host(cut).link(false);
    // Nobody can tell a lost answer from a slow one sooner than the time that one may take.
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
    await Promise.all([far.end(), near.end()]);
  });
});
