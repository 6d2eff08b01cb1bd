import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError, type StatusCode } from '@keyhaven/core/errors';
import {
  createLicensing,
  type Licensing,
  type LoginOptions,
  type Surroundings,
  systemSurroundings,
} from '@keyhaven/licensing-api/licensing';
import { createTestVendor, freeTcpPort } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { lmAddressFrom, ownIdentity, systemEntropy } from '../../packages/licensing-api/src/environment.ts';
import { type LoneLm, licenseAt, startLoneLm } from './lone-lm.ts';
import { eventually } from './site.ts';

// A6: license managers that are stopped (SIGSTOP) or silent, as processes. A call ends with 33 or 40 when its time is over, and the sessions live.

const CATALOG = `
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 3, network: true } }
      - { id: 43, name: Chart, license: { type: executions, count: 100 }, concurrency: { network: true } }
      - { id: 44, name: Here, license: { type: perpetual }, concurrency: { seats: 2, network: true } }
    memory: { readWrite: 64 }
`;
const SHORT = 2_000;
const vendor = createTestVendor(CATALOG);
const { vendorCode } = vendor;
const sixteen = Buffer.from('sixteen bytes it');

const application = (port: number, callTimeoutMs?: number): Licensing => {
  const surroundings: Surroundings = { ...systemSurroundings, callTimeoutMs: () => callTimeoutMs };
  const licensing = createLicensing(lmAddressFrom(`127.0.0.1:${port}`), ownIdentity(), systemEntropy, surroundings);
  onTestFinished(() => licensing.close());
  return licensing;
};
const outcome = async (work: Promise<unknown>): Promise<StatusCode> =>
  work.then(
    () => 0,
    (error: unknown) => {
      if (error instanceof LicensingError) return error.status;
      throw error;
    },
  );
const lm = async (
  options: Parameters<typeof startLoneLm>[2] & { readonly config?: string; readonly host?: string } = {},
): Promise<LoneLm> => {
  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-silence-'));
  const config = join(directory, 'settings.toml');
  await writeFile(config, `[search]\nbroadcast = false\n${options.config ?? ''}`);
  const started = await startLoneLm(join(directory, 'state'), ['--config', config], options);
  const end = async () => {
    process.kill(started.pid, 'SIGCONT');
    await started.end('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  };
  ends.push(end);
  return started;
};
const ends: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});
const stop = (of: LoneLm): void => {
  process.kill(of.pid, 'SIGSTOP');
  onTestFinished(() => void process.kill(of.pid, 'SIGCONT'));
};
const sessionsAt = async (of: LoneLm): Promise<readonly unknown[]> =>
  JSON.parse((await of.ask('sessions', '--json')).stdout) as readonly unknown[];

describe('a local license manager that is stopped (A6)', () => {
  let local: LoneLm;
  beforeAll(async () => {
    local = await lm();
    await licenseAt(local, vendor);
  });

  it('lets every call end with 33, and each works again when it runs, in the same session', async () => {
    const api = application(local.port, SHORT);
    const wanted: LoginOptions = { vendorCode, feature: 42 };
    const session = await api.login(wanted);
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      encrypt: () => session.encrypt(sixteen),
      read: () => session.read({ file: 0xfff4, offset: 0, length: 4 }),
      write: () => session.write({ file: 0xfff4, offset: 0, data: sixteen }),
      size: () => session.size(0xfff4),
      clock: () => session.clock(),
      info: () => session.info(),
      'info as data': () => session.info('data'),
      'info as XML': () => session.info('<haspformat><license_manager><element name="version"/></license_manager></haspformat>'),
      find: () => api.find(wanted),
      information: () => api.information({ vendorCode }),
    };
    stop(local);
    const began = performance.now();
    const all = Object.entries(calls).map(async ([name, call]) => [name, await outcome(call())] as const);
    const login = outcome(api.login(wanted));
    const update = outcome(api.update('-----BEGIN KEYHAVEN V2C-----'));
    const requests = [outcome(api.transfer({ action: 'cancel', vendorCode })), outcome(api.recipient())];
    expect(Object.fromEntries(await Promise.all(all))).toEqual(Object.fromEntries(Object.keys(calls).map((name) => [name, 33])));
    expect([await login, await update, ...(await Promise.all(requests))]).toEqual([33, 33, 33, 33]);
    expect(performance.now() - began).toBeGreaterThan(SHORT * 0.9);

    process.kill(local.pid, 'SIGCONT');
    for (const [name, call] of Object.entries(calls)) expect([name, await outcome(call())]).toEqual([name, 0]);
    // What the login asked for came, and went back.
    await eventually('only the first session is open', async () => (await sessionsAt(local)).length === 1);
    await session.logout();
    expect(await sessionsAt(local)).toEqual([]);
  });

  it('counts executions once, when the call that was given up is repeated', async () => {
    const session = await application(local.port, SHORT).login({ vendorCode, feature: 43 });
    const before = await session.consume(1);
    stop(local);
    expect(await outcome(session.consume(5))).toBe(33);
    expect(await outcome(session.consume(5))).toBe(33);
    process.kill(local.pid, 'SIGCONT');
    expect(await session.consume(5)).toBe(before - 5);
    expect(await session.consume(1)).toBe(before - 6);
    await session.logout();
  });

  it('keeps the execution of a login that was given up for the next one', async () => {
    const api = application(local.port, SHORT);
    const one = await api.login({ vendorCode, feature: 43 });
    const { executions: before = 0 } = await one.info();
    stop(local);
    expect(await outcome(api.login({ vendorCode, feature: 43 }))).toBe(33);
    process.kill(local.pid, 'SIGCONT');
    const session = await api.login({ vendorCode, feature: 43 });
    expect((await session.info()).executions).toBe(before + 1);
    await session.logout();
    await one.logout();
  });

  it('ends waiting for a seat at its own limit', async () => {
    const api = application(local.port, SHORT);
    const all = await Promise.all([1, 2].map(() => api.login({ vendorCode, feature: 44 })));
    const waiting = outcome(api.login({ vendorCode, feature: 44, wait: { timeoutMs: 3_000 } }));
    await eventually('it waits', async () => (await local.ask('features', '--json')).stdout.includes('"waiting":1'));
    stop(local);
    expect(await waiting).toBe(38);
    expect(await outcome(api.login({ vendorCode, feature: 44, wait: { timeoutMs: 3_000 } }))).toBe(33);
    process.kill(local.pid, 'SIGCONT');
    await all[0]?.logout();
    await eventually('nobody waits any more', async () => !(await local.ask('features', '--json')).stdout.includes('"waiting":1'));
    const session = await api.login({ vendorCode, feature: 44 });
    await session.logout();
    await all[1]?.logout();
  });
});

it('what accepts the connection and stays silent is 33, also for the next call', async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the system names no port');
  const api = application(address.port, 1_000);
  const error: unknown = await api.login({ vendorCode, feature: 42 }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ status: 33 });
  expect(String(error)).toContain('does not answer: nothing came within 1 s');
  expect(await outcome(api.information({ vendorCode }))).toBe(33);
});

it('an event loop that is blocked for longer than a call may take ends no call, and a stopped process neither (A3)', async () => {
  const local = await lm();
  await licenseAt(local, vendor);
  const session = await application(local.port, 1_000).login({ vendorCode, feature: 42 });
  for (let times = 0; times < 3; times += 1) {
    const calls = [session.encrypt(sixteen), session.info(), session.info('data')].map(outcome);
    // The requests leave in this turn, and the answers come while nobody reads them.
    await Promise.resolve();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000);
    expect(await Promise.all(calls)).toEqual([0, 0, 0]);
  }
  await session.logout();
});

describe('a license manager of another computer that is stopped (A6)', () => {
  let near: LoneLm;
  let far: LoneLm;
  let other: LoneLm;
  let own: string;
  beforeAll(async () => {
    const port = await freeTcpPort();
    far = await lm({ port, host: '127.0.0.2' });
    other = await lm({ port, host: '127.0.0.3' });
    near = await lm({ port, config: 'addresses = ["127.0.0.2", "127.0.0.3"]\n' });
    await licenseAt(far, vendor);
    own = await licenseAt(near, vendor);
  });

  it('costs a login its share of the time, and the key of another computer grants', { timeout: 120_000 }, async () => {
    const few = createTestVendor(CATALOG, 8);
    const keys = [await licenseAt(far, few), await licenseAt(other, few)];
    const api = application(near.port);
    const wanted = { vendorCode: few.vendorCode, feature: 42 };
    await eventually('both keys are known', async () => (await api.find(wanted)).length === 2);
    const first = await api.login(wanted);
    await first.logout();
    const [stopped, runs] = first.key === keys[0] ? [far, keys[1]] : [other, keys[0]];
    stop(stopped);
    const session = await api.login(wanted);
    expect(session.key).toBe(runs);
    await session.logout();
    process.kill(stopped.pid, 'SIGCONT');
    await eventually('no seat is left there', async () => (await sessionsAt(stopped)).length === 0, 60_000);
  });

  it.each([
    ['of ten seconds', undefined],
    ['that is shorter than what the license managers allow each other', SHORT],
  ])('ends calls with 40 within a limit %s, and its sessions live', { timeout: 150_000 }, async (_name, limit) => {
    const api = application(near.port, limit);
    const scope = { licenseManager: { id: far.guid } };
    await eventually('the key there is known', async () => (await outcome(api.find({ vendorCode, feature: 42, scope }))) === 0);
    const session = await api.login({ vendorCode, feature: 42, scope });
    await session.encrypt(sixteen);
    stop(far);
    const began = performance.now();
    const statuses = await Promise.all(
      [session.encrypt(sixteen), session.info(), api.login({ vendorCode, feature: 42, scope })].map(outcome),
    );
    expect(statuses).toEqual([40, 40, 40]);
    expect(performance.now() - began).toBeLessThan((limit ?? 10_000) + 8_000);
    // The local one answers meanwhile, and a login goes on to the key that can be had.
    const here = await api.login({ vendorCode, feature: 42 });
    expect(here.key).toBe(own);
    await here.logout();
    process.kill(far.pid, 'SIGCONT');
    await eventually('the session works again', async () => (await outcome(session.encrypt(sixteen))) === 0, 30_000);
    await session.logout();
    await eventually('no seat is left', async () => (await sessionsAt(far)).length === 0, 60_000);
  });
});
