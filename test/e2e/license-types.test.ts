import { writeFile } from 'node:fs/promises';
import { Status } from '@keyhaven/core/errors';
import { DAY } from '@keyhaven/core/time';
import { labAvailable } from '@keyhaven/testkit/lab';
import { vendorPaths } from '@keyhaven/vendor-tools';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf, type ToldApplication } from './told-application.ts';

// License types used from another computer than the one with the key (K1, K2, K8).

const yesterday = new Date(Date.now() - DAY).toISOString().slice(0, 10);
const CATALOG = `
products:
  - id: 1
    name: Survey
    features:
      - { id: 30, license: { type: perpetual, from: 2090-01-01 }, concurrency: { network: true } }
      - { id: 31, license: { type: expiration, until: ${yesterday}, graceDays: 30 }, concurrency: { network: true } }
      - { id: 32, license: { type: period, days: 30 }, concurrency: { network: true } }
      - { id: 33, license: { type: executions, count: 100 }, concurrency: { network: true } }
      - { id: 34, license: { type: perpetual }, concurrency: { network: true, remoteDesktop: true } }
`;

const noLab = labAvailable();

describe('license types of a key on another computer', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  let application: ToldApplication;
  const login = (feature: number, of: ToldApplication = application) => of.login({ vendorCode: site.code, feature });
  const seenFromYard = async (feature: number) => (await yard.features()).find((each) => each.feature === feature)?.license;

  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard'] });
    await writeFile(vendorPaths(site.vendorDirectory).catalog, CATALOG);
    [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    await site.license(office);
    await linkedTo(yard, office);
    application = await site.application('yard');
  });
  afterAll(async () => site?.close());

  it('refuses before the start date (109)', async () => {
    expect(await statusOf(login(30))).toBe(Status.FEATURE_START_DATE_NOT_REACHED);
  });

  it('grants in grace, and tells the application', async () => {
    const session = await login(31);
    await session.encrypt(Buffer.from('sixteen bytes it'));
    expect(await session.events()).toEqual(['expiring']);
    expect(await session.info()).toMatchObject({ inGrace: true });
  });

  it('counts days from the first use, which both license managers show', async () => {
    const session = await login(32);
    const { firstUse = 0, ends } = await session.info();
    expect(ends).toBe(firstUse + 30 * DAY);
    const shown = { firstUse: new Date(firstUse).toISOString(), ends: new Date(firstUse + 30 * DAY).toISOString() };
    expect((await office.features()).find(({ feature }) => feature === 32)?.license).toMatchObject(shown);
    await eventually('the other license manager shows it', async () => (await seenFromYard(32))?.firstUse === shown.firstUse, 90_000);
  });

  it('counts executions exactly once while the license manager with the key is killed and started again', async () => {
    const session = await login(33);
    let taken = 1;
    for (let round = 0; round < 3; round += 1) {
      // Each is looked at from the beginning: what is refused while the license managers start again has somebody who takes it.
      const work = Array.from({ length: 8 }, () => statusOf(session.consume(2)));
      await work[1];
      await office.end('SIGKILL');
      office = await office.again();
      await linkedTo(yard, office);
      for (const each of work) {
        // What nobody answered in time is asked again, as an application does: it takes nothing a second time.
        for (let status = await each; status !== 0; status = await statusOf(session.consume(2)))
          expect([Status.REMOTE_COMM_ERR, Status.LOCAL_COMM_ERR]).toContain(status);
      }
      taken += work.length * 2;
      expect((await office.features()).find(({ feature }) => feature === 33)?.license).toMatchObject({ used: taken });
    }
    expect(await statusOf(session.consume(100))).toBe(Status.FEATURE_INSUFFICIENT_EXECUTION_COUNT);
  });

  it('refuses an application in a remote desktop session where the license says so (27)', async () => {
    const remote = await site.application('yard', { XRDP_SESSION: '1' });
    expect(await statusOf(login(32, remote))).toBe(Status.TS_DETECTED);
    expect(await statusOf(login(34, remote))).toBe(0);
  });
});
