import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError } from '@keyhaven/core/errors';
import { DAY, wall } from '@keyhaven/core/time';
import { createManualClock, createTestVendor } from '@keyhaven/testkit/local-lm';
import { startNearApplication } from '@keyhaven/testkit/near';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openNearLm, thisComputer } from './index.ts';

const vendor = createTestVendor('products: [{ id: 1, name: Survey, features: [{ id: 42, license: { type: perpetual } }] }]');
const { vendorCode } = vendor;
const statusOf = (work: Promise<unknown>): Promise<number> =>
  work.then(
    () => 0,
    (error: unknown) => {
      if (error instanceof LicensingError) return error.status;
      throw error;
    },
  );

/** A user of a computer whose clock is moved by hand. */
const world = async () => {
  const user = await mkdtemp(join(tmpdir(), 'keyhaven-near-trial-'));
  onTestFinished(() => rm(user, { recursive: true, force: true }));
  const clock = createManualClock(Date.UTC(2027, 0, 1));
  const directory = join(user, '7');
  const start = async () => {
    const lm = await openNearLm({ kind: 'integrated', vendor: 7, directory, computer: { ...thisComputer(), clock } });
    const login = (): Promise<number> => {
      const { licensing, crash } = startNearApplication(lm, { pid: process.pid });
      const using = async (): Promise<void> => {
        const session = await licensing.login({ vendorCode, feature: 42 });
        const told = await session.info('data');
        // What the application believes is in the chain that the key shows.
        expect(told.licenseManagers[0]?.vendors[0]?.keys[0]).toMatchObject({ type: 'HASP-SL-UserMode' });
      };
      return statusOf(using()).finally(crash);
    };
    return { lm, login };
  };
  return { clock, directory, start };
};

describe('a trial license of a user (K8, T1)', () => {
  it('makes an SL UserMode key, whose days begin with its first use and end', async () => {
    const { clock, start } = await world();
    const { lm, login } = await start();
    onTestFinished(() => lm.close());
    const { key } = await lm.apply(vendor.trial(1, 30, wall(Date.UTC(2026, 11, 1))));
    expect(lm.list()).toMatchObject([{ key, type: 'sl-usermode', updateCounter: 0 }]);
    clock.leap(20 * DAY);
    expect(await login()).toBe(0);
    clock.leap(29 * DAY);
    expect(await login()).toBe(0);
    clock.leap(2 * DAY);
    expect(await login()).toBe(41);
    // What is bought comes to the same key.
    await lm.apply(vendor.issue(await lm.c2v({ key })));
    expect([lm.keys(), await login()]).toEqual([[key], 0]);
  });

  it('does not begin anew in a new store: what was used is kept beside all stores of the user', async () => {
    const { clock, directory, start } = await world();
    const text = vendor.trial(1, 30, wall(Date.UTC(2026, 11, 1)));
    const first = await start();
    await first.lm.apply(text);
    expect(await first.login()).toBe(0);
    await first.lm.close();
    await rm(directory, { recursive: true });
    clock.leap(20 * DAY);
    const second = await start();
    await second.lm.apply(text);
    clock.leap(11 * DAY);
    expect(await second.login()).toBe(41);
    await second.lm.close();
    await rm(directory, { recursive: true });
    const third = await start();
    onTestFinished(() => third.lm.close());
    expect(await statusOf(third.lm.apply(text))).toBe(41);
    await access(directory);
  });
});
