import { Buffer } from 'node:buffer';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Observation } from '@keyhaven/core/fingerprint';
import { openLegacy, unarmor } from '@keyhaven/core/license';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCatalog } from './catalog.ts';
import { readFingerprintFile } from './fingerprint-file.ts';
import { catalogText, fixedEntropy, makeC2v, makeKey, makeVendor, now } from './fixtures.ts';
import { inspectFile } from './inspect.ts';
import { issueLegacy, issueLegacyFile } from './legacy.ts';
import { fingerprintFile, tower } from './legacy-vectors.ts';
import { legacySecret } from './vendor.ts';

const vendor = makeVendor(7, 0x11);
const request = { vendor, catalog: readCatalog(catalogText), now, entropy: fixedEntropy };
const of = (observed: Observation) => readFingerprintFile(fingerprintFile(observed, vendor), vendor);

describe('issuing a legacy license (T1)', () => {
  it('sells what the catalog says, bound to the computer whether the catalog says so or not, and lends nothing', () => {
    const { terms } = issueLegacy({ ...request, fingerprint: of(tower), products: [1, 2] });
    expect(terms.products.map(({ id, protection }) => [id, protection])).toEqual([
      [1, { physical: 'PlatformDefault', virtual: 'PlatformDefault' }],
      [2, { physical: 'PlatformDefault', virtual: 'PlatformDefault' }],
    ]);
    expect(terms.products[0]?.features[0]).toMatchObject({ id: 42, concurrency: { seats: 5, network: true }, detachable: false });
    expect(terms).toMatchObject({ counter: 1, memory: { readWrite: 128, readOnly: 32 } });
  });
  it('has secrets of its own, the same in all its versions', () => {
    const first = issueLegacy({ ...request, fingerprint: of(tower), products: [1] });
    const second = issueLegacy({ ...request, fingerprint: of(tower), products: [2], after: first.text });
    expect([second.terms.license, second.terms.counter, second.key]).toEqual([first.terms.license, 2, first.key]);
    const secretOf = (text: string, id: number) => openLegacy(unarmor(text).bytes).secrets.features.find((each) => each.id === id)?.secret;
    expect(secretOf(second.text, 42)).toBe(secretOf(first.text, 42));
    expect(secretOf(first.text, 42)).toBe(legacySecret(vendor, first.terms.license, 42).toString('base64url'));
    expect(openLegacy(unarmor(second.text).bytes).secrets.features.map(({ id }) => id)).toEqual([0, 42, 50]);
  });
  it('goes to another computer where its vendor names that', () => {
    const first = issueLegacy({ ...request, fingerprint: of(tower), products: [1] });
    const other = of({ host: 'physical', values: { board: ['board 9'], disk: ['disk 9'] } });
    expect(issueLegacy({ ...request, fingerprint: other, products: [1], after: first.text }).terms.fingerprint).toEqual(other);
  });
  it.each<[string, object, number, string]>([
    ['a product that the catalog lacks', { products: [9] }, 61, 'product 9'],
    ['no product', { products: [] }, 501, 'no product is named'],
    [
      'a product whose protection is off',
      {
        catalog: readCatalog(
          'products: [{ id: 1, features: [{ id: 2, license: { type: perpetual } }], protection: { physical: Disable } }]',
        ),
        products: [1],
      },
      501,
      'not bound to a computer',
    ],
    [
      'a computer that does not tell enough',
      { fingerprint: of({ host: 'container', values: { fqdn: ['a.example'] } }), products: [1] },
      501,
      'does not tell enough',
    ],
    ['a V2C as the license before', { products: [1], after: makeC2v(makeKey(vendor, 0x21)) }, 15, 'is a C2V'],
    [
      'the license of another vendor before',
      { products: [1], after: issueLegacy({ ...request, vendor: makeVendor(7, 0x51), fingerprint: of(tower), products: [1] }).text },
      30,
      'signed by somebody else',
    ],
  ])('refuses %s', (_, change, status, says) => {
    expect(() => issueLegacy({ ...request, fingerprint: of(tower), products: [1], ...change })).toThrow(
      expect.objectContaining({ status, message: expect.stringContaining(says) as string }),
    );
  });
  it('says to a person what it is', () => {
    const { text, key } = issueLegacy({ ...request, fingerprint: of(tower), products: [1] });
    expect(inspectFile(text).text).toMatch(new RegExp(`version 1, for one physical computer \\(board, disk.*its key is ${key}`));
    expect(inspectFile(text).text).toContain('Feature 42 Echo sounder: perpetual, 5 seats per login, over the network');
    expect(JSON.stringify(inspectFile(text))).not.toContain(legacySecret(vendor, 'd3d3d3d3d3d3d3d3d3d3dw', 42).toString('base64url'));
  });
});

describe('a fingerprint file', () => {
  const file = fingerprintFile(tower, vendor);
  it.each<[string, string, number, string]>([
    ['of another vendor', fingerprintFile(tower, { ...vendor, id: 8 }), 34, 'made for vendor 8'],
    ['that was changed', file.replace('>ey', '>fy'), 15, 'changed or cut'],
    ['that was cut', file.slice(0, -40), 15, ''],
    ['of a user store', file.replace('SL-AdminMode', 'SL-UserMode'), 16, 'only that holds SL Legacy'],
    ['that is a C2V', makeC2v(makeKey(vendor, 0x21)), 15, ''],
    ['with two computers', file.replace(/(<host_fingerprint.*<\/host_fingerprint>)/, '$1$1'), 15, 'or several'],
    [
      'with another content',
      `<a><host_fingerprint type="SL-AdminMode" crc="${crc32('{}')}" vendorid="7">e30=</host_fingerprint></a>`,
      15,
      'version',
    ],
  ])('%s is refused', (_, text, status, says) => {
    expect(() => readFingerprintFile(text, vendor)).toThrow(
      expect.objectContaining({ status, message: expect.stringContaining(says) as string }),
    );
  });
});

describe('license files on disk', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyhaven-legacy-'));
    await writeFile(join(directory, 'catalog.yaml'), catalogText);
    await writeFile(join(directory, 'tower.fp'), fingerprintFile(tower, vendor));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('are recorded first, follow each other, and are not issued twice by mistake (94)', async () => {
    const file = (name: string): string => join(directory, name);
    const issue = (out: string, more: object = {}) =>
      issueLegacyFile(directory, { vendor, fingerprint: file('tower.fp'), products: [1], out: file(out), ...more });
    const first = await issue('1.v2c');
    const second = await issue('2.v2c', { after: file('1.v2c') });
    expect([first.terms.counter, second.terms.counter]).toEqual([1, 2]);
    await expect(issue('3.v2c', { after: file('1.v2c') })).rejects.toMatchObject({ status: 94 });
    expect((await issue('3.v2c', { after: file('1.v2c'), replace: true })).terms.counter).toBe(2);
    const lines = (await readFile(file('issued.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatchObject({ key: second.key, type: 'sl-legacy', counter: 2, license: second.terms.license, products: [1] });
    expect(Buffer.from(await readFile(file('2.v2c'))).toString('utf8')).toBe(second.text);
  });
});
