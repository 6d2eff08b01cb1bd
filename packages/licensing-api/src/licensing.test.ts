import { Buffer } from 'node:buffer';
import { setTimeout as pause } from 'node:timers/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemEntropy } from './environment.ts';
import { createLicensing, type Licensing } from './licensing.ts';

// The API against a real LM in this process, on a real socket.

const READ_WRITE = 0xfff4;
const READ_ONLY = 0xfff5;

const catalog = (seats: number | 'unlimited') => `
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: ${seats} } }
      - { id: 43, name: Count, license: { type: executions, count: 100 } }
    memory: { readWrite: 4032, readOnly: 16, readOnlyData: { text: fleet } }
`;
const vendor = createTestVendor(catalog(1_000));
const few = createTestVendor(catalog(1), 8);
let local: LocalLm;
let key: string;

beforeAll(async () => {
  local = await startLocalLm();
  key = await local.license(vendor);
  await local.license(few);
});
afterAll(() => local[Symbol.asyncDispose]());

/** A process of its own, as far as the LM can tell. */
const createApplication = (address = local.address): Licensing => {
  const licensing = createLicensing(address, ownIdentity(), systemEntropy);
  onTestFinished(() => licensing.close());
  return licensing;
};

const rejection = async (work: Promise<unknown>): Promise<LicensingError> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LicensingError)) throw new Error(`expected a LicensingError, got ${String(error)}`);
  return error;
};

const sessions = async (): Promise<readonly { readonly id: string }[]> =>
  JSON.parse(await local.ask('GET', '/api/v1/sessions')) as readonly { id: string }[];
const isOpen = async (id: string): Promise<boolean> => (await sessions()).some((each) => each.id === id);

describe('the options of a login', () => {
  const wrong: readonly [name: string, options: object, status: number][] = [
    ['no vendor code', { vendorCode: '' }, Status.INV_VCODE],
    ['a vendor code that is none', { vendorCode: 'not a vendor code' }, Status.INV_VCODE],
    [
      'a vendor code with one character changed',
      { vendorCode: `${vendor.vendorCode.slice(0, -1)}${vendor.vendorCode.endsWith('A') ? 'B' : 'A'}` },
      Status.INV_VCODE,
    ],
    ['XML that is none as scope', { scope: '<haspscope>' }, Status.INV_SCOPE],
    ['a typed scope with an unknown part', { scope: { printer: { id: 1 } } }, Status.INV_SCOPE],
    ['a typed scope that can match nothing', { scope: [] }, Status.INV_SCOPE],
    ['a scope of more than 32 KiB', { scope: `<haspscope>${' '.repeat(33_000)}</haspscope>` }, Status.INVALID_PARAMETER],
    ['a feature that is no number', { feature: Number.NaN }, Status.INVALID_PARAMETER],
    ['a negative feature', { feature: -1 }, Status.INVALID_PARAMETER],
    ['a feature of 33 bits', { feature: 2 ** 32 }, Status.INVALID_PARAMETER],
    ['half a seat', { seats: 0.5 }, Status.INVALID_PARAMETER],
    ['too many seats', { seats: 32_753 }, Status.INVALID_PARAMETER],
    ['too many executions', { executions: 16_777_216 }, Status.INVALID_PARAMETER],
    ['a license manager of no known kind', { lm: 'cloud' }, Status.INVALID_PARAMETER],
    ['an External LM where none lies beside the application', { lm: 'external' }, Status.LOCAL_COMM_ERR],
    ['an Integrated LM where none can be started', { lm: 'integrated' }, Status.REQ_NOT_SUPP],
    ['keys that an Admin LM does not serve', { lm: 'admin', scope: { key: { type: 'HASP-SL-UserMode' } } }, Status.REQ_NOT_SUPP],
    ['waiting for less than no time', { wait: { timeoutMs: -1 } }, Status.INVALID_PARAMETER],
    ['waiting for no number of milliseconds', { wait: { timeoutMs: Number.NaN } }, Status.INVALID_PARAMETER],
    ['a feature that no key has', { feature: 77 }, Status.FEATURE_NOT_FOUND],
    ['a scope that leaves no key', { scope: { key: { id: '1' } } }, Status.SCOPE_RESULTS_EMPTY],
    ['a vendor of whom no key is there', { vendorCode: createTestVendor(catalog(1), 9).vendorCode }, Status.KEY_NOT_FOUND],
    ['another vendor of the same id', { vendorCode: createTestVendor(catalog(1)).vendorCode }, Status.UNKNOWN_VCODE],
    ['more executions than are left', { feature: 43, executions: 101 }, Status.FEATURE_INSUFFICIENT_EXECUTION_COUNT],
  ];
  it.each(wrong)('refuse %s with its status (A2)', async (_name, options, status) => {
    const error = await rejection(createApplication().login({ vendorCode: vendor.vendorCode, feature: 42, ...options }));
    expect(error.status, error.message).toBe(status);
    expect(error.remedy).toMatch(/\.$/);
  });

  it.each([
    ['a typed scope', () => ({ key: { id: key }, product: { id: 1 } })],
    ['the XML form of a scope', () => `<haspscope><hasp id="${key}"/></haspscope>`],
    ['a scope with the options of the login in it', () => `<haspscope><feature id="42" network_seats_to_consume="3"/></haspscope>`],
    ['an empty scope', () => ''],
  ])('take %s (A1)', async (name, scope) => {
    const session = await createApplication().login({ vendorCode: vendor.vendorCode, feature: 42, scope: scope() });
    expect(session).toMatchObject({ key, product: 1, feature: 42, licenseManager: { guid: local.lm.guid, kind: 'admin' } });
    expect((await session.info()).seats).toBe(name.startsWith('a scope with the options') ? 3 : 1);
    await session.logout();
  });

  it('say 33 at once where no LM listens', async () => {
    const error = await rejection(createApplication({ host: '127.0.0.1', port: 9 }).login({ vendorCode: vendor.vendorCode, feature: 42 }));
    expect(error).toMatchObject({ status: 33, name: 'LOCAL_COMM_ERR' });
    expect(error.message).toContain('127.0.0.1:9');
  });
});

describe('a session', () => {
  it('is logged out at the end of its block with await using', async () => {
    let id = '';
    {
      await using session = await createApplication().login({ vendorCode: vendor.vendorCode, feature: 42 });
      id = session.id;
      expect(await isOpen(id)).toBe(true);
    }
    expect(await isOpen(id)).toBe(false);
  });

  it('refuses calls after its logout with ALREADY_LOGGED_OUT, and a second logout is no fault', async () => {
    const session = await createApplication().login({ vendorCode: vendor.vendorCode, feature: 42 });
    await session.logout();
    await session.logout();
    expect(await rejection(session.read({ file: READ_WRITE, offset: 0, length: 1 }))).toMatchObject({ status: 503 });
  });

  it('does what the field asks of it: cipher, memory, size, clock, info', async () => {
    await using session = await createApplication().login({ vendorCode: vendor.vendorCode, feature: 42 });
    const plain = Buffer.from('sixteen bytes at least');
    const sealed = await session.encrypt(plain);
    expect(Buffer.from(await session.decrypt(sealed))).toEqual(plain);
    expect(Buffer.from(sealed).includes(plain)).toBe(false);
    await session.write({ file: READ_WRITE, offset: 4_000, data: Buffer.from('depth') });
    expect(Buffer.from(await session.read({ file: READ_WRITE, offset: 4_000, length: 5 })).toString()).toBe('depth');
    expect(Buffer.from(await session.read({ file: READ_ONLY, offset: 0, length: 5 })).toString()).toBe('fleet');
    expect([await session.size(READ_WRITE), await session.size(READ_ONLY)]).toEqual([4_032, 16]);
    expect(Math.abs((await session.clock()).getTime() - Date.now())).toBeLessThan(60_000);
    expect(await session.info()).toMatchObject({
      session: session.id,
      key,
      product: 1,
      feature: 42,
      limit: 1_000,
      license: { type: 'perpetual' },
    });
  });

  it('refuses what the field refuses, with the same status', async () => {
    await using session = await createApplication().login({ vendorCode: vendor.vendorCode, feature: 42 });
    const status = async (work: Promise<unknown>): Promise<number> => (await rejection(work)).status;
    expect(await status(session.read({ file: READ_WRITE, offset: 4_030, length: 3 }))).toBe(Status.MEM_RANGE);
    expect(await status(session.write({ file: READ_WRITE, offset: 4_032, data: Buffer.from('x') }))).toBe(Status.MEM_RANGE);
    expect(await status(session.write({ file: READ_ONLY, offset: 0, data: Buffer.from('x') }))).toBe(Status.ACCESS_DENIED);
    expect(await status(session.read({ file: 1, offset: 0, length: 1 }))).toBe(Status.INV_FILEID);
    expect(await status(session.encrypt(Buffer.alloc(15)))).toBe(Status.TOO_SHORT);
    expect(await status(session.encrypt(Buffer.alloc(512 * 1024 + 1)))).toBe(Status.INVALID_PARAMETER);
    expect(await status(session.read({ file: READ_WRITE, offset: -1, length: 1 }))).toBe(Status.INVALID_PARAMETER);
    expect(await status(session.consume(1))).toBe(Status.INV_OPTION);
  });

  it('ends with KILLED_SESSION when an administrator ends it, and says lost once', async () => {
    const session = await createApplication().login({ vendorCode: vendor.vendorCode, feature: 42 });
    const lost: (number | undefined)[] = [];
    session.on('lost', (error) => lost.push(error?.status));
    await local.ask('DELETE', `/api/v1/sessions/${session.id}`);
    expect(await rejection(session.encrypt(Buffer.alloc(16)))).toMatchObject({ status: 85 });
    expect(lost).toEqual([85]);
    await session.logout();
  });
});

describe('AbortSignal', () => {
  it('that is aborted already stops a login before it begins', async () => {
    const before = (await sessions()).length;
    await expect(
      createApplication().login({ vendorCode: vendor.vendorCode, feature: 42, signal: AbortSignal.abort(new Error('no')) }),
    ).rejects.toThrow('no');
    expect((await sessions()).length).toBe(before);
  });

  it('ends a login under way, whose seat is given back', async () => {
    const application = createApplication();
    const stop = new AbortController();
    const work = application.login({ vendorCode: few.vendorCode, feature: 42, signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
    // The only seat of that license: it can be had again at once, or as soon as the abandoned login has been given back.
    await expect
      .poll(() =>
        application.login({ vendorCode: few.vendorCode, feature: 42 }).then(
          (session) => session.logout().then(() => true),
          () => false,
        ),
      )
      .toBe(true);
  });

  it('does not harm a session that was granted before', async () => {
    const stop = new AbortController();
    await using session = await createApplication().login({ vendorCode: vendor.vendorCode, feature: 42, signal: stop.signal });
    stop.abort();
    await pause(0);
    expect(await isOpen(session.id)).toBe(true);
  });
});

describe('the other calls', () => {
  it('find where a feature could be had, without taking a seat', async () => {
    const before = (await sessions()).length;
    const found = await createApplication().find({ vendorCode: vendor.vendorCode, feature: 42 });
    expect(found).toEqual([
      { key, product: 1, licenseManager: { guid: local.lm.guid, hostname: 'test-lm', address: '127.0.0.1', kind: 'admin' } },
    ]);
    expect((await sessions()).length).toBe(before);
  });

  it('apply a license that the vendor issued for the key as it is, once', async () => {
    const c2v = await local.ask('POST', '/api/v1/c2v', { key });
    const v2c = vendor.issue(c2v);
    expect((await createApplication().update(v2c)).message).toContain(key);
    const again = await rejection(createApplication().update(v2c));
    expect(again.status).toBe(Status.UPDATE_ALREADY_ADDED);
  });

  it('refuse to apply what is no license, and one with a changed byte', async () => {
    const v2c = vendor.issue(await local.ask('POST', '/api/v1/c2v', { key }));
    const middle = Math.floor(v2c.length / 2);
    const changed = `${v2c.slice(0, middle)}${v2c[middle] === 'A' ? 'B' : 'A'}${v2c.slice(middle + 1)}`;
    expect([Status.INV_SIG, Status.INV_FORMAT]).toContain((await rejection(createApplication().update(changed))).status);
    expect((await rejection(createApplication().update('hello'))).status).toBe(Status.INV_FORMAT);
  });
});

describe('many at once', () => {
  it('100 logins together get 100 sessions over one connection', async () => {
    const application = createApplication();
    const all = await Promise.all(Array.from({ length: 100 }, () => application.login({ vendorCode: vendor.vendorCode, feature: 42 })));
    expect(new Set(all.map((session) => session.id)).size).toBe(100);
    await Promise.all(all.map((session) => session.logout()));
  });

  it('of 20 logins together for one seat one is granted, the others get 38', async () => {
    const application = createApplication();
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => application.login({ vendorCode: few.vendorCode, feature: 42 })));
    const granted = all.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const refused = all.flatMap((each) => (each.status === 'rejected' ? [(each.reason as LicensingError).status] : []));
    expect([granted.length, new Set(refused)]).toEqual([1, new Set([38])]);
    await granted[0]?.logout();
  });

  it('1,000 pipelined reads are each answered with what stands there', async () => {
    await using session = await createApplication().login({ vendorCode: vendor.vendorCode, feature: 42 });
    const contents = Buffer.from(Array.from({ length: 4_032 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
    await session.write({ file: READ_WRITE, offset: 0, data: contents });
    const places = Array.from({ length: 1_000 }, (_, index) => ({ offset: (index * 397) % 4_000, length: 1 + (index % 32) }));
    const answers = await Promise.all(places.map((place) => session.read({ file: READ_WRITE, ...place })));
    for (const [index, { offset, length }] of places.entries())
      expect(Buffer.from(answers[index] ?? [])).toEqual(contents.subarray(offset, offset + length));
  });
});
