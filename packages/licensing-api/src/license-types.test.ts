import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Observation } from '@keyhaven/core/fingerprint';
import { DAY, HOUR, MINUTE } from '@keyhaven/core/time';
import { createManualClock, createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemEntropy, systemSurroundings } from './environment.ts';
import type { Expiring } from './expiry.ts';
import { createLicensing, type LoginOptions } from './licensing.ts';
import type { Session } from './session.ts';

// Every license type through the API on a real LM, on a clock that is moved by hand (K1, K2, K8).

const BEGIN = Date.UTC(2027, 0, 1);
const catalog = `
products:
  - id: 1
    name: Survey
    features:
      - { id: 1, license: { type: perpetual, from: 2027-01-05 } }
      - { id: 2, license: { type: expiration, until: 2027-01-10T00:00:00Z, graceDays: 2 } }
      - { id: 3, license: { type: period, days: 30 } }
      - { id: 4, license: { type: period, days: 10, graceDays: 5 } }
      - { id: 5, license: { type: executions, count: 10 } }
      - { id: 6, license: { type: perpetual }, concurrency: { virtualMachine: false } }
      - { id: 7, license: { type: perpetual }, concurrency: { remoteDesktop: true } }
`;

const open = async (host: Observation['host'] = 'physical') => {
  const clock = createManualClock(BEGIN);
  const vendor = createTestVendor(catalog);
  const local = await startLocalLm({ clock, observe: async () => ({ host, values: {} }) });
  onTestFinished(() => local[Symbol.asyncDispose]());
  const key = await local.license(vendor);
  const application = (remoteDesktop = false) => {
    const time = { ...systemSurroundings.time, now: () => clock.wall() as number };
    const surroundings = { ...systemSurroundings, time, remoteDesktop: () => remoteDesktop };
    const licensing = createLicensing(local.address, ownIdentity(), systemEntropy, surroundings);
    onTestFinished(() => licensing.close());
    return (feature: number, more: Partial<LoginOptions> = {}) => licensing.login({ vendorCode: vendor.vendorCode, feature, ...more });
  };
  return { clock, vendor, local, key, application, login: application() };
};
const statusOf = (work: Promise<unknown>): Promise<number> =>
  work.then(
    () => 0,
    (error: unknown) => {
      if (error instanceof LicensingError) return error.status;
      throw error;
    },
  );
const featureOf = async (local: LocalLm, feature: number) => {
  const all = JSON.parse(await local.ask('GET', '/api/v1/features')) as { feature: number; license: Record<string, unknown> }[];
  return all.find((each) => each.feature === feature)?.license;
};
const sixteen = Buffer.from('sixteen bytes it');
const closed = async (session: Session): Promise<void> => session.logout();

describe('license types (K1)', () => {
  it('a start date refuses with 109 before it', async () => {
    const { clock, login } = await open();
    expect(await statusOf(login(1))).toBe(Status.FEATURE_START_DATE_NOT_REACHED);
    clock.leap(4 * DAY);
    await closed(await login(1));
  });

  it('days count from the first granted login on; the end survives a restart and is shown', async () => {
    const { clock, login, local } = await open();
    expect(await featureOf(local, 3)).toEqual({ type: 'period', days: 30 });
    clock.leap(100 * DAY);
    await closed(await login(3));
    const state = { type: 'period', days: 30, firstUse: '2027-04-11T00:00:00.000Z', ends: '2027-05-11T00:00:00.000Z' };
    expect(await featureOf(local, 3)).toMatchObject(state);
    await local.restart();
    expect(await featureOf(local, 3)).toMatchObject(state);
    expect(await local.ask('GET', '/')).toContain('period, 30 days, first used 2027-04-11T00:00:00.000Z, ends 2027-05-11T00:00:00.000Z');
    clock.leap(30 * DAY - HOUR);
    const session = await login(3);
    expect(await session.info()).toMatchObject({ firstUse: Date.parse(state.firstUse), ends: Date.parse(state.ends), inGrace: false });
    await closed(session);
    clock.leap(2 * HOUR);
    expect(await statusOf(login(3))).toBe(Status.FEATURE_EXPIRED);
  });

  it('applying a license again with the same days does not move the end', async () => {
    const { clock, login, local, vendor, key } = await open();
    await closed(await login(3));
    clock.leap(20 * DAY);
    const again = async (with_: string): Promise<void> => {
      const c2v = await local.ask('POST', '/api/v1/c2v', { key });
      await local.ask('POST', '/api/v1/apply', vendor.issue(c2v, with_));
    };
    await again(catalog);
    expect(await featureOf(local, 3)).toMatchObject({ firstUse: '2027-01-01T00:00:00.000Z', ends: '2027-01-31T00:00:00.000Z' });
    // Other days, which the vendor signed, count from the same first use.
    await again(catalog.replace('days: 30', 'days: 40'));
    await closed(await login(3));
    expect(await featureOf(local, 3)).toMatchObject({ firstUse: '2027-01-01T00:00:00.000Z', ends: '2027-02-10T00:00:00.000Z' });
  });

  it('a key in a virtual machine is refused with 51 where the license says so', async () => {
    const virtual = await open('virtual');
    expect(await statusOf(virtual.login(6))).toBe(Status.VM_DETECTED);
    await closed(await virtual.login(7));
    const physical = await open('physical');
    await closed(await physical.login(6));
  });

  it('an application in a remote desktop session is refused with 27 where the license says so', async () => {
    const { application } = await open();
    const remote = application(true);
    expect(await statusOf(remote(6))).toBe(Status.TS_DETECTED);
    await closed(await remote(7));
    await closed(await application(false)(6));
  });
});

describe('die at expiration (K2)', () => {
  /** Logs in an hour before the end of a license, and goes on after it. */
  const past = async (feature: number, dieAtExpiration: boolean) => {
    const { clock, login } = await open();
    // Feature 2 ends with its grace on the 12th; feature 4 after 15 days; feature 5 when all is used.
    if (feature === 4) await closed(await login(4));
    clock.leap(({ 2: 11 * DAY, 4: 15 * DAY }[feature] ?? HOUR) - HOUR);
    const session = await login(feature, { dieAtExpiration, ...(feature === 5 ? { executions: 10 } : {}) });
    expect(await statusOf(session.encrypt(sixteen))).toBe(0);
    const lost: unknown[] = [];
    session.on('lost', (error) => lost.push(error?.status));
    clock.leap(HOUR + MINUTE);
    return { session, lost };
  };
  it.each([2, 4])('ends a session of feature %i with 41 when its license and the grace of it are over', async (feature) => {
    const { session, lost } = await past(feature, true);
    expect(await statusOf(session.read({ file: 0xfff4, offset: 0, length: 1 }))).toBe(0);
    expect(await statusOf(session.decrypt(new Uint8Array(57)))).toBe(Status.FEATURE_EXPIRED);
    expect(await statusOf(session.read({ file: 0xfff4, offset: 0, length: 1 }))).toBe(Status.FEATURE_EXPIRED);
    expect(lost).toEqual([Status.FEATURE_EXPIRED]);
  });
  it.each([2, 4])('without it a session of feature %i goes on', async (feature) => {
    const { session } = await past(feature, false);
    expect(await statusOf(session.encrypt(sixteen))).toBe(0);
  });
  it('does not end a session by executions that are used up', async () => {
    const { session } = await past(5, true);
    expect(await statusOf(session.encrypt(sixteen))).toBe(0);
  });
});

describe('executions of a running session (K1)', () => {
  it('are counted once each, durable, shown, and end with 81, 41 and 104', async () => {
    const { local, login } = await open();
    const session = await login(5);
    expect(await session.consume(3)).toBe(6);
    expect(await Promise.all([session.consume(1), session.consume(1)])).toEqual([5, 4]);
    expect(await featureOf(local, 5)).toMatchObject({ count: 10, used: 6 });
    await local.restart();
    expect(await featureOf(local, 5)).toMatchObject({ used: 6 });
    expect(await statusOf(session.consume(5))).toBe(Status.FEATURE_INSUFFICIENT_EXECUTION_COUNT);
    expect(await session.consume(4)).toBe(0);
    expect(await statusOf(session.consume(1))).toBe(Status.FEATURE_EXPIRED);
    expect(await statusOf(session.encrypt(sixteen))).toBe(0);
    expect(await statusOf(session.consume(0))).toBe(Status.INVALID_PARAMETER);
    const other = await login(7);
    expect(await statusOf(other.consume(1))).toBe(Status.INV_OPTION);
  });
});

describe('executions whose answer is lost (K1, S21)', () => {
  it('are counted once each while the license manager stops and starts under them', async () => {
    const { local, vendor, login } = await open();
    const c2v = await local.ask('POST', '/api/v1/c2v', { key: (await login(7)).key });
    await local.ask('POST', '/api/v1/apply', vendor.issue(c2v, catalog.replace('count: 10', 'count: 1000')));
    const session = await login(5);
    let taken = 1;
    for (let round = 1; round <= 6; round += 1) {
      const work = Array.from({ length: round * 3 }, () => session.consume(1));
      // Some are answered, one is under way, the others wait for it.
      await Promise.all(work.slice(0, round));
      await local.restart();
      await Promise.all(work);
      taken += work.length;
      expect(await featureOf(local, 5)).toMatchObject({ used: taken });
    }
  });
});

describe('a license that ends (K8, A4)', () => {
  const told = (session: Session): Expiring[] => {
    const all: Expiring[] = [];
    session.on('expiring', (expiring) => all.push(expiring));
    return all;
  };
  it('is told once when the end is near and once in grace, at logins and at calls', async () => {
    const { clock, login } = await open();
    const session = await login(2, { expiringWithinMs: 9 * DAY - HOUR });
    const events = told(session);
    await session.encrypt(sixteen);
    expect(events).toEqual([]);
    clock.leap(HOUR);
    await session.encrypt(sixteen);
    await session.encrypt(sixteen);
    const near = { ends: new Date('2027-01-10T00:00:00Z'), graceEnds: new Date('2027-01-12T00:00:00Z'), inGrace: false };
    expect(events).toMatchObject([{ ...near, remainingMs: 9 * DAY - HOUR }]);
    await closed(session);

    clock.leap(9 * DAY);
    const late = await login(2);
    const graceEvents = told(late);
    await late.encrypt(sixteen);
    expect(graceEvents).toMatchObject([{ ...near, inGrace: true, remainingMs: -HOUR }]);
    expect(await late.info()).toMatchObject({
      inGrace: true,
      ends: Date.parse('2027-01-10T00:00:00Z'),
      graceEnds: Date.parse('2027-01-12T00:00:00Z'),
    });
    await closed(late);
    clock.leap(2 * DAY);
    expect(await statusOf(login(2))).toBe(Status.FEATURE_EXPIRED);
  });
  it('is not told where time does not end it', async () => {
    const { login } = await open();
    const session = await login(7, { expiringWithinMs: Number.MAX_SAFE_INTEGER });
    const events = told(session);
    await session.encrypt(sixteen);
    expect(events).toEqual([]);
    expect(await session.info()).not.toHaveProperty('ends');
  });
  it('that was renewed under the session is known after its next info', async () => {
    const { local, login, vendor } = await open();
    const session = await login(2, { expiringWithinMs: 10 * DAY });
    const events = told(session);
    await session.encrypt(sixteen);
    expect(events).toHaveLength(1);
    const c2v = await local.ask('POST', '/api/v1/c2v', { key: session.key });
    await local.ask('POST', '/api/v1/apply', vendor.issue(c2v, catalog.replace('2027-01-10', '2028-01-10')));
    expect(await session.info()).toMatchObject({ ends: Date.parse('2028-01-10T00:00:00Z') });
    await session.encrypt(sixteen);
    expect(events).toHaveLength(1);
  });
});
