import { LicensingError, Status } from '@keyhaven/core/errors';
import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { expectWithin } from './time-limit.ts';
import { statusOf, type ToldApplication } from './told-application.ts';

const noLab = labAvailable();

describe('seats of one key used from three computers', () => {
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
  const login = (application: ToldApplication, feature: number): Promise<number> => statusOf(application.login(asking(feature)));
  /** A seat given back at once is free within a second, far below the lease. */
  const free = (feature: number, used = 0): Promise<number> =>
    eventually(
      `${used} seats of feature ${feature} are in use`,
      async () => ((await office.used(feature)) === used ? performance.now() : undefined),
      5_000,
    );

  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard', 'ship'] });
    [office, yard, ship] = await Promise.all([site.startLm('office'), site.startLm('yard'), site.startLm('ship')]);
    await site.license(office);
    await Promise.all([linkedTo(yard, office), linkedTo(ship, office)]);
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((application) => application.end()));
    if (noLab === undefined) await eventually('nobody holds a seat any more', async () => (await office.sessions()).length === 0);
  });
  afterAll(async () => site?.close());

  it('refuses the sixth login of five seats with 38, exit status 1 and the shape of INTERFACES (I1)', async () => {
    const [a, b] = await Promise.all([start('yard'), start('office')]);
    expect([await login(a, 10), await login(a, 10), await login(b, 10), await login(b, 10), await login(b, 10)]).toEqual([0, 0, 0, 0, 0]);
    expect(await office.used(FEATURE.fiveSeats)).toBe(5);
    const args = ['login', '--vendor-code', site.code, '--feature', '10'];
    for (const host of ['office', 'yard', 'ship']) {
      const refused = await site.keyhaven(host, ...args, '--json');
      expect(refused.code).toBe(1);
      const { remedy } = new LicensingError(Status.TOO_MANY_USERS);
      const answer: unknown = JSON.parse(refused.stdout);
      const selection = expect.arrayContaining([expect.objectContaining({ licenseManager: 'admin', asked: true })]);
      expect(answer).toEqual({ status: 38, name: 'TOO_MANY_USERS', message: expect.stringContaining('5 of 5 seats'), remedy, selection });
    }
    const plain = await site.keyhaven('ship', ...args);
    expect([plain.code, plain.stdout]).toEqual([1, '']);
    expect(plain.stderr).toMatch(/^error 38 TOO_MANY_USERS: .+\n$/);
    expect(await office.used(FEATURE.fiveSeats)).toBe(5);
  });

  it('gives a seat back by logout, and by SIGTERM to keyhaven login', async () => {
    const application = await start('yard');
    const session = await application.login(asking(FEATURE.oneSeat));
    expect(await login(application, FEATURE.oneSeat)).toBe(38);
    await session.logout();
    expect(await office.used(FEATURE.oneSeat)).toBe(0);
    const held = await site.holdLogin('ship', FEATURE.oneSeat);
    expect(held.answer.status).toBe(0);
    expect(await login(application, FEATURE.oneSeat)).toBe(38);
    held.process.kill('SIGTERM');
    expect(await held.process.exited).toEqual({ code: 0, signal: null });
    expect(await login(application, FEATURE.oneSeat)).toBe(0);
  });

  it.each(['office', 'ship'])('gives the seats of an application killed -9 on %s back within a second (R8)', async (host) => {
    const [victim, other] = await Promise.all([start(host), start('yard')]);
    await victim.login(asking(FEATURE.fiveSeats));
    await victim.login(asking(FEATURE.oneSeat));
    expect(await login(other, FEATURE.oneSeat)).toBe(38);
    victim.process.kill('SIGKILL');
    await victim.process.exited;
    const dead = performance.now();
    await expectWithin((await free(FEATURE.oneSeat)) - dead, 1_000);
    await expectWithin((await free(FEATURE.fiveSeats)) - dead, 1_000);
    expect(await login(other, FEATURE.oneSeat)).toBe(0);
  });

  it.each(['office', 'ship'])(
    'gives a seat back when the LM of %s was killed -9, then the application, and the LM is there again (S22)',
    async (host) => {
      const lm = host === 'office' ? office : ship;
      const victim = await start(host);
      const session = await victim.login(asking(FEATURE.oneSeat));
      // What is written behind the grant has to be on disk: the answer to a later durable call is behind it.
      await session.write(0, Buffer.from('later'));
      await lm.end('SIGKILL');
      await victim.end('SIGKILL');
      const again = await lm.again();
      if (host === 'office') office = again;
      else ship = again;
      await free(FEATURE.oneSeat);
      await Promise.all([linkedTo(yard, office), linkedTo(ship, office)]);
      const other = await start('yard');
      expect(await login(other, FEATURE.oneSeat)).toBe(0);
    },
  );

  it('refuses a feature that is local only from other computers, and not on the computer with the key (K1)', async () => {
    const [near, far] = await Promise.all([start('office'), start('yard')]);
    // For other computers the key does not have it.
    expect(await login(far, FEATURE.localOnly)).toBe(31);
    expect(await login(near, FEATURE.localOnly)).toBe(0);
    expect(await office.used(FEATURE.localOnly)).toBe(1);
  });

  it('counts processes where processes count: each takes one seat however often it logs in (K1)', async () => {
    const [a, b, c] = await Promise.all([start('yard'), start('yard'), start('ship')]);
    const first = await a.login(asking(FEATURE.perProcess));
    const second = await a.login(asking(FEATURE.perProcess));
    expect(await office.used(FEATURE.perProcess)).toBe(1);
    expect(await login(b, FEATURE.perProcess)).toBe(0);
    expect(await login(c, FEATURE.perProcess)).toBe(38);
    await first.logout();
    expect(await office.used(FEATURE.perProcess)).toBe(2);
    await second.logout();
    expect(await office.used(FEATURE.perProcess)).toBe(1);
    expect(await login(c, FEATURE.perProcess)).toBe(0);
  });

  it('counts stations where stations count: each takes one seat however many applications run there (K1)', async () => {
    const [a, b, c, d] = await Promise.all([start('yard'), start('yard'), start('ship'), start('office')]);
    expect([await login(a, FEATURE.perStation), await login(b, FEATURE.perStation), await login(c, FEATURE.perStation)]).toEqual([0, 0, 0]);
    expect(await office.used(FEATURE.perStation)).toBe(2);
    expect(await login(d, FEATURE.perStation)).toBe(38);
    await a.end();
    await eventually('the first application has gone', async () => (await office.sessions()).length === 2);
    expect(await login(d, FEATURE.perStation)).toBe(38);
    await b.end();
    await free(FEATURE.perStation, 1);
    expect(await login(d, FEATURE.perStation)).toBe(0);
  });
});
