import { LicensingError } from '@keyhaven/core/errors';
import { createTestVendor, startLocalLm } from '@keyhaven/testkit/local-lm';
import { expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemEntropy, systemSurroundings } from './environment.ts';
import { createLicensing } from './licensing.ts';
import type { Session } from './session.ts';

// A rejected promise that nobody handles ends a Node.js process. An application that handles each of its calls meets none, whatever happens to license
// managers, connections and waits; and neither does the license manager.

const vendor = createTestVendor(`
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 6 } }
      - { id: 43, name: Chart, license: { type: executions, count: 1000 } }
    memory: { readWrite: 64 }
`);
const { vendorCode } = vendor;

it('no promise is rejected that no caller has, while license managers restart, waits are given up and everything is closed', {
  timeout: 90_000,
}, async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  const local = await startLocalLm();
  onTestFinished(() => local[Symbol.asyncDispose]());
  await local.license(vendor);

  const outcomes = new Set<string>();
  const settled = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
      outcomes.add('done');
    } catch (error) {
      outcomes.add(error instanceof LicensingError ? error.name : String(error));
    }
  };
  for (let round = 0; round < 3; round += 1) {
    const surroundings = { ...systemSurroundings, callTimeoutMs: () => 2_000 };
    const licensing = createLicensing(local.address, ownIdentity(), systemEntropy, surroundings);
    const given = new AbortController();
    const sessions: Session[] = [];
    for (const feature of [42, 42, 43]) sessions.push(await licensing.login({ vendorCode, feature }));
    const calls = (): Promise<void>[] =>
      sessions.flatMap((session) =>
        [
          session.encrypt(new Uint8Array(16)),
          session.info('data'),
          session.write({ file: 0xfff4, offset: 0, data: new Uint8Array(8) }),
          session.consume(1),
        ].map(settled),
      );
    const logins = (): Promise<void>[] =>
      [
        licensing.login({ vendorCode, feature: 42 }),
        licensing.login({ vendorCode, feature: 42, seats: 6, wait: { timeoutMs: 500 } }),
        licensing.login({ vendorCode, feature: 42, seats: 6, wait: { timeoutMs: 60_000 }, signal: given.signal }),
        licensing.login({ vendorCode, feature: 42, signal: given.signal }),
        licensing.login({ vendorCode, feature: 99 }),
        licensing.information({ vendorCode, format: 'keyinfo' }),
        licensing.update('no license'),
        licensing.recipient(),
        licensing.transfer({ vendorCode, action: 'cancel' }),
      ].map(settled);
    const all = [...calls(), ...logins()];
    const restarting = local.restart();
    all.push(...calls(), ...logins());
    await restarting;
    all.push(...calls());
    given.abort(new Error('given up'));
    if (round === 1) licensing.close();
    await Promise.all(all);
    const stopping = local.stop();
    const last = [...calls(), ...logins()];
    await stopping;
    licensing.close();
    await Promise.all(last);
    await local.start();
  }
  // What is left behind happens in later turns.
  for (let turns = 0; turns < 50; turns += 1) await new Promise((done) => setImmediate(done));
  expect(unhandled).toEqual([]);
  expect(outcomes).toContain('done');
  expect(outcomes).toContain('Error: given up');
  expect(outcomes).toContain('LOCAL_COMM_ERR');
  expect([...outcomes].filter((each) => each.includes('Error') && each !== 'Error: given up')).toEqual([]);
});
