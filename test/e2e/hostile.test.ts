import { join } from 'node:path';
import { type LabProcess, labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { forgedVendorCode } from './forger.ts';
import type { Attack, Way } from './hostile-lm.ts';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf, type ToldApplication } from './told-application.ts';

const noLab = labAvailable();
const PROGRAM = new URL('hostile-lm.ts', import.meta.url).pathname;
const WAYS: readonly Way[] = ['to the key', 'to the application'];

describe('a hostile LM between the application and the key (K10, L7, I4)', () => {
  let site: Site;
  let office: Lm;
  let key: string;
  let otherKey: string;
  const started: { end(): Promise<void> }[] = [];
  const asked = () => ({ vendorCode: site.code, feature: FEATURE.fiveSeats });

  const spawn = async (attack: Attack): Promise<{ readonly process: LabProcess; readonly application: ToldApplication }> => {
    const process = await site.host('yard').spawn('node', [PROGRAM, JSON.stringify(attack)]);
    const end = async (): Promise<void> => {
      process.kill('SIGKILL');
      await process.exited;
    };
    started.push({ end });
    const [, port] = (await process.nextLine((line) => line.startsWith('port '))).split(' ');
    const application = await site.application('yard', { KEYHAVEN_LOCAL_LM: `127.0.0.1:${port}` });
    started.push({ end: () => application.end() });
    return { process, application };
  };
  /** What became of a login under attack; the deed has been done. */
  const loginUnder = async (attack: Attack, feature: number = FEATURE.fiveSeats): Promise<number> => {
    const { process, application } = await spawn(attack);
    const status = await statusOf(application.login({ vendorCode: site.code, feature }));
    await process.nextLine((line) => line === 'attacked');
    return status;
  };

  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard'] });
    let yard: Lm;
    [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    key = await site.license(office);
    otherKey = await site.license(office, [2]);
    await linkedTo(yard, office, 2);
  });
  const endAll = async (): Promise<void> => {
    await Promise.all(started.splice(0).map((each) => each.end()));
    await eventually('nobody holds a seat', async () => (await office.sessions()).length === 0);
  };
  afterEach(async () => {
    if (noLab === undefined) await endAll();
  });
  afterAll(async () => site?.close());

  it('is worth the name: what it only passes on is granted, and its own forgery holds for a vendor of its own', async () => {
    const honest = await spawn({ kind: 'record', file: join(site.directory, 'unused') });
    const session = await honest.application.login(asked());
    expect([session.key, (await session.read(0, 4)).length]).toEqual([key, 4]);
    const forger = await spawn({ kind: 'forgery', options: { vendor: 666 } });
    expect(await statusOf(forger.application.login({ vendorCode: forgedVendorCode(666), feature: FEATURE.fiveSeats }))).toBe(0);
  });

  it('changes the feature in the question: the key refuses the feature that was asked for', async () => {
    expect(await loginUnder({ kind: 'other feature in the question', feature: FEATURE.fiveSeats }, FEATURE.unsold)).toBe(31);
    expect(await office.used(FEATURE.fiveSeats)).toBe(0);
  });

  it('names another key of the vendor, in the answer or when a channel is opened: refused', async () => {
    expect(await loginUnder({ kind: 'other key in the answer', key: otherKey })).toBe(31);
    expect(await loginUnder({ kind: 'other key in the opening frame', key: otherKey })).toBe(7);
    expect(await loginUnder({ kind: 'other key in the opening frame', key: '1' })).toBe(7);
  });

  /** What becomes of one login after another of one application, with another bit flipped each time, and without any at last. */
  const loginUnderEach = async (attack: Extract<Attack, { at: readonly number[] }>): Promise<number[]> => {
    const { process, application } = await spawn(attack);
    const statuses: number[] = [];
    for (const _ of attack.at) {
      statuses.push(await statusOf(application.login(asked())));
      await process.nextLine((line) => line === 'attacked');
    }
    expect(await statusOf(application.login(asked()))).toBe(0);
    // However often it had to ask, it has one seat.
    expect(await office.used(FEATURE.fiveSeats)).toBe(1);
    return statuses;
  };

  it('flips a bit of the opening: refused where it names vendor or key, 46 in nonce, share and digest', async () => {
    const at = [5, 13, 20, 50, -1];
    expect(await loginUnderEach({ kind: 'bit of the opening', at })).toEqual([7, 7, 46, 46, 46]);
    expect([42, 46]).toContain(await loginUnder({ kind: 'bit of the opening', at: [1] }));
  });

  it('flips a bit of the answer, in version, nonce, share, digest, length, certificate or signature: 46', async () => {
    const at = [0, 10, 40, 70, 98, 200, -1];
    expect(await loginUnderEach({ kind: 'bit of the answer', at })).toEqual(at.map(() => 46));
  });

  it.each(WAYS)('flips a bit of the login %s, in counter, ciphertext or tag: 46', async (way) => {
    // An application for each: one whose login was lost withdraws it first thing in its next channel, and that record would be the one attacked.
    for (const bit of [0, 7, 8, 20, -1]) {
      expect(await loginUnderEach({ kind: 'bit of a record', way, nth: 0, at: [bit] })).toEqual([46]);
      await endAll();
    }
  });

  it.each(WAYS)('flips a bit of a later call %s: that call ends in 46, and the session goes on in a new channel', async (way) => {
    const { process, application } = await spawn({ kind: 'bit of a record', way, nth: 2, at: [12] });
    const session = await application.login(asked());
    await session.write(0, Buffer.from('true'));
    expect(await statusOf(session.read(0, 4))).toBe(46);
    await process.nextLine((line) => line === 'attacked');
    expect((await session.read(0, 4)).toString()).toBe('true');
    expect((await office.sessions()).map(({ id }) => id)).toEqual([session.id]);
  });

  it('repeats the login record: the key answers the repetition with 46 and grants one session', async () => {
    const { process, application } = await spawn({ kind: 'record twice', way: 'to the key', nth: 0 });
    expect([0, 46]).toContain(await statusOf(application.login(asked())));
    expect(await process.nextLine((line) => line.startsWith('lost '))).toBe('lost 46');
    expect(await office.used(FEATURE.fiveSeats)).toBeLessThanOrEqual(1);
  });

  it('repeats a record to the application: the channel is given up, the session goes on in a new one', async () => {
    const { process, application } = await spawn({ kind: 'record twice', way: 'to the application', nth: 1 });
    const session = await application.login(asked());
    expect([0, 46]).toContain(await statusOf(session.read(0, 4)));
    await process.nextLine((line) => line === 'attacked');
    await eventually('the application has noticed', async () => (await session.events()).includes('restored'));
    expect(await statusOf(session.read(0, 4))).toBe(0);
  });

  it.each(WAYS)('swaps two records %s: their calls end in 46', async (way) => {
    const { process, application } = await spawn({ kind: 'records swapped', way, nth: 1 });
    const session = await application.login(asked());
    const attacked = process.nextLine((line) => line === 'attacked').then(() => true);
    // Calls of one turn share a record; asking the application for something else in between parts them.
    const calls: Promise<number>[] = [];
    do calls.push(statusOf(session.read(0, 4)));
    while (!(await Promise.race([attacked, session.events().then(() => false)])));
    expect((await Promise.all(calls))[0]).toBe(46);
    expect(await statusOf(session.read(0, 4))).toBe(0);
  });

  it.each(WAYS)('leaves a record %s out: no later one is accepted in its place', async (way) => {
    const { process, application } = await spawn({ kind: 'record left out', way, nth: 1 });
    const session = await application.login(asked());
    const lost = statusOf(session.write(0, Buffer.from('gone')));
    await process.nextLine((line) => line === 'attacked');
    expect([await statusOf(session.read(0, 4)), await lost]).toEqual([46, 46]);
  });

  it('plays the answers of yesterday again, with and without the true LM behind it: 46', async () => {
    const file = join(site.directory, 'yesterday');
    const honest = await spawn({ kind: 'record', file });
    const session = await honest.application.login(asked());
    await session.read(0, 4);
    await session.logout();
    const replay = await spawn({ kind: 'answers of yesterday', file });
    expect(await statusOf(replay.application.login(asked()))).toBe(46);
    await replay.process.nextLine((line) => line === 'attacked');
    expect(await loginUnder({ kind: 'record of yesterday', file, nth: 0 })).toBe(46);

    // The true vendor's certificate, shown by somebody without its key.
    expect(await loginUnder({ kind: 'forgery', options: { vendor: 37_515, key, certificateFrom: file } })).toBe(46);
  });

  it('forges a key of its own: whatever id it claims, the vendor did not sign it: 46', async () => {
    expect(await loginUnder({ kind: 'forgery', options: { vendor: 37_515 } })).toBe(46);
    expect(await loginUnder({ kind: 'forgery', options: { vendor: 37_515, key } })).toBe(46);
  });
});
