import { Buffer } from 'node:buffer';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { parseVendorCode } from '@keyhaven/core/license';
import type { Call, Reply } from '@keyhaven/core/session';
import { createManualClock, createTestVendor, type LocalLm, type LocalLmOptions, startLocalLm } from '@keyhaven/testkit/local-lm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, type Surroundings, systemEntropy, systemSurroundings } from './environment.ts';
import { type KeyPath, openKeyPath } from './key-path.ts';
import { createLicensing, type Licensing } from './licensing.ts';
import { testTime } from './limits.testing.ts';
import { connectToLm } from './lm-connection.ts';
import type { Session } from './session.ts';

// Sessions outlive their connection (L4), their LM (S22), and nobody else gets hold of them.

const FILE = 0xfff4;
const ROOT = join(import.meta.dirname, '../../..');
const vendor = createTestVendor(`
products:
  - id: 1
    name: Survey
    features: [{ id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 2 } }]
    memory: { readWrite: 64, readOnly: 16 }
`);
const wanted = { vendorCode: vendor.vendorCode, feature: 42 };

const start = async (options: LocalLmOptions = {}): Promise<LocalLm> => {
  const local = await startLocalLm(options);
  onTestFinished(() => local[Symbol.asyncDispose]());
  await local.license(vendor);
  return local;
};
const createApplication = (local: LocalLm, surroundings: Surroundings = systemSurroundings): Licensing => {
  const licensing = createLicensing(local.address, ownIdentity(), systemEntropy, surroundings);
  onTestFinished(() => licensing.close());
  return licensing;
};
const openSessions = async (local: LocalLm): Promise<readonly string[]> =>
  (JSON.parse(await local.ask('GET', '/api/v1/sessions')) as readonly { readonly id: string }[]).map((each) => each.id);
const listen = (session: Session): string[] => {
  const heard: string[] = [];
  for (const event of ['lost', 'restored'] as const)
    session.on(event, (error) => heard.push(error === undefined ? event : `${event} ${error.status}`));
  return heard;
};
const write = (session: Session, text: string): Promise<void> => session.write({ file: FILE, offset: 0, data: Buffer.from(text) });
const read = async (session: Session, length: number): Promise<string> =>
  Buffer.from(await session.read({ file: FILE, offset: 0, length })).toString();

describe('a connection that the LM closed for being unused (L4)', () => {
  it('is opened again by the next call, with the same session and without a word to the application', async () => {
    const clock = createManualClock();
    const reasons: unknown[] = [];
    const closed = Promise.withResolvers<void>();
    const local = await start({
      clock,
      onEvent(event) {
        if (event.event !== 'application disconnected') return;
        reasons.push(event['reason']);
        closed.resolve();
      },
    });
    const application = createApplication(local, { ...systemSurroundings, time: { ...systemSurroundings.time, now: () => clock.mono() } });
    const session = await application.login(wanted);
    const heard = listen(session);
    await write(session, 'before');

    // Under seven minutes nothing may be closed; after eleven it is.
    clock.advance(7 * 60_000);
    await turn();
    expect(reasons).toEqual([]);
    clock.advance(4 * 60_000);
    await closed.promise;
    expect(reasons).toEqual(['unused for too long']);
    expect(await openSessions(local)).toEqual([session.id]);
    // The API must have seen the end of its socket, and must not have come back by itself.
    await turn();
    await turn();

    expect(await read(session, 6)).toBe('before');
    expect(await openSessions(local)).toEqual([session.id]);
    expect(heard).toEqual([]);
    await session.logout();
    expect(await openSessions(local)).toEqual([]);
  });
});

describe('an LM that restarts (S22)', () => {
  it('goes on with every session, without a new login, while calls are made all the time', async () => {
    const local = await start();
    const application = createApplication(local);
    const [first, second] = [await application.login(wanted), await application.login(wanted)];
    const heard = listen(first);
    let restarted = false;
    const calling = (async () => {
      let count = 0;
      for (; !restarted; count += 1) {
        await write(first, String(count).padStart(6, '0'));
        expect(await read(first, 6)).toBe(String(count).padStart(6, '0'));
      }
      return count;
    })();
    await local.restart();
    restarted = true;
    expect(await calling).toBeGreaterThan(0);
    expect(await read(second, 6)).toMatch(/^\d{6}$/);
    expect([...(await openSessions(local))].sort()).toEqual([first.id, second.id].sort());
    // Both seats are still held: nobody else gets one.
    await expect(createApplication(local).login(wanted)).rejects.toMatchObject({ status: 38 });
    await expect.poll(() => heard).toEqual(['lost', 'restored']);
    await first.logout();
    await second.logout();
    expect(await openSessions(local)).toEqual([]);
  });

  it('says lost when it goes and restored when it is back, also to an application that calls nothing', async () => {
    const local = await start();
    const session = await createApplication(local).login(wanted);
    const heard = listen(session);
    await local.stop();
    await expect.poll(() => heard).toEqual(['lost']);
    await local.start();
    await expect.poll(() => heard, { timeout: 5_000 }).toEqual(['lost', 'restored']);
    await session.logout();
  });

  it('makes calls wait for a while, then fail with 33, and work again later', async () => {
    const local = await start();
    // Pauses take no real time, so that the test sees the end of the API's patience at once.
    let waited = 0;
    const time = {
      ...systemSurroundings.time,
      now: () => waited,
      pause: async (milliseconds: number) => turn().then(() => void (waited += milliseconds)),
    };
    const session = await createApplication(local, { ...systemSurroundings, time }).login(wanted);
    await local.stop();
    const error: unknown = await write(session, 'lost').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LicensingError);
    expect(error).toMatchObject({ status: 33, name: 'LOCAL_COMM_ERR' });
    expect(waited).toBeGreaterThanOrEqual(4_500);
    await local.start();
    await write(session, 'again');
    expect(await read(session, 5)).toBe('again');
    expect(await openSessions(local)).toEqual([session.id]);
    await session.logout();
  });

  it('a login that nobody answered is repeated by the next one, so that its seat is not lost (S20)', async () => {
    const local = await start();
    // From the login on nothing of the LM arrives, for longer than the API waits.
    let waited = 0;
    let writes: number | undefined;
    let deaf = false;
    const time = {
      ...systemSurroundings.time,
      now: () => waited,
      pause: async (milliseconds: number) => turn().then(() => void (waited += milliseconds)),
    };
    const dial: Surroundings['dial'] = (address) => {
      const socket = systemSurroundings.dial(deaf ? { host: '127.0.0.1', port: 9 } : address);
      const [emit, send] = [socket.emit.bind(socket), socket.write.bind(socket)];
      socket.write = (bytes: Uint8Array): boolean => {
        if (writes !== undefined) writes += 1;
        deaf ||= writes === 2; // The first one asks for candidates, the second one is the login.
        return send(bytes);
      };
      socket.emit = (event: string | symbol, ...rest: unknown[]): boolean => {
        if (event !== 'data' || !deaf) return emit(event, ...rest);
        socket.destroy();
        return true;
      };
      return socket;
    };
    const application = createApplication(local, { dial, time });
    const other = await application.login(wanted);
    writes = 0;
    await expect(application.login(wanted)).rejects.toMatchObject({ status: 33 });
    expect(local.lm.authority.sessionCount).toBe(2);
    deaf = false;
    writes = undefined;
    const again = await application.login(wanted);
    expect(await openSessions(local)).toHaveLength(2);
    await again.logout();
    await other.logout();
    expect(await openSessions(local)).toEqual([]);
  });
});

describe('sessions of two applications with one process id', () => {
  const call = (path: KeyPath, of: Call): Promise<Reply> => new Promise((done, fail) => void path.call(of, done, fail));

  it('cannot be taken over by each other: a session is resumed by its token only', async () => {
    const local = await start();
    const victim = await createApplication(local).login(wanted);
    // The same pid and start as the victim has, as after the reuse of a pid, or as a liar says.
    const connection = await connectToLm(local.address, ownIdentity(), { ...systemSurroundings, time: testTime() }, () => undefined);
    onTestFinished(() => connection.close());
    const target = { key: victim.key, lm: local.lm.guid, vendor: parseVendorCode(vendor.vendorCode) };
    const path = await openKeyPath(connection, target, new Map(), systemEntropy, () => undefined);
    const session = Buffer.from(victim.id, 'hex');
    for (const token of [Buffer.alloc(32), randomBytes(32)]) {
      expect(await call(path, { kind: 'resume', session, token, application: ownIdentity() })).toMatchObject({
        status: Status.ACCESS_DENIED,
      });
    }
    // Handles belong to their channel: a number that the victim has means nothing here.
    for (const kind of ['logout', 'info', 'clock'] as const) {
      expect(await call(path, { kind, handle: 1 })).toMatchObject({ status: Status.INV_HND });
    }
    expect(await openSessions(local)).toEqual([victim.id]);
    await write(victim, 'mine');
    expect(await read(victim, 4)).toBe('mine');
    await victim.logout();
  });
});

describe('the process of an application', () => {
  it('ends by itself with a session left open, which is then given back', async () => {
    const local = await start();
    const program = `
      import { login } from '@keyhaven/licensing-api';
      const session = await login(${JSON.stringify(wanted)});
      await session.write({ file: ${FILE}, offset: 0, data: new Uint8Array(4) });
      console.log(session.id);`;
    const env = { ...process.env, KEYHAVEN_LOCAL_LM: `127.0.0.1:${local.port}` };
    const id = await new Promise<string>((resolve, reject) => {
      execFile(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT, env, timeout: 10_000 }, (error, stdout) =>
        error === null ? resolve(stdout.trim()) : reject(new Error('the application failed', { cause: error })),
      );
    });
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    await expect.poll(() => openSessions(local), { timeout: 5_000 }).toEqual([]);
  });
});
