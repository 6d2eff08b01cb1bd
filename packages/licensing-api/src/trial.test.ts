import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { DAY, HOUR, wall } from '@keyhaven/core/time';
import { createManualClock, createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemEntropy } from './environment.ts';
import { createLicensing } from './licensing.ts';

// Trial licenses on a real LM, on a clock that is moved by hand (K8).

const BEGIN = Date.UTC(2027, 0, 1);
const catalog = `
products:
  - id: 1
    name: Survey
    features:
      - { id: 1, license: { type: perpetual }, concurrency: { seats: 1, network: true, remoteDesktop: true } }
      - { id: 2, license: { type: executions, count: 3 } }
    memory: { readWrite: 64, readOnly: 16, readOnlyData: { text: hello } }
  - id: 2
    name: Bought
    features: [{ id: 1, license: { type: period, days: 365 } }]
`;

const temporary = async (name: string): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), `keyhaven-${name}-`));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
};

const open = async () => {
  const clock = createManualClock(BEGIN);
  const vendor = createTestVendor(catalog);
  const trialDirectory = await temporary('trials');
  const trial = vendor.trial(1, 14, wall(BEGIN));
  /** The first search of an LM is over; no time has passed on the wall. */
  const begin = (): void => {
    clock.advance(2_000);
    clock.leap(-2_000);
  };
  /** An LM with an empty state directory on this computer. */
  const install = async (): Promise<LocalLm> => {
    const local = await startLocalLm({ clock, trialDirectory, observe: async () => ({ host: 'physical', values: {} }) });
    onTestFinished(() => local[Symbol.asyncDispose]());
    begin();
    return local;
  };
  const login = async (local: LocalLm, feature = 1) => {
    const licensing = createLicensing(local.address, ownIdentity(), systemEntropy);
    onTestFinished(() => licensing.close());
    return licensing.login({ vendorCode: vendor.vendorCode, feature });
  };
  const apply = async (local: LocalLm, file = trial): Promise<string> => local.ask('POST', '/api/v1/apply', file);
  return { clock, vendor, trial, trialDirectory, begin, install, login, apply };
};
const statusOf = (work: Promise<unknown>): Promise<number> =>
  work.then(
    () => 0,
    (error: unknown) => {
      if (error instanceof LicensingError) return error.status;
      const [, status] = /"code":(\d+)/.exec(String(error)) ?? [];
      if (status === undefined) throw error;
      return Number(status);
    },
  );
const licenseOf = async (local: LocalLm): Promise<unknown> =>
  (JSON.parse(await local.ask('GET', '/api/v1/features')) as { license: unknown }[])[0]?.license;

describe('a trial license (K8)', () => {
  it('runs on any computer without activation, for its days from the first use, with seats for all of it', async () => {
    const { clock, begin, install, login, apply } = await open();
    const local = await install();
    await apply(local);
    clock.leap(100 * DAY);
    const first = await login(local);
    const second = await login(local);
    expect(first.license).toEqual({ type: 'period', days: 14, trial: true });
    expect(await first.info()).toMatchObject({ firstUse: BEGIN + 100 * DAY, ends: BEGIN + 114 * DAY, limit: null });
    expect(Buffer.from(await first.read({ file: 0xfff5, offset: 0, length: 5 })).toString()).toBe('hello');
    const sealed = await first.encrypt(Buffer.from('sixteen bytes it'));
    expect(Buffer.from(await second.decrypt(sealed)).toString()).toBe('sixteen bytes it');
    clock.leap(14 * DAY - HOUR);
    // Another feature of it did not begin anew.
    await login(local, 2);
    expect(await licenseOf(local)).toMatchObject({ trial: true, ends: new Date(BEGIN + 114 * DAY).toISOString() });
    clock.leap(2 * HOUR);
    expect(await statusOf(login(local, 2))).toBe(Status.FEATURE_EXPIRED);
    await local.restart();
    begin();
    expect(await statusOf(login(local))).toBe(Status.FEATURE_EXPIRED);
  });

  it('does not begin anew by applying the file again, also at once or after a restart', async () => {
    const { clock, begin, install, login, apply } = await open();
    const local = await install();
    const both = await Promise.all([statusOf(apply(local)), statusOf(apply(local))]);
    expect(both.toSorted((a, b) => a - b)).toEqual([0, Status.UPDATE_ALREADY_ADDED]);
    await login(local);
    clock.leap(10 * DAY);
    expect(await statusOf(apply(local))).toBe(Status.UPDATE_ALREADY_ADDED);
    await local.restart();
    begin();
    expect(await statusOf(apply(local))).toBe(Status.UPDATE_ALREADY_ADDED);
    expect(JSON.parse(await local.ask('GET', '/api/v1/keys'))).toHaveLength(1);
  });

  it('does not begin anew with an empty state directory: it goes on while its days last, and is refused after them', async () => {
    const { clock, install, login, apply } = await open();
    const local = await install();
    await apply(local);
    const { firstUse = 0 } = await (await login(local)).info();
    await local[Symbol.asyncDispose]();
    clock.leap(10 * DAY);
    const second = await install();
    await apply(second);
    expect(await (await login(second)).info()).toMatchObject({ firstUse, ends: firstUse + 14 * DAY });
    await second[Symbol.asyncDispose]();
    clock.leap(5 * DAY);
    const third = await install();
    expect(await statusOf(apply(third))).toBe(Status.FEATURE_EXPIRED);
    // Nor with a clock that is set back to within its days.
    await third[Symbol.asyncDispose]();
    clock.leap(-10 * DAY);
    expect(await statusOf(apply(await install()))).toBe(Status.TIME_ERR);
  });

  it('keeps what is known of it when only the mark is deleted, and writes it again', async () => {
    const { clock, begin, install, login, apply, trialDirectory } = await open();
    const local = await install();
    await apply(local);
    const { firstUse } = await (await login(local)).info();
    await local.stop();
    await rm(trialDirectory, { recursive: true });
    clock.leap(3 * DAY);
    await local.start();
    begin();
    expect(await (await login(local)).info()).toMatchObject({ firstUse });
    expect((await readdir(trialDirectory)).filter((name) => name.startsWith('mark-'))).toHaveLength(1);
  });

  it('refuses a mark that somebody wrote', async () => {
    const { install, login, apply, trialDirectory } = await open();
    const local = await install();
    await apply(local);
    await login(local);
    await local[Symbol.asyncDispose]();
    const [name = ''] = (await readdir(trialDirectory)).filter((each) => each.startsWith('mark-'));
    const before = await readFile(join(trialDirectory, name), 'utf8');
    await writeFile(join(trialDirectory, name), `${before.slice(0, 10)}${before[10] === 'A' ? 'B' : 'A'}${before.slice(11)}`);
    expect(await statusOf(apply(await install()))).toBe(Status.STORAGE_CORRUPT);
  });

  it('of another issue is another trial', async () => {
    const { clock, vendor, install, login, apply } = await open();
    const local = await install();
    await apply(local);
    await login(local);
    clock.leap(20 * DAY);
    await apply(local, vendor.trial(1, 30, wall(BEGIN + 20 * DAY)));
    expect(await (await login(local)).info()).toMatchObject({ ends: BEGIN + 50 * DAY, limit: null });
  });

  it('that was changed on its way is refused, and so is one of a stranger by the application', async () => {
    const { install, login, apply, trial } = await open();
    const local = await install();
    const lines = trial.split('\n');
    lines[3] = (lines[3] ?? '').split('').toReversed().join('');
    expect(await statusOf(apply(local, lines.join('\n')))).toBe(Status.INV_SIG);
    await apply(local, createTestVendor(catalog).trial(1, 14, wall(BEGIN)));
    expect(await statusOf(login(local))).not.toBe(0);
  });

  it('is followed by what is bought, in the same key, which begins anew', async () => {
    const { clock, vendor, install, login, apply } = await open();
    const local = await install();
    const { key } = JSON.parse(await apply(local)) as { key: string };
    await login(local);
    clock.leap(20 * DAY);
    const c2v = await local.ask('POST', '/api/v1/c2v', { vendorCode: vendor.vendorCode });
    const bought = catalog.slice(0, catalog.indexOf('  - id: 1\n')) + catalog.slice(catalog.indexOf('  - id: 2\n    name: Bought'));
    expect(JSON.parse(await local.ask('POST', '/api/v1/apply', vendor.issue(c2v, bought)))).toMatchObject({ key, updateCounter: 1 });
    const session = await login(local);
    expect(session.license).toEqual({ type: 'period', days: 365 });
    expect(await session.info()).toMatchObject({ firstUse: BEGIN + 20 * DAY, ends: BEGIN + 385 * DAY });
  });
});
