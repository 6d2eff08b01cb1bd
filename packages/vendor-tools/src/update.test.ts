import { Buffer } from 'node:buffer';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError } from '@keyhaven/core/errors';
import { keyFromSeeds, stateDocument, verifyUpdates } from '@keyhaven/core/key';
import { armor, type Certificate, type Feature, unarmor } from '@keyhaven/core/license';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAction } from './actions.ts';
import { readCatalog } from './catalog.ts';
import { fixedEntropy, makeC2v, makeKey, makeVendor, now, seed } from './fixtures.ts';
import { inspectFile } from './inspect.ts';
import { issueLicense } from './issue.ts';
import { issueLicenseFile, packUpdateFiles, updateLicenseFile } from './issue-file.ts';
import { updateLicense } from './update.ts';
import { packUpdates } from './v2c.ts';
import { initVendor, unlockVendor } from './vendor.ts';
import { vendorPaths } from './vendor-paths.ts';

const vendor = makeVendor(7, 1);
const key = makeKey(vendor, 21);
const catalog = readCatalog(`
products:
  - id: 1
    features:
      - { id: 42, license: { type: perpetual }, concurrency: { seats: 5, network: true }, detachable: true }
      - { id: 43, license: { type: expiration, until: 2027-12-31 } }
      - { id: 50, license: { type: executions, count: 100 } }
    memory: { readWrite: 64, readOnly: 32, dynamic: [ { id: 3, size: 16, access: rw } ] }
    rehost: true
  - id: 2
    features: [ { id: 60, license: { type: perpetual } } ]
    memory: { readWrite: 128, readOnly: 16, dynamic: [ { id: 4, size: 8, access: ro, data: { text: brought } } ] }
`);
const request = { vendor, catalog, now, entropy: fixedEntropy };
const first = issueLicense({ ...request, c2v: makeC2v(key), products: [1] });
const documentOf = (v2c: string) => unarmor(v2c).bytes;
const held = (v2c: string) => verifyUpdates(key, 0, [documentOf(v2c)])[0];
const state = (counter = 1, certificate: Uint8Array | undefined = held(first.v2c).certificateDocument) =>
  armor('C2V', stateDocument(key, { counter, host: 'h', virtualMachine: false, usage: [], certificate }, now));
const update = (...actions: readonly string[]) => updateLicense({ ...request, c2v: state(), actions: actions.map(parseAction) });
const featureOf = (certificate: Certificate, id: number): Feature | undefined =>
  certificate.products.flatMap(({ features }) => features).find((each) => each.id === id);
const failure = (act: () => unknown): LicensingError => {
  try {
    act();
  } catch (error) {
    if (error instanceof LicensingError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

describe('a change of what a key has (K4)', () => {
  it.each([
    ['add expiration 1.43 30', 43, { license: { type: 'expiration', until: '2028-01-30T23:59:59.999Z' } }],
    ['sub expiration 1.43 365', 43, { license: { type: 'expiration', until: '2026-12-31T23:59:59.999Z' } }],
    ['add executions 1.50 11', 50, { license: { type: 'executions', count: 111 } }],
    ['sub executions 1.50 99', 50, { license: { type: 'executions', count: 1 } }],
    ['add expiration 1.43 2w', 43, { license: { until: '2028-01-14T23:59:59.999Z' } }],
    ['add seats 1.42 2', 42, { concurrency: { seats: 7, network: true, count: 'login' } }],
    ['sub seats 1.42 4', 42, { concurrency: { seats: 1 } }],
    ['set license 1.43 {type: perpetual}', 43, { license: { type: 'perpetual' } }],
    ['set license 1.50 {type: expiration, until: 2030-01-01}', 50, { license: { type: 'expiration', until: '2030-01-01T23:59:59.999Z' } }],
    ['set concurrency 1.42 {network: false}', 42, { concurrency: { seats: 5, network: false, virtualMachine: true } }],
    [
      'set concurrency 1.42 {seats: unlimited, count: station}',
      42,
      { concurrency: { seats: 'unlimited', count: 'station', network: true } },
    ],
    ['set detachable 1.42 false', 42, { detachable: false }],
    ['set detachDays 1.42 30', 42, { detachable: true, detachDays: 30 }],
    ['set name 1.42 Echo sounder', 42, { name: 'Echo sounder' }],
  ])('%s', (action, feature, expected) => {
    const { v2c, certificate, counter } = update(action);
    expect(counter).toBe(2);
    expect(featureOf(certificate, feature)).toMatchObject(expected);
    const [, applied] = verifyUpdates(key, 0, [documentOf(first.v2c), documentOf(v2c)]);
    expect(applied?.certificate).toEqual(certificate);
    // Nothing else of the key changes.
    const others = (of: Certificate) => of.products.flatMap(({ features }) => features).filter(({ id }) => id !== feature);
    expect(others(certificate)).toEqual(others(first.certificate));
    expect(certificate.memory).toEqual(first.certificate.memory);
  });

  it('cancels features, products, memory files, the right to move, and updates themselves', () => {
    expect(featureOf(update('cancel feature 1.43').certificate, 43)).toBeUndefined();
    expect(update('cancel product 1').certificate.products).toEqual([]);
    expect(update('cancel file 3').certificate.memory).toEqual({ readWrite: 64, readOnly: 32 });
    expect(update('cancel rehost').certificate.rehost).toBeUndefined();
    expect(update('cancel updates').certificate.final).toBe(true);
  });

  it('says anew whether the key may move: set rehost, after everything else as before it', () => {
    expect(update('set rehost false').certificate.rehost).toBeUndefined();
    expect(update('set rehost true').certificate.rehost).toBe(true);
    expect(update('cancel rehost', 'set rehost true').certificate.rehost).toBe(true);
    // Product 2 must not move by the catalog; the vendor says otherwise of this key.
    expect(update('add product 2', 'set rehost true').certificate.rehost).toBe(true);
    const { v2c, certificate } = update('set rehost true');
    expect(verifyUpdates(key, 0, [documentOf(first.v2c), documentOf(v2c)]).at(-1)?.certificate).toEqual(certificate);
  });

  it('lets only keys move that can: an SL UserMode key stays where it is (59)', () => {
    const mine = keyFromSeeds({ type: 'sl-usermode', vendor: vendor.id, vendorKey: vendor.publicKey }, seed(61), seed(62));
    const c2v = makeC2v(mine);
    const { v2c } = issueLicense({ ...request, c2v, products: [1] });
    expect(failure(() => updateLicense({ ...request, c2v, after: v2c, actions: [parseAction('set rehost true')] }))).toMatchObject({
      status: 59,
      detail: expect.stringContaining('sl-usermode cannot move') as string,
    });
  });

  it('adds a product of the catalog with its memory, and makes memory files', () => {
    const added = update('add product 2');
    expect(added.certificate.products.map(({ id }) => id)).toEqual([1, 2]);
    expect(added.certificate.memory).toMatchObject({ readWrite: 128, readOnly: 32, dynamic: [{ id: 3 }, { id: 4, access: 'ro' }] });
    // Product 2 must not move, so neither may the key.
    expect(added.certificate.rehost).toBeUndefined();
    const [, applied] = verifyUpdates(key, 0, [documentOf(first.v2c), documentOf(added.v2c)]);
    expect(applied?.secrets.dynamic).toEqual([{ id: 4, data: Buffer.from('brought').toString('base64url') }]);
    expect(applied?.secrets.features.map(({ id }) => id)).toContain(60);
    const files = update('set file 9 {size: 100, access: rwo}', 'set file 3 {size: 20, access: rw}').certificate.memory.dynamic;
    expect(files).toEqual([
      { id: 3, size: 20, access: 'rw' },
      { id: 9, size: 100, access: 'rwo' },
    ]);
  });

  it('takes several actions, each on what the one before leaves', () => {
    const { certificate } = update(
      'add seats 1.42 2',
      'sub seats 1.42 1',
      'set license 1.43 {type: executions, count: 5}',
      'add executions 1.43 5',
    );
    expect(featureOf(certificate, 42)?.concurrency.seats).toBe(6);
    expect(featureOf(certificate, 43)?.license).toEqual({ type: 'executions', count: 10 });
  });

  it('names everything that cannot be, at once (59)', () => {
    const { status, detail = '' } = failure(() =>
      update(
        'add expiration 1.42 30',
        'add executions 1.43 1',
        'sub seats 1.42 5',
        'add seats 1.43 1',
        'sub executions 1.50 100',
        'add executions 1.50 16777215',
        'add expiration 1.43 99999',
        'cancel feature 1.99',
        'cancel product 9',
        'cancel file 9',
        'add product 1',
        'add product 9',
        'set license 1.42 {type: eternal}',
        'set license 1.42 {type: executions, count: 5}',
        'set concurrency 1.42 {places: 3}',
        'set detachable 1.50 true',
      ),
    );
    expect(status).toBe(59);
    for (const fault of [
      'type perpetual and has no expiration date',
      'type expiration and counts no executions',
      'leaves 0 seats; cancel the feature instead',
      'has unlimited seats',
      'leaves 0 executions',
      'at most 16777215 are possible',
      'leads out of 1980-01-01 to 2091-12-31',
      'no feature 99 in product 1',
      'no product 9',
      'no memory file 9',
      'has product 1 already',
      'the catalog has no product 9',
      'must be {type:',
      'detachable must be false where the license is of type executions',
      'places',
    ])
      expect(detail).toContain(fault);
    expect(detail.match(/"set detachable 1\.50 true"/)).not.toBeNull();
  });

  it.each([
    '',
    'add',
    'add seats 1.42',
    'add seats 1 2',
    'add seats 1.42 -2',
    'mul seats 1.42 2',
    'set colour 1.42 red',
    'cancel seats 1.42',
    'cancel rehost 1',
    'set rehost',
    'set rehost yes',
    'set rehost 1.42 true',
    'add expiration 1.43 36h',
    'set name 1.42',
    'add seats 1.42.3 2',
    'cancel product 65472',
    'set file 0 {size: 1, access: rw}',
    'set license 1.42 {type: [}',
  ])('is refused before anything else where it is no action: %j (59)', (text) => expect(failure(() => parseAction(text)).status).toBe(59));
});

describe('what an update is computed from (K4)', () => {
  const action = [parseAction('add seats 1.42 1')];
  const of = (c2v: string, after?: string) => () => updateLicense({ ...request, c2v, actions: action, after });
  it('is what the C2V shows, signed by this vendor and of the counter of the C2V', () => {
    const other = issueLicense({ ...request, vendor: makeVendor(7, 41), c2v: makeC2v(makeKey(makeVendor(7, 41), 21)), products: [1] });
    const foreign = verifyUpdates(makeKey(makeVendor(7, 41), 21), 0, [documentOf(other.v2c)])[0].certificateDocument;
    expect(failure(of(state(1, foreign))).status).toBe(30);
    expect(failure(of(state(2))).status).toBe(94);
    expect(failure(of(makeC2v(key, 1))).status).toBe(94);
    expect(failure(of(makeC2v(key, 0))).status).toBe(59);
  });

  it('or the V2C that is applied before, so that several go out together', () => {
    const second = updateLicense({ ...request, c2v: makeC2v(key), actions: action, after: first.v2c });
    const third = updateLicense({ ...request, c2v: makeC2v(key), actions: action, after: second.v2c });
    expect([second.counter, third.counter, featureOf(third.certificate, 42)?.concurrency.seats]).toEqual([2, 3, 7]);
    const text = packUpdates(vendor, [first.v2c, second.v2c, third.v2c]);
    expect(inspectFile(text)).toMatchObject({
      kind: 'V2CP',
      signature: { holds: true },
      contents: { updates: [{ v2c: { counter: 1 } }, { v2c: { counter: 2 } }, { v2c: { counter: 3 } }] },
    });
    expect(inspectFile(text).text).toContain('Update 3 of 3');
    expect(failure(() => packUpdates(vendor, [first.v2c, third.v2c])).status).toBe(94);
    expect(failure(() => packUpdates(makeVendor(7, 41), [first.v2c])).status).toBe(30);
    expect(failure(() => packUpdates(vendor, [makeC2v(key)])).status).toBe(15);
    expect(failure(() => packUpdates(vendor, [])).status).toBe(501);
  });
});

describe('the record of what a vendor issued', () => {
  it('refuses a C2V that is older than it (94), unless what went out comes before or is void', async () => {
    const base = await mkdtemp(join(tmpdir(), 'keyhaven-issue-'));
    onTestFinished(() => rm(base, { recursive: true, force: true }));
    const directory = join(base, 'vendor');
    await initVendor(directory, { id: 7, name: 'V', passphrase: 'a passphrase' });
    const own = await unlockVendor(directory, 'a passphrase');
    const fresh = makeKey(own, 21);
    const c2v = join(base, 'key.c2v');
    const path = (name: string) => join(base, name);
    await writeFile(c2v, makeC2v(fresh));
    const license = (out: string, more: object = {}) =>
      issueLicenseFile(directory, { vendor: own, c2v, products: [1], out: path(out), ...more });
    expect((await license('1.v2c')).counter).toBe(1);
    await expect(license('again.v2c')).rejects.toMatchObject({ status: 94 });
    expect((await license('again.v2c', { replace: true })).counter).toBe(1);
    const change = (out: string, after: string) =>
      updateLicenseFile(directory, {
        vendor: own,
        c2v,
        actions: ['add seats 1.42 1'],
        out: path(out),
        after: path(after),
        acknowledge: true,
      });
    expect((await change('2.v2c', 'again.v2c')).counter).toBe(2);
    await expect(change('lost.v2c', 'again.v2c')).rejects.toMatchObject({ status: 94 });
    expect(await packUpdateFiles(directory, own, [path('again.v2c'), path('2.v2c')], path('both.v2cp'))).toEqual([
      { key: fresh.id, counter: 1 },
      { key: fresh.id, counter: 2 },
    ]);
    const lines = (await readFile(vendorPaths(directory).issued, 'utf8')).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { counter: number }).counter)).toEqual([1, 1, 2]);
    expect(inspectFile(await readFile(path('2.v2c'), 'utf8')).text).toContain('Asks for an acknowledgement');
  });
});
