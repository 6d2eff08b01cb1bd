import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytes, fieldsOf, kindOf, oneOf } from './arguments.ts';
import { createConfiguration } from './configuration.ts';
import { ownIdentity, systemEntropy } from './environment.ts';
import * as api from './index.ts';
import { createLicensing, type Licensing } from './licensing.ts';
import type { Session } from './session.ts';

// What applications in plain JavaScript hand over: nothing junk is accepted, and whatever is wrong is a LicensingError that names it.

const vendor = createTestVendor(`
products:
  - id: 1
    name: Survey
    features: [{ id: 42, name: Echo sounder, license: { type: perpetual } }]
    memory: { readWrite: 64 }
`);
const { vendorCode } = vendor;
let local: LocalLm;
let licensing: Licensing;
let session: Session;
beforeAll(async () => {
  local = await startLocalLm();
  await local.license(vendor);
  licensing = createLicensing(local.address, ownIdentity(), systemEntropy);
  session = await licensing.login({ vendorCode, feature: 42 });
});
afterAll(async () => {
  licensing.close();
  await local[Symbol.asyncDispose]();
});

// The calls as a program without types makes them.
type Loose = (...values: readonly unknown[]) => unknown;
const on = (object: object, name: string): Loose => {
  const method: unknown = Reflect.get(object, name);
  if (typeof method !== 'function') throw new Error(`there is no ${name}`);
  return (...values): unknown => Reflect.apply(method, object, values) as unknown;
};
const loose = (): Readonly<Record<string, Loose>> => ({
  login: on(licensing, 'login'),
  find: on(licensing, 'find'),
  information: on(licensing, 'information'),
  update: on(licensing, 'update'),
  requestKey: on(licensing, 'requestKey'),
  transfer: on(licensing, 'transfer'),
  recipient: on(licensing, 'recipient'),
  encrypt: on(session, 'encrypt'),
  decrypt: on(session, 'decrypt'),
  read: on(session, 'read'),
  write: on(session, 'write'),
  size: on(session, 'size'),
  info: on(session, 'info'),
  consume: on(session, 'consume'),
  on: on(session, 'on'),
  'login of the package': on(api, 'login'),
  'getInfo of the package': on(api, 'getInfo'),
  'update of the package': on(api, 'update'),
  'requestKey of the package': on(api, 'requestKey'),
  'transfer of the package': on(api, 'transfer'),
  'recipient of the package': on(api, 'recipient'),
  configure: on(createConfiguration(), 'add'),
});
/** What a call did: its error, or that it did it. */
const tried = async (call: () => unknown): Promise<unknown> => {
  try {
    await call();
    return 'accepted';
  } catch (error) {
    return error;
  }
};
const detached = (): Uint8Array => {
  const view = new Uint8Array(32);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
};
const login = { vendorCode: '', feature: 42 };

describe('what is wrong with the arguments of a call', () => {
  const code = vendorCode;
  const cases: readonly [call: string, value: unknown, status: number, words: RegExp][] = [
    ['login', undefined, 501, /options of login .*missing/],
    ['login', {}, 22, /vendorCode is missing/],
    ['login', { vendorCode: 5, feature: 42 }, 22, /vendorCode must be a string, not 5/],
    ['login', { vendorCode: code }, 501, /feature is missing/],
    ['login', { vendorCode: code, Feature: 9999 }, 501, /no option "Feature"\. Did you mean feature\?/],
    ['login', { vendorCode: code, feature: 42, lisence: 1 }, 501, /no option "lisence"/],
    ['login', { vendorCode: code, feature: '42' }, 501, /feature must be a whole number from 0 to 4294967295, not a string/],
    ['login', { vendorCode: code, feature: 42n }, 501, /not a bigint/],
    ['login', { vendorCode: code, feature: Number.NaN }, 501, /not NaN/],
    ['login', { vendorCode: code, feature: -1 }, 501, /not -1/],
    ['login', { vendorCode: code, feature: 1.5 }, 501, /not 1.5/],
    ['login', { vendorCode: code, feature: null }, 501, /not null/],
    ['login', Object.create({ vendorCode: code, feature: 42 }), 22, /vendorCode is missing/],
    ['login', JSON.parse(`{"__proto__": {"feature": 42}, "vendorCode": "${code}"}`), 501, /no option "__proto__"/],
    ['login', { vendorCode: code, feature: 42, seats: 0 }, 501, /seats must be a whole number from 1/],
    ['login', { vendorCode: code, feature: 42, seats: null }, 501, /seats must be/],
    ['login', { vendorCode: code, feature: 42, dieAtExpiration: 1 }, 501, /dieAtExpiration must be true or false, not 1/],
    ['login', { vendorCode: code, feature: 42, wait: 5 }, 501, /wait must be an object with timeoutMs, not 5/],
    ['login', { vendorCode: code, feature: 42, wait: { timeout: 5 } }, 501, /no option "timeout"/],
    ['login', { vendorCode: code, feature: 42, wait: {} }, 501, /wait\.timeoutMs is missing/],
    ['login', { vendorCode: code, feature: 42, onWaiting: 'x' }, 501, /onWaiting must be a function/],
    ['login', { vendorCode: code, feature: 42, signal: {} }, 501, /signal must be an AbortSignal/],
    ['login', { vendorCode: code, feature: 42, lm: 'admn' }, 501, /not "admn"\. Did you mean admin\?/],
    ['login', { vendorCode: code, feature: 42, scope: 5 }, 36, /scope must be/],
    ['find', { vendorCode: code, feature: 'x' }, 501, /feature must be/],
    ['information', { vendorCode: code, format: 5 }, 15, /format must be/],
    ['information', { vendorCode: code, feature: 42 }, 501, /no option "feature"/],
    ['update', 5, 501, /data must be a string, not 5/],
    ['requestKey', { vendorCode: code, feature: 1 }, 501, /no option "feature"/],
    ['transfer', { vendorCode: code, action: 5 }, 59, /action must be a string, not 5/],
    ['transfer', { vendorCode: code, action: 'detach', recipient: 5 }, 58, /recipient must be a string/],
    ['transfer', { vendorCode: code, action: 'detach', recipient: 'x', duration: '1' }, 63, /duration must be a whole number/],
    ['transfer', { vendorCode: code, action: 'detach', recipient: 'x', seats: 2 }, 59, /Only network_detach takes seats/],
    ['recipient', null, 501, /options of recipient/],
    ['encrypt', 'a text that would be lost', 501, /data must be bytes .*, not a string/],
    ['encrypt', { length: 20 }, 501, /data must be bytes .*, not an object/],
    ['encrypt', [1, 2, 3], 501, /not an array/],
    ['encrypt', undefined, 501, /data is missing/],
    ['decrypt', 5n, 501, /not a bigint/],
    ['encrypt', Object.create(Uint8Array.prototype), 501, /not an object/],
    ['encrypt', { length: 20, [Symbol.toStringTag]: 'ArrayBuffer' }, 501, /not an object/],
    ['encrypt', new Proxy(new Uint8Array(32), {}), 501, /not an object/],
    ['read', undefined, 501, /options of read/],
    ['read', { file: 1, offset: -1, length: 1 }, 501, /offset must be/],
    ['read', { file: 1, offset: 0, lenght: 1 }, 501, /Did you mean length\?/],
    ['write', { file: 0xfff4, offset: 0, data: 'x' }, 501, /data must be bytes .*, not a string/],
    ['write', null, 501, /options of write .*, not null/],
    ['size', '1', 501, /file must be/],
    ['info', 5, 15, /format must be/],
    ['info', null, 15, /format must be/],
    ['consume', 0, 501, /executions must be a whole number from 1/],
    ['on', 'bogus', 501, /must be one of lost, restored, expiring, not "bogus"/],
    ['on', 'lost', 501, /the listener is missing/],
    ['update of the package', undefined, 501, /options of update/],
    ['getInfo of the package', { vendorCode: code, format: 'data', feature: 1 }, 501, /no option "feature"/],
    ['configure', { searchAdresses: [] }, 501, /Did you mean searchAddresses\?/],
    ['configure', { searchAddresses: [5] }, 501, /searchAddresses must be a host name or an address/],
    ['configure', { callTimeoutMs: 999 }, 501, /callTimeoutMs must be a whole number from 1000 to 3600000, not 999/],
    ['configure', { callTimeoutMs: Number.POSITIVE_INFINITY }, 501, /not Infinity/],
    ['configure', { telemetry: {} }, 501, /telemetry\.tracer is missing/],
  ];
  it.each(cases)('is named: %s(%o) is %i', async (call, value, status, words) => {
    const error = await tried(() => loose()[call]?.(value));
    expect(error).toBeInstanceOf(LicensingError);
    expect((error as LicensingError).status, String(error)).toBe(status);
    expect((error as LicensingError).message).toMatch(words);
    expect((error as LicensingError).remedy).toMatch(/\.$/);
  });

  it('is named where memory was detached, and where it is detached while a call is under way and has to be sent again', async () => {
    expect(await tried(() => session.encrypt(detached()))).toMatchObject({ status: 501, message: expect.stringContaining('detached') });
    const data = new Uint8Array(32);
    await local.stop();
    const work = tried(() => session.write({ file: 0xfff4, offset: 0, data }));
    structuredClone(data.buffer, { transfer: [data.buffer] });
    await local.start();
    expect(await work).toMatchObject({ status: 501, message: expect.stringContaining('transferred') });
  });

  it('is a LicensingError also where reading them throws', async () => {
    const thrown = new Error('a getter of the application');
    const options = {
      vendorCode,
      get feature(): number {
        throw thrown;
      },
    };
    const error = await tried(() => licensing.login(options));
    expect(error).toMatchObject({ status: Status.INVALID_PARAMETER, cause: thrown });
  });

  it('is said in words of which none is a value of the application', () => {
    expect(kindOf('a secret')).toBe('a string');
    expect([{}, [], new Date(), Promise.resolve(), () => 1, Symbol('x'), 1n, '', false].map(kindOf)).toEqual([
      'an object',
      'an array',
      'a Date',
      'a promise',
      'a function',
      'a symbol',
      'a bigint',
      'an empty string',
      'false',
    ]);
    expect(() => fieldsOf({ x: 1 }, 'it', ['vendorCode'])).toThrow(/no option "x"\./);
    expect(() => oneOf('zzzz', 'it', ['lost'])).toThrow(/not "zzzz"/);
  });
});

describe('bytes', () => {
  const sixteen = Uint8Array.from({ length: 16 }, (_, index) => index + 1);
  const views: readonly [name: string, value: ArrayBufferView | ArrayBufferLike][] = [
    ['a Buffer', Buffer.from(sixteen)],
    ['an ArrayBuffer', sixteen.buffer],
    ['a DataView', new DataView(sixteen.buffer)],
    ['another typed array', new Uint32Array(sixteen.buffer)],
    ['a part of a buffer', new Uint8Array(Uint8Array.from([0, ...sixteen, 0]).buffer, 1, 16)],
    [
      'shared memory',
      (() => {
        const shared = new SharedArrayBuffer(16);
        new Uint8Array(shared).set(sixteen);
        return shared;
      })(),
    ],
  ];
  it.each(views)('are taken of %s, as they lie in memory', async (_name, value) => {
    expect(Buffer.from(bytes(value, 'data'))).toEqual(Buffer.from(sixteen));
    expect(Buffer.from(await session.decrypt(await session.encrypt(value)))).toEqual(Buffer.from(sixteen));
  });
});

describe('junk', () => {
  const junk = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
  });
  const named = (name: string) =>
    fc.dictionary(fc.constantFrom('vendorCode', 'feature', 'scope', 'format', 'action', 'file', 'offset', 'data', 'wait', name), junk);
  it.each([
    ...['login', 'find', 'information', 'update', 'requestKey', 'transfer', 'recipient', 'encrypt', 'decrypt', 'read', 'write'],
    ...['size', 'info', 'consume', 'on', 'configure', 'login of the package', 'getInfo of the package', 'update of the package'],
    ...['requestKey of the package', 'transfer of the package', 'recipient of the package'],
  ])('is never accepted by %s, and never throws anything but a LicensingError', async (name) => {
    // Of these, what has the right form is no junk; what becomes of it is for the license manager to say.
    const right = (value: unknown): boolean =>
      (ArrayBuffer.isView(value) && value.byteLength >= 16) ||
      (name === 'configure' && typeof value === 'object' && value !== null && Object.keys(value).length === 0) ||
      (name.startsWith('recipient') &&
        (value === undefined || (typeof value === 'object' && value !== null && Object.values(value).every((each) => each === undefined))));
    const nothing = name === 'info' || name.startsWith('recipient') ? [] : [undefined];
    await fc.assert(
      fc.asyncProperty(fc.oneof(junk, named(name), fc.constantFrom<unknown>(...nothing, null, login, {}, [], '')), async (value) => {
        fc.pre(!right(value) && !(name === 'info' && value === undefined));
        const error = await tried(() => loose()[name]?.(value));
        expect(error, String(error)).toBeInstanceOf(LicensingError);
        expect((error as LicensingError).status).not.toBe(Status.INT_ERR);
      }),
      { numRuns: 150 },
    );
  });
});
