import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { expectWithin } from './time-limit.ts';
import { Refused, type ToldApplication, type ToldSession } from './told-application.ts';

const noLab = labAvailable();
/** A license manager that is killed may take longer to start, on a busy computer, than the ten seconds of a call (A6). */
const PATIENT = { APPLICATION_CALL_TIMEOUT_MS: '60000' };

describe('license managers killed -9 and started again while applications work (S20, S21, S22)', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  let ship: Lm;
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard', 'ship'] });
    [office, yard, ship] = await Promise.all([site.startLm('office'), site.startLm('yard'), site.startLm('ship')]);
    await site.license(office);
    await Promise.all([linkedTo(yard, office), linkedTo(ship, office)]);
  });
  afterAll(async () => site?.close());

  it('the LM with the key: sessions go on, no acknowledged login or write is lost, never more seats than sold (I1, I3)', async () => {
    const applications = await Promise.all(['yard', 'yard', 'ship', 'ship', 'office'].map((name) => site.application(name, PATIENT)));
    const asked = { vendorCode: site.code, feature: FEATURE.fiveSeats };
    const held: ToldSession[] = [];
    for (const application of applications.slice(0, 3)) held.push(await application.login(asked));
    const ids = held.map(({ id }) => id);

    // Two seats are left for these, who come and go all the time; each may meet a full house (38) and the restart (33, 40).
    let working = true;
    let granted = 0;
    let most = 0;
    const unexpected: number[] = [];
    const open = new Map<string, ToldSession>();
    const comeAndGo = async (application: ToldApplication): Promise<void> => {
      while (working) {
        try {
          const session = await application.login(asked);
          granted += 1;
          open.set(session.id, session);
          await session.read(0, 16);
          open.delete(session.id);
          await session.logout();
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          if (![33, 38, 40].includes(error.status)) unexpected.push(error.status);
        }
      }
    };
    // What is acknowledged must be there afterwards: each writes a counter into its own place.
    const acknowledged = held.map(() => 0);
    const write = async (session: ToldSession, place: number): Promise<void> => {
      for (let count = 1; working; count += 1) {
        const data = Buffer.alloc(4);
        data.writeUInt32BE(count);
        await session.write(place * 4, data);
        acknowledged[place] = count;
      }
    };
    const watch = async (): Promise<void> => {
      while (working) {
        most = Math.max(most, await office.used(FEATURE.fiveSeats).catch(() => 0));
      }
    };
    const work = Promise.all([...applications.slice(1).map(comeAndGo), ...held.map(write), watch()]);
    for (let round = 0; round < 2; round += 1) {
      const before = granted;
      await eventually('logins are granted', async () => granted > before + 20 || undefined);
      await office.end('SIGKILL');
      office = await office.again();
      const listed = (await office.sessions()).map(({ id }) => id);
      expect(listed).toEqual(expect.arrayContaining(ids));
      expect(await office.used(FEATURE.fiveSeats)).toBeLessThanOrEqual(5);
      const after = granted;
      await eventually('logins are granted again', async () => granted > after + 20 || undefined);
    }
    working = false;
    await work;
    expect(unexpected).toEqual([]);
    expect(most).toBeGreaterThanOrEqual(3);
    expect(most).toBeLessThanOrEqual(5);

    for (const [place, session] of held.entries()) {
      expect((await session.read(place * 4, 4)).readUInt32BE(0)).toBeGreaterThanOrEqual(acknowledged[place] ?? 0);
      expect((await session.info()).session).toBe(session.id);
      expect(await session.events()).toEqual(expect.arrayContaining(['lost', 'restored']));
    }
    for (const session of [...held, ...open.values()]) await session.logout();
    await Promise.all(applications.map((application) => application.end()));
    // A logout or a grant that the crash cut off before it was durable, or told, errs to the safe side: where its computer knows nothing of
    // the session, its seat comes back by lease, or at once by hand. At most one call of each of the three remote ones at each crash.
    const left = await eventually('all applications are known to have ended', async () => {
      const found = await office.sessions();
      return found.every(({ id, holder }) => holder !== 'local' && !ids.includes(id)) && found;
    });
    expect(left.length).toBeLessThanOrEqual(6);
    for (const { id } of left) expect(await site.keyhaven('office', 'sessions', 'kill', id)).toMatchObject({ code: 0 });
    expect(await office.sessions()).toEqual([]);
    expect(await office.used(FEATURE.fiveSeats)).toBe(0);
  });

  it('the LM of the application: its sessions go on, at the key of another computer', async () => {
    await Promise.all([linkedTo(yard, office), linkedTo(ship, office)]);
    const application = await site.application('yard', PATIENT);
    const session = await application.login({ vendorCode: site.code, feature: FEATURE.oneSeat });
    await session.write(100, Buffer.from('before'));
    await yard.end('SIGKILL');
    const reading = session.read(100, 6);
    yard = await yard.again();
    expect((await reading).toString()).toBe('before');
    expect((await session.info()).session).toBe(session.id);
    expect(await office.used(FEATURE.oneSeat)).toBe(1);
    expect((await site.keyhaven('ship', 'login', '--vendor-code', site.code, '--feature', '11')).stderr).toContain('error 38 ');
    // The LM that came back answers for the application again: its end gives the seat back at once.
    await application.end('SIGKILL');
    const dead = performance.now();
    await eventually('the seat is free', async () => (await office.used(FEATURE.oneSeat)) === 0);
    await expectWithin(performance.now() - dead, 1_000);
  });

  it('the LM of the application and with the key: its sessions go on', async () => {
    const application = await site.application('office', PATIENT);
    const session = await application.login({ vendorCode: site.code, feature: FEATURE.oneSeat });
    const secret = await session.encrypt(Buffer.from('sixteen bytes at least'));
    await office.end('SIGKILL');
    const opening = session.decrypt(secret);
    office = await office.again();
    expect((await opening).toString()).toBe('sixteen bytes at least');
    expect((await office.sessions()).map(({ id }) => id)).toEqual([session.id]);
    await session.logout();
    expect(await office.used(FEATURE.oneSeat)).toBe(0);
    await application.end();
  });
});
