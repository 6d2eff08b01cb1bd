import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { Status } from '@keyhaven/core/errors';
import { openSharedLedger } from '@keyhaven/ledger';
import { type NearLm, openNearLm } from '@keyhaven/license-manager/near';
import { createLicensing, type Licensing, type NearLook, systemSurroundings } from '@keyhaven/licensing-api/licensing';
import { createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemEntropy } from '../../packages/licensing-api/src/environment.ts';
import { keyhaven } from './lone-lm.ts';

// C2 over the Admin LM of the computer and an Integrated LM of the application: one login is one denial in all, at the license manager whose refusal the
// application is told, and a login that one of them grants is none.

const catalogOf = (features: string): string => `
products:
  - id: 1
    name: Survey
    features:
${features}`;
const seats = (id: number, count: number): string =>
  `      - { id: ${id}, name: Feature ${id}, license: { type: perpetual }, concurrency: { seats: ${count} } }\n`;
const over = (id: number): string => `      - { id: ${id}, name: Over, license: { type: expiration, until: '2020-01-01' } }\n`;
const VENDOR = 7;
/** 42 is in both keys, with one seat each; 43 in that of the user, 44 and 45 in that of the computer; 46 is over in both. */
const admins = createTestVendor(catalogOf(seats(42, 1) + seats(44, 1) + over(45) + over(46)), VENDOR);
const users = catalogOf(seats(42, 1) + seats(43, 1) + over(46));
const { vendorCode } = admins;

describe('denials of an application with a license manager of its own (C2)', () => {
  const root = mkdtempSync(join(tmpdir(), 'kh-denials-near-'));
  let admin: LocalLm;
  let near: NearLm;
  let store: Awaited<ReturnType<typeof openSharedLedger>> | undefined;

  const start = (look: Partial<NearLook> = {}, localVersions?: { from: number; to: number }): Licensing => {
    const connect = () => {
      const [here, there] = duplexPair();
      near.serve(there);
      const socket: typeof here & { ref(): unknown; unref(): unknown } = Object.assign(here, { ref: () => here, unref: () => here });
      return socket;
    };
    const licensing = createLicensing(admin.address, ownIdentity(), systemEntropy, {
      ...systemSurroundings,
      ...(localVersions === undefined ? {} : { localVersions }),
      near: {
        // As in an application without a store that is told to search others: the Admin LM is asked first.
        look: () => ({ externalBeside: false, integratedAvailable: true, userStore: false, nearSearch: true, ...look }),
        startExternal: () => {
          throw new Error('there is none');
        },
        openIntegrated: async () => ({ connect, close: async () => undefined }),
      },
    });
    onTestFinished(() => licensing.close());
    return licensing;
  };
  /** The causes of the denials that each of them has counted so far. */
  const counted = async () => {
    const list = JSON.parse((await keyhaven(['denials', '--json', '--lm', `127.0.0.1:${admin.port}`])).stdout) as { status: number }[];
    const metrics = [...(await admin.ask('GET', '/metrics')).matchAll(/^keyhaven_denials_total\{[^}]*\} (\d+)$/gm)];
    expect(metrics.reduce((sum, [, value]) => sum + Number(value), 0)).toBe(list.length);
    // Behind what nothing waits for.
    await store?.update([], () => ({ changes: [], audit: [], reply: undefined }));
    const own = (await store?.audit({ kind: 'refused' })) ?? [];
    return { admin: list.map(({ status }) => status), near: own.map(({ detail }) => detail['status']) };
  };
  /** What the denials of this are, beyond those before. */
  const denialsOf = async (work: () => Promise<unknown>) => {
    const before = await counted();
    await work();
    const after = await counted();
    return {
      admin: after.admin.slice(0, after.admin.length - before.admin.length),
      near: after.near.slice(0, after.near.length - before.near.length),
    };
  };
  const refused = async (work: Promise<unknown>, status: number): Promise<void> => expect(work).rejects.toMatchObject({ status });

  beforeAll(async () => {
    admin = await startLocalLm();
    await admin.license(admins);
    near = await openNearLm({
      kind: 'integrated',
      vendor: VENDOR,
      directory: join(root, 'store'),
      openLedger: async (options) => (store = await openSharedLedger(options)),
    });
    await near.apply(admins.issue(await near.c2v({ vendorCode }), users));
  });
  afterAll(async () => {
    await near?.close();
    await admin?.[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  });

  it('are none where the Admin LM finds no key, and the Integrated LM grants', async () => {
    const licensing = start();
    const denials = await denialsOf(async () => {
      const session = await licensing.login({ vendorCode, feature: 43 });
      expect(session.licenseManager.kind).toBe('integrated');
      await session.logout();
    });
    expect(denials).toEqual({ admin: [], near: [] });
    const audit = JSON.parse(await admin.ask('GET', '/api/v1/audit?kind=attempt%20refused')) as { detail: object }[];
    expect(audit[0]?.detail).toMatchObject({ feature: 43, status: Status.FEATURE_NOT_FOUND });
  });

  it('are none where the Integrated LM finds no key, and the Admin LM grants', async () => {
    const licensing = start({ userStore: true });
    const denials = await denialsOf(async () => {
      const session = await licensing.login({ vendorCode, feature: 44 });
      expect(session.licenseManager.kind).toBe('admin');
      await session.logout();
    });
    expect(denials).toEqual({ admin: [], near: [] });
  });

  it.each([
    ['no key of either has the feature', 99, {}, Status.FEATURE_NOT_FOUND, 'admin'],
    ['no key of either has the feature, and its own is asked first', 99, { userStore: true }, Status.FEATURE_NOT_FOUND, 'near'],
    ['only the key of the computer has the feature, which is over', 45, {}, Status.FEATURE_EXPIRED, 'admin'],
    ['it is over in both', 46, {}, Status.FEATURE_EXPIRED, 'admin'],
    ['it is over in both, and its own is asked first', 46, { userStore: true }, Status.FEATURE_EXPIRED, 'near'],
  ] as const)('are one where %s', async (_, feature, look, status, where) => {
    const licensing = start(look);
    const one = { admin: [], near: [], [where]: [status] };
    expect(await denialsOf(() => refused(licensing.login({ vendorCode, feature }), status))).toEqual(one);
    const wait = { timeoutMs: 200 };
    expect(await denialsOf(() => refused(licensing.login({ vendorCode, feature, wait }), status))).toEqual(one);
  });

  it('are one where both have no free seat, and where the only key that has it is full', async () => {
    const licensing = start();
    const held = [];
    for (const feature of [42, 42, 43, 44]) held.push(await licensing.login({ vendorCode, feature }));
    expect(held.map(({ licenseManager }) => licenseManager.kind)).toEqual(['admin', 'integrated', 'integrated', 'admin']);
    const full = Status.TOO_MANY_USERS;
    const of = (feature: number, look: Partial<NearLook> = {}) =>
      denialsOf(() => refused(start(look).login({ vendorCode, feature }), full));
    expect(await of(42)).toEqual({ admin: [], near: [full] });
    expect(await of(42, { userStore: true })).toEqual({ admin: [full], near: [] });
    for (const look of [{}, { userStore: true }]) {
      expect(await of(43, look)).toEqual({ admin: [], near: [full] });
      expect(await of(44, look)).toEqual({ admin: [full], near: [] });
    }
    for (const session of held) await session.logout();
  });

  it('are no searches of getInfo', async () => {
    const licensing = start();
    expect(await denialsOf(() => refused(licensing.find({ vendorCode, feature: 99 }), Status.FEATURE_NOT_FOUND))).toEqual({
      admin: [],
      near: [],
    });
  });

  it('are counted at each of them for an application of a release before, which cannot say it', async () => {
    const licensing = start({}, { from: 1, to: 1 });
    const status = Status.FEATURE_NOT_FOUND;
    const denials = await denialsOf(() => refused(licensing.login({ vendorCode, feature: 99 }), status));
    expect(denials).toEqual({ admin: [status], near: [status] });
  });
});
