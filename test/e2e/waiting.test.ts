import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import type { ToldApplication, ToldSession } from './told-application.ts';

// A4 with real processes on three computers: `office` has a key with one seat of a feature, `ship` another one of the feature CHARTS.

const noLab = labAvailable();
const CHARTS = 20;

describe('waiting for a seat (A4)', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  let ship: Lm;
  const started: ToldApplication[] = [];
  const start = async (host: string): Promise<ToldApplication> => {
    const application = await site.application(host);
    started.push(application);
    return application;
  };
  const asking = (feature: number) => ({ vendorCode: site.code, feature });
  const wait = { timeoutMs: 60_000 };
  const inLine = (lm: Lm, count: number, feature: number = FEATURE.oneSeat): Promise<unknown> =>
    eventually(`${count} wait for feature ${feature} at ${lm.host.name}`, async () => {
      const found = (await lm.features()).find((each) => each.local && each.feature === feature);
      return found?.seats.waiting === count;
    });
  /** Applications that ask one after the other; what each got is told when it got it. */
  const line = async (hosts: readonly string[], order: string[]) => {
    const all: { readonly application: ToldApplication; readonly session: Promise<ToldSession | undefined> }[] = [];
    for (const [index, host] of hosts.entries()) {
      const application = await start(host);
      const name = `${index + 1} ${host}`;
      const session = application.login({ ...asking(FEATURE.oneSeat), wait }).then(
        (granted) => {
          order.push(name);
          return granted;
        },
        () => undefined,
      );
      all.push({ application, session });
      await inLine(office, index + 1);
    }
    return all;
  };

  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard', 'ship'] });
    [office, yard, ship] = await Promise.all([site.startLm('office'), site.startLm('yard'), site.startLm('ship')]);
    await Promise.all([site.license(office, [1, 2]), site.license(ship, [2])]);
    await Promise.all([linkedTo(yard, office), linkedTo(ship, office), linkedTo(yard, ship)]);
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((application) => application.end()));
    if (noLab === undefined)
      await eventually('nobody holds a seat any more', async () => (await office.sessions()).length + (await ship.sessions()).length === 0);
  });
  afterAll(async () => site?.close());

  it('local and remote applications get the seat in the order in which they asked, and hear their places', async () => {
    const holder = await (await start('yard')).login(asking(FEATURE.oneSeat));
    const order: string[] = [];
    const all = await line(['yard', 'office', 'ship'], order);
    expect(await all[2]?.application.places()).toEqual([3]);
    await holder.logout();
    for (const { session } of all) await (await session)?.logout();
    expect(order).toEqual(['1 yard', '2 office', '3 ship']);
    await inLine(office, 0);
  });

  it('one that gives up by AbortSignal and one that is killed -9 leave the line at once, and the seat goes to the next', async () => {
    const holder = await (await start('yard')).login(asking(FEATURE.oneSeat));
    const order: string[] = [];
    const [first, second, third] = await line(['yard', 'yard', 'ship'], order);
    await first?.application.giveUp();
    await inLine(office, 2);
    await second?.application.end('SIGKILL');
    await holder.logout();
    await (await third?.session)?.info();
    expect(order).toEqual(['3 ship']);
    // A killed one elsewhere is forgotten when it has not asked again for ten seconds; nobody waits for that.
    await eventually('the line is empty', async () => (await office.features()).every(({ seats }) => seats.waiting === 0));
  });

  it('the LM with the key, killed -9 and started again, lets them back in their order', async () => {
    const holder = await (await start('yard')).login(asking(FEATURE.oneSeat));
    const order: string[] = [];
    const all = await line(['ship', 'office', 'yard'], order);
    await office.end('SIGKILL');
    office = await office.again();
    await inLine(office, 3);
    await holder.logout();
    for (const { session } of all) await (await session)?.logout();
    expect(order).toEqual(['1 ship', '2 office', '3 yard']);
  }, 60_000);

  it('of two LMs that have the feature, a seat of either goes to the first in line, and the others are told', async () => {
    const holders = [await (await start('yard')).login(asking(CHARTS)), await (await start('yard')).login(asking(CHARTS))];
    expect(new Set(holders.map(({ licenseManager }) => licenseManager.hostname))).toEqual(new Set(['office', 'ship']));
    const [first, second] = [await start('yard'), await start('office')];
    const one = first.login({ ...asking(CHARTS), wait });
    await Promise.all([inLine(office, 1, CHARTS), inLine(ship, 1, CHARTS)]);
    const two = second.login({ ...asking(CHARTS), wait });
    await Promise.all([inLine(office, 2, CHARTS), inLine(ship, 2, CHARTS)]);
    const atShip = holders.find(({ licenseManager }) => licenseManager.hostname === 'ship');
    await atShip?.logout();
    expect((await one).licenseManager.hostname).toBe('ship');
    await Promise.all([inLine(office, 1, CHARTS), inLine(ship, 1, CHARTS)]);
    await eventually('the second hears that it is first', async () => (await second.places()).at(-1) === 1);
    await (await one).logout();
    expect((await two).licenseManager.hostname).toBe('ship');
    await Promise.all([inLine(office, 0, CHARTS), inLine(ship, 0, CHARTS)]);
    for (const [lm, used] of [
      [office, 1],
      [ship, 1],
    ] as const)
      expect(await lm.used(CHARTS)).toBe(used);
  });

  it('keyhaven login --wait tells its place on stderr and holds the seat that comes; without time it says 38', async () => {
    const holder = await (await start('office')).login(asking(FEATURE.oneSeat));
    const waiting = site.holdLogin('yard', FEATURE.oneSeat, '--wait', '30');
    await inLine(office, 1);
    const hasty = await site.keyhaven('ship', 'login', '--vendor-code', site.code, '--feature', '11', '--wait', '0');
    expect(hasty.code).toBe(1);
    expect(hasty.stderr).toMatch(/^place 2 in line\nerror 38 TOO_MANY_USERS: /);
    await holder.logout();
    const { process, answer } = await waiting;
    expect([answer.status, answer.licenseManager?.hostname]).toEqual([0, 'office']);
    expect(process.stderr()).toBe('place 1 in line\n');
    process.kill('SIGTERM');
    await process.exited;
  });
});
