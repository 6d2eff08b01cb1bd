import { wall } from '@keyhaven/core/time';
import { readersOfFeatures } from '@keyhaven/testkit/feeds';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { describe, expect, it } from 'vitest';
import { startSite } from './rest-site.testing.ts';

// What lists, feeds and REST tell of licenses is the truth (C3, C6): trials, licenses that have not begun, detached seats, clone protection.

const NOW = Date.UTC(2026, 5, 1, 12);
const END = '2026-07-01T12:00:00.000Z';
const catalog = `products:
  - id: 5
    name: Survey
    protection: { physical: PlatformDefault, virtual: PlatformDefault }
    features:
      - { id: 42, name: Terrain, license: { type: perpetual }, concurrency: { seats: 4, network: true }, detachable: true }
      - { id: 43, name: Later, license: { type: perpetual, from: 2026-06-02 } }
  - id: 6
    name: Loose
    protection: { physical: Disable, virtual: Disable }
    features: [{ id: 60, license: { type: perpetual } }]
`;
type Feature = {
  readonly feature: number;
  readonly key: string;
  readonly license: Readonly<Record<string, unknown>>;
  readonly sessions: number;
  readonly detached?: number;
};

const open = async (products = catalog) => {
  const site = await startSite('[detach]\nenabled = true\n', products);
  const { client } = await site.issue();
  const features = async (): Promise<readonly Feature[]> => JSON.parse(await site.local.ask('GET', '/api/v1/features')) as Feature[];
  const feed = async (): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> => {
    const text = await site.local.ask('GET', '/_int_/tab_feat.html');
    const all = Object.values(readersOfFeatures).map((read) => read(text) as readonly Readonly<Record<string, string>>[]);
    for (const rows of all) expect(rows).toEqual(all[0]);
    return Object.fromEntries((all[0] ?? []).map((row): [string, typeof row] => [row['fid'] ?? '', row]));
  };
  const rest = async (what: 'keys' | 'products' | 'features', name: string) => {
    const { json } = await client.call('GET', `/${what}`);
    const of = json[what] as Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
    return of[name] ?? [];
  };
  return { ...site, client, features, feed, rest };
};

describe('a trial', () => {
  it('ends for all of its features from its first use on, in every list; before that it says for how long', async () => {
    const { local, features, feed, rest, clock, client } = await open();
    const vendor = createTestVendor(
      `products:
  - id: 7
    name: Try
    features:
      - { id: 70, license: { type: perpetual }, concurrency: { seats: 2, network: true } }
      - { id: 71, license: { type: perpetual }, concurrency: { seats: 2, network: true } }
`,
      7,
    );
    await local.ask('POST', '/api/v1/apply', vendor.trial(7, 30, wall(NOW)));
    const tried = async () => (await features()).filter(({ feature }) => feature === 70 || feature === 71);
    for (const { license } of await tried()) {
      expect(license).toMatchObject({ type: 'period', days: 30, trial: true });
      expect(license).not.toHaveProperty('ends');
    }
    expect((await client.login(70)).code).toBe(201);
    const first = new Date(clock.wall()).toISOString();
    for (const { license } of await tried()) expect(license).toMatchObject({ firstUse: first, ends: END });
    const rows = await feed();
    for (const id of ['70', '71'])
      expect(rows[id]).toMatchObject({ lic: expect.stringContaining('Jul 1, 2026'), locked: '0', unusable: '0' });
    const models = (await rest('features', 'feature')).filter(({ featureId }) => featureId === 70 || featureId === 71);
    expect(models).toHaveLength(2);
    for (const model of models)
      expect(model).toMatchObject({ locked: false, licenseInfo: { type: 'trial', startDateTime: first, expirationDateTime: END } });
    expect(await rest('products', 'product')).toContainEqual(expect.objectContaining({ productId: 7, cloneProtected: false }));
    clock.leap(31 * 86_400_000);
    for (const id of ['70', '71']) expect((await feed())[id]).toMatchObject({ ex: '1', unusable: '1' });
  });
});

describe('a license', () => {
  it('that has not begun is not usable, until it has', async () => {
    const { feed, rest, clock, client } = await open();
    const later = async () => (await rest('features', 'feature')).find(({ featureId }) => featureId === 43);
    expect((await feed())['43']).toMatchObject({ unusable: '1', ex: '0' });
    expect((await feed())['42']).toMatchObject({ unusable: '0', locked: '1' });
    expect(await later()).toMatchObject({ usable: false, expired: false, licenseInfo: { startDateTime: '2026-06-02T00:00:00.000Z' } });
    expect(await client.login(43)).toMatchObject({ code: 403, json: { errorCode: 109 } });
    clock.leap(86_400_000);
    expect((await feed())['43']).toMatchObject({ unusable: '0' });
    expect(await later()).toMatchObject({ usable: true, locked: true });
  });

  it('tells what may be detached, what is, and who uses it', async () => {
    const { local, key, feed, features, client } = await open();
    expect((await feed())['42']).toMatchObject({ det: '1', detc: '0', sesc: '0' });
    expect((await feed())['43']).toMatchObject({ det: '0', detc: '0', sesc: '0' });
    const other = await startSite();
    const recipient = await other.local.ask('POST', '/api/v1/recipient');
    await local.ask('POST', '/api/v1/detach', { key, product: 5, recipient, duration: 3_600, seats: 2 });
    for (const processId of [1, 2]) expect((await client.login(42, { clientInfo: { processId } })).code).toBe(201);
    expect((await feed())['42']).toMatchObject({ det: '1', detc: '2', sesc: '2' });
    expect((await features()).find(({ feature }) => feature === 42)).toMatchObject({ sessions: 2, detached: 2 });
  });

  it('is clone protected where its product is bound to the computer', async () => {
    const { rest } = await open();
    const products = await rest('products', 'product');
    expect(products.map(({ productId, cloneProtected, fingerprintChanged }) => [productId, cloneProtected, fingerprintChanged])).toEqual([
      [5, true, false],
      [6, false, false],
    ]);
    expect(await rest('keys', 'key')).toMatchObject([{ cloneProtected: false, fingerprintChanged: false }]);
    const [bound] = await (await open(catalog.slice(0, catalog.indexOf('  - id: 6')))).rest('keys', 'key');
    expect(bound).toMatchObject({ cloneProtected: true });
  });
});
