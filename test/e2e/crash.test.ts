import { Buffer } from 'node:buffer';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import { systemEntropy } from '@keyhaven/vendor-tools';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type CrashApplication, type CrashComputer, openCrashComputer } from './crash-lm.ts';

// kill -9 of the LM at any moment (S20, S21, S22, I3): real processes, a real disk, a loopback port of its own.

const HELD = 42;
const COUNTED = 43;
const APPLICATIONS = 5;
const ROUNDS = 8;
const FILE = 0xfff4;
const catalog = `
products:
  - id: 1
    name: Crash
    features:
      - { id: ${HELD}, name: Held, license: { type: perpetual }, concurrency: { seats: ${APPLICATIONS} } }
      - { id: ${COUNTED}, name: Counted, license: { type: executions, count: 1000000 } }
    memory: { readWrite: 1024, readOnly: 16 }
`;

type Feature = { readonly feature: number; readonly license: { readonly used?: number }; readonly seats: { readonly used: number } };
type Open = { readonly id: string; readonly feature: number; readonly pid: number };

const open = async (): Promise<CrashComputer> => {
  const computer = await openCrashComputer(catalog);
  onTestFinished(() => computer.close());
  return computer;
};
const featuresOf = async (computer: CrashComputer): Promise<ReadonlyMap<number, Feature>> =>
  new Map(((await computer.get('/api/v1/features')) as readonly Feature[]).map((each) => [each.feature, each]));
const sessionsOf = async (computer: CrashComputer): Promise<readonly Open[]> => (await computer.get('/api/v1/sessions')) as readonly Open[];
const executionsOf = async (computer: CrashComputer): Promise<number> => (await featuresOf(computer)).get(COUNTED)?.license.used ?? -1;

/** The test itself as an application, with a connection of its own. */
const observer = (computer: CrashComputer): Licensing => {
  const licensing = createLicensing(
    computer.address,
    { pid: process.pid, start: 0, user: 'test', host: 'test', application: 'crash.test' },
    systemEntropy,
  );
  onTestFinished(() => licensing.close());
  return licensing;
};
const memoryOf = async (licensing: Licensing, vendorCode: string): Promise<readonly number[]> => {
  await using session = await licensing.login({ vendorCode, feature: 0 });
  const bytes = Buffer.from(await session.read({ file: FILE, offset: 0, length: APPLICATIONS * 4 }));
  return Array.from({ length: APPLICATIONS }, (_, index) => bytes.readUInt32BE(index * 4));
};

const begin = (computer: CrashComputer, count: number, counted = COUNTED): readonly CrashApplication[] =>
  Array.from({ length: count }, (_, index) => {
    const application = computer.application();
    application.order({ kind: 'begin', vendorCode: computer.vendor.vendorCode, held: HELD, counted, offset: index * 4 });
    return application;
  });
const sum = (applications: readonly CrashApplication[], of: (state: CrashApplication['state']) => number): number =>
  applications.reduce((total, each) => total + of(each.state), 0);
const until = (what: string, holds: () => boolean | Promise<boolean>, timeout = 20_000): Promise<void> =>
  expect.poll(holds, { timeout, interval: 5, message: what }).toBe(true);

/** The applications stop, log out and end; nothing is left of them. */
const finish = async (computer: CrashComputer, applications: readonly CrashApplication[]): Promise<void> => {
  const ends = applications.map((each) => each.ended());
  for (const each of applications) each.order({ kind: 'stop' });
  expect(await Promise.all(ends)).toEqual(applications.map(() => 0));
  expect(applications.flatMap((each) => each.state.faults)).toEqual([]);
  // A logout may be lost by a crash right after it; then the end of the process gives the seat back.
  await until('everything is released', async () => (await sessionsOf(computer)).length === 0);
  expect([...(await featuresOf(computer)).values()].map((each) => each.seats.used)).toEqual([0, 0]);
};

describe('kill -9 of the license manager in a loop under load', () => {
  it('loses nothing that was acknowledged and counts nothing twice (S20, S21, S22, I1, I3)', async () => {
    const computer = await open();
    const applications = begin(computer, APPLICATIONS);
    await until('every application has its session', () => applications.every((each) => each.state.session !== ''));
    const held = applications.map((each) => each.state.session).sort();
    expect(new Set(held).size).toBe(APPLICATIONS);
    const watching = observer(computer);

    for (let round = 1; round <= ROUNDS; round += 1) {
      // The moment of the kill follows from how far the load has come, and so falls anywhere in it.
      const goal = sum(applications, (state) => state.grants + state.acknowledged) + 10 + round * 7;
      await until(`round ${round}: the load goes on`, () => sum(applications, (state) => state.grants + state.acknowledged) >= goal);
      const before = applications.map((each) => each.state);
      await computer.end('SIGKILL');
      await computer.start();

      const sessions = await sessionsOf(computer);
      expect(
        sessions
          .filter((each) => each.feature === HELD)
          .map((each) => each.id)
          .sort(),
        `round ${round}`,
      ).toEqual(held);
      const [memory, executions] = [await memoryOf(watching, computer.vendor.vendorCode), await executionsOf(computer)];
      // Load goes on while this looks, so what was told afterwards bounds from above.
      await until('the applications were heard', () =>
        applications.every((each, index) => each.state.attempted > (before[index]?.attempted ?? 0)),
      );
      for (const [index, { acknowledged }] of before.entries()) {
        expect(memory[index], `round ${round}, application ${index}`).toBeGreaterThanOrEqual(acknowledged);
        expect(memory[index]).toBeLessThanOrEqual(applications[index]?.state.attempted ?? 0);
      }
      expect(executions, `round ${round}`).toBeGreaterThanOrEqual(before.reduce((total, each) => total + each.grants, 0));
      expect(executions).toBeLessThanOrEqual(sum(applications, (state) => state.logins));
      // I1: all seats of the feature are taken by those who had them before.
      await expect(watching.login({ vendorCode: computer.vendor.vendorCode, feature: HELD })).rejects.toMatchObject({ status: 38 });
    }

    // A login that nobody answered is repeated by the next one, so after two more of them every execution is accounted for.
    const settled = applications.map((each) => each.state.grants + 2);
    await until('the load goes on after the last crash', () =>
      applications.every((each, index) => each.state.grants >= (settled[index] ?? 0)),
    );
    expect(applications.map((each) => each.state.session).sort()).toEqual(held);
    await finish(computer, applications);
    expect(await executionsOf(computer)).toBe(sum(applications, (state) => state.grants));
    expect(await memoryOf(watching, computer.vendor.vendorCode)).toEqual(applications.map((each) => each.state.acknowledged));
  });
});

describe('a license manager that is stopped', () => {
  it('gives way on SIGTERM with status 0, and sessions go on in the next one (S22)', async () => {
    const computer = await open();
    const applications = begin(computer, 2);
    await until('both have written', () => applications.every((each) => each.state.acknowledged > 0));
    for (let round = 0; round < 3; round += 1) {
      expect(await computer.end('SIGTERM')).toBe(0);
      const told = applications.map((each) => each.state.acknowledged);
      await computer.start();
      await until('both go on', () => applications.every((each, index) => each.state.acknowledged > (told[index] ?? 0)));
      const held = (await sessionsOf(computer)).filter((each) => each.feature === HELD);
      expect(held.map((each) => each.id).sort()).toEqual(applications.map((each) => each.state.session).sort());
    }
    await finish(computer, applications);
    expect(await executionsOf(computer)).toBe(sum(applications, (state) => state.grants));
  });

  it('costs applications a status 33 as long as it is gone, and no session', async () => {
    const computer = await open();
    const [application] = begin(computer, 1, 0);
    if (application === undefined) throw new Error('no application');
    await until('it has written', () => application.state.acknowledged > 0);
    const watching = observer(computer);
    await computer.end('SIGKILL');
    await expect(watching.login({ vendorCode: computer.vendor.vendorCode, feature: HELD })).rejects.toMatchObject({
      status: 33,
      name: 'LOCAL_COMM_ERR',
    });
    await until('its calls fail with 33', () => application.state.unreachable > 0);
    const { acknowledged } = application.state;
    await computer.start();
    await until('it goes on', () => application.state.acknowledged > acknowledged);
    expect((await sessionsOf(computer)).map((each) => each.id)).toEqual([application.state.session]);
    await finish(computer, [application]);
  });
});

describe('an application whose event loop is blocked', () => {
  it('keeps its session, also while the license manager crashes and looks for it several times (A3)', async () => {
    const computer = await open();
    const [application] = begin(computer, 1, 0);
    if (application === undefined) throw new Error('no application');
    await until('it has written', () => application.state.acknowledged > 0);
    const release = join(computer.directory, 'release');
    application.order({ kind: 'block', until: release });
    await until('it is blocked', () => application.state.phase === 'blocked');
    const { session, acknowledged } = application.state;
    await computer.end('SIGKILL');
    await computer.start();
    // Real time is the subject: the LM looks after 5, 20, 75, 300, 1000 and 2000 ms, each after the one before.
    await pause(3_600);
    expect((await sessionsOf(computer)).map((each) => each.id)).toEqual([session]);
    await writeFile(release, '');
    await until('it goes on', () => application.state.phase === 'running' && application.state.acknowledged > acknowledged + 1);
    expect(application.state.faults).toEqual([]);
    await finish(computer, [application]);
  });
});
