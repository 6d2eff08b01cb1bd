import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { mono } from '@keyhaven/core/time';
import { type Candidate, createListeningConnection } from '@keyhaven/core/wire';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemEntropy, systemSurroundings } from './environment.ts';
import { createLicensing, type Licensing } from './licensing.ts';
import type { NearSocket } from './lm-end.ts';

// C2 where no key is found: which license manager is told by a *find* that the login ends there, and which by an *attempt* that it does not (W25).
// Against two license managers that say what the test wants, in the versions that the test wants.

const { vendorCode } = createTestVendor('products: [{ id: 1, features: [{ id: 42, license: { type: perpetual } }] }]');
const login = { vendorCode, feature: 42 };

/** `says`: what its searches come to, one after the other and the last one from then on; a number is a status. Its key cannot be reached. */
type Scripted = { readonly version?: number; readonly says: readonly (number | 'a key')[]; readonly greets?: false };
const candidate: Candidate = {
  key: '5',
  product: 1,
  licenseManager: { guid: 'g', hostname: 'there', address: '127.0.0.1', kind: 'admin' },
};

const speak = (socket: Duplex, { version = 2, says, greets }: Scripted, heard: string[]): void => {
  const self = { guid: 'g', hostname: 'there', idleMs: 600_000 };
  const machine = createListeningConnection(mono(0), self, { from: 1, to: version });
  let searches = 0;
  const send = (message: Parameters<typeof machine.send>[1]): void => void socket.write(machine.send(mono(0), message) ?? Buffer.alloc(0));
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    for (const event of machine.receive(mono(0), chunk)) {
      if (event.kind === 'hello' && greets !== false) send({ kind: 'welcome', version: event.version, ...self });
      if (event.kind === 'open') send({ kind: 'lost', channel: event.channel, status: Status.INT_ERR, detail: 'nothing is behind it' });
      if (event.kind === 'closed') heard.push(`closed: ${event.reason}`);
      if (event.kind !== 'find' && event.kind !== 'attempt') continue;
      heard.push(event.kind);
      const said = says[Math.min(searches++, says.length - 1)] ?? Status.KEY_NOT_FOUND;
      const status = typeof said === 'number' ? said : Status.OK;
      send({ kind: 'found', request: event.request, status, detail: 'as told', candidates: typeof said === 'number' ? [] : [candidate] });
    }
  });
};

type Two = { readonly licensing: Licensing; readonly admin: string[]; readonly near: string[] };
/** `near` left out: there is the Admin LM only. `nearFirst`: the user has a store. */
const start = async (admin: Scripted, near?: Scripted, { nearFirst = false, offers = 2 } = {}): Promise<Two> => {
  const heard = { admin: [] as string[], near: [] as string[] };
  const server = createServer((socket) => speak(socket, admin, heard.admin)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the system names no port');
  const connect = (of: Scripted): NearSocket => {
    const [here, there] = duplexPair();
    speak(there, of, heard.near);
    const self = (): NearSocket => socket;
    const socket: NearSocket = Object.assign(here, { ref: self, unref: self });
    return socket;
  };
  const nearBy = near === undefined ? undefined : { connect: () => connect(near), close: async () => undefined };
  const licensing = createLicensing({ host: '127.0.0.1', port: address.port }, ownIdentity(), systemEntropy, {
    ...systemSurroundings,
    localVersions: { from: 1, to: offers },
    callTimeoutMs: () => 2_000,
    ...(nearBy === undefined
      ? {}
      : {
          near: {
            look: () => ({ externalBeside: false, integratedAvailable: true, userStore: nearFirst, nearSearch: !nearFirst }),
            startExternal: () => {
              throw new Error('there is none');
            },
            openIntegrated: async () => nearBy,
          },
        }),
  });
  onTestFinished(() => licensing.close());
  return { licensing, ...heard };
};
const refusal = (work: Promise<unknown>): Promise<LicensingError> =>
  work.then(
    () => {
      throw new Error('granted');
    },
    (error: unknown) => {
      if (error instanceof LicensingError) return error;
      throw error;
    },
  );
const { KEY_NOT_FOUND: noKey, FEATURE_NOT_FOUND: noFeature, UNKNOWN_VCODE: foreign } = Status;

describe('a login that no license manager has a key for (C2)', () => {
  it('is asked of one license manager as ever, without waiting for its welcome', async () => {
    const { licensing, admin } = await start({ says: [noKey] });
    expect(await refusal(licensing.login(login))).toMatchObject({ status: noKey });
    expect(admin).toEqual(['find']);
    const silent = await start({ says: [noFeature], greets: false });
    expect(await refusal(silent.licensing.login(login))).toMatchObject({ status: noFeature });
    expect(silent.admin).toEqual(['find']);
  });

  it.each([
    ['the first, of equals', false, [noFeature], [noKey], noFeature, ['attempt', 'find'], ['attempt']],
    ['the last, where it says more', false, [noKey], [foreign], foreign, ['attempt'], ['attempt', 'find']],
    ['the first, where it says more', true, [noKey], [foreign], foreign, ['attempt'], ['attempt', 'find']],
    ['the first, of equals, where that is its own', true, [noKey], [noKey], noKey, ['attempt'], ['attempt', 'find']],
  ] as const)('is counted by %s', async (_, nearFirst, adminSays, nearSays, status, toAdmin, toNear) => {
    const { licensing, admin, near } = await start({ says: adminSays }, { says: nearSays }, { nearFirst });
    expect(await refusal(licensing.login(login))).toMatchObject({ status });
    expect({ admin, near }).toEqual({ admin: toAdmin, near: toNear });
  });

  it('is not counted where the next license manager has a key: the refusal of that one is told', async () => {
    const { licensing, admin, near } = await start({ says: [noKey] }, { says: ['a key'] });
    expect(await refusal(licensing.login(login))).toMatchObject({ status: Status.INT_ERR });
    // The key was not reached and has refused nothing, so that the search that did counts.
    expect({ admin, near }).toEqual({ admin: ['attempt', 'find'], near: ['attempt'] });
  });

  it('is one denial where it waits for a seat, and nothing is to be waited for', async () => {
    const { licensing, admin, near } = await start({ says: [noFeature] }, { says: [noKey] });
    expect(await refusal(licensing.login({ ...login, wait: { timeoutMs: 1_000 } }))).toMatchObject({ status: noFeature });
    expect({ admin, near }).toEqual({ admin: ['attempt', 'find'], near: ['attempt'] });
  });

  it('is tried where a key has come meanwhile', async () => {
    const { licensing, admin } = await start({ says: [noFeature, 'a key'] }, { says: [noKey] });
    expect(await refusal(licensing.login(login))).toMatchObject({ status: noFeature });
    expect(admin).toEqual(['attempt', 'find']);
  });
});

describe('a search that is no login', () => {
  it('is no denial', async () => {
    const { licensing, admin } = await start({ says: [noKey] });
    expect(await refusal(licensing.find(login))).toMatchObject({ status: noKey });
    expect(admin).toEqual(['attempt']);
  });
});

describe('releases that know version 1 only (T6)', () => {
  it('as license managers hear no attempt, and count as before', async () => {
    const { licensing, admin, near } = await start({ version: 1, says: [noFeature] }, { version: 1, says: [noKey] });
    expect(await refusal(licensing.login(login))).toMatchObject({ status: noFeature });
    expect({ admin, near }).toEqual({ admin: ['find'], near: ['find'] });
  });

  it('beside one of today has counted it, and that one does not', async () => {
    const { licensing, admin, near } = await start({ version: 1, says: [noFeature] }, { says: [noKey] });
    expect(await refusal(licensing.login(login))).toMatchObject({ status: noFeature });
    expect({ admin, near }).toEqual({ admin: ['find'], near: ['attempt'] });
    const reversed = await start({ says: [noFeature] }, { version: 1, says: [noKey] });
    expect(await refusal(reversed.licensing.login(login))).toMatchObject({ status: noFeature });
    expect([reversed.admin, reversed.near]).toEqual([['attempt'], ['find']]);
  });

  it('as applications say what they said, without waiting for a welcome', async () => {
    const { licensing, admin, near } = await start({ says: [noFeature], greets: false }, { says: [noKey] }, { offers: 1 });
    expect(await refusal(licensing.login(login))).toMatchObject({ status: noFeature });
    expect({ admin, near }).toEqual({ admin: ['find'], near: ['find'] });
  });
});
