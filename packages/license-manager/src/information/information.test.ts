import { Buffer } from 'node:buffer';
import type { CatalogKey, CatalogPool } from '@keyhaven/core/admin';
import { parseInfoData } from '@keyhaven/core/format';
import { EMPTY_POOL } from '@keyhaven/core/seats';
import { mono } from '@keyhaven/core/time';
import { ASK, type Ask } from '@keyhaven/core/wire';
import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createInformation, partsOf } from './information.ts';

// Keys at other license managers; those here are tested by the Licensing API against a real LM.

const vendorKey = Buffer.alloc(32, 1);
const question = (more: Partial<Ask> = {}): Ask => ({ request: 1, vendor: 7, vendorKey, wanted: 0, scope: '', ...more });
const pool = (feature: number, more: Partial<CatalogPool> = {}): CatalogPool => ({
  product: 1,
  productName: 'Survey',
  feature,
  name: 'Echo sounder',
  license: { type: 'executions', count: 9 },
  limit: 2,
  used: 1,
  executions: 0,
  count: 'station',
  network: true,
  ...more,
});
const key = (id: string, more: Partial<CatalogKey> = {}): CatalogKey => ({
  key: id,
  type: 'sl-adminmode',
  vendor: 7,
  vendorKey: vendorKey.toString('base64url'),
  counter: 4,
  pools: [pool(42), pool(43, { network: false })],
  ...more,
});

const clock = createSimulatedClock();
const informationFor = (vendor: number | undefined, ...catalog: CatalogKey[]) =>
  createInformation({
    self: { guid: 'self', hostname: 'here', address: '127.0.0.1' },
    computer: undefined,
    keystore: {
      keys: () => [].values(),
      get: () => undefined,
      state: () => Promise.reject(new Error('there is no key here')),
      unlicensed: () => Promise.reject(new Error('nor is one made')),
    },
    authority: { sessions: () => [].values(), used: () => 0, pool: () => EMPTY_POOL },
    clock,
    time: clock.wall,
    observed: () => undefined,
    idleTimeoutMsOf: () => 1_000,
    startedAt: mono(0),
    vendor,
    recipient: undefined,
    peers: () => [{ guid: 'other', hostname: 'cellar', address: { host: '10.0.0.9', port: 1947 }, catalog }],
  });

const informationOf = (...catalog: CatalogKey[]) => informationFor(undefined, ...catalog);

describe('information on keys of other license managers (A1)', () => {
  it('tells what may be used over the network', async () => {
    const { licenseManagers } = await informationOf(key('777'))(question());
    expect(licenseManagers).toEqual([
      expect.objectContaining({ id: 'self', hostname: 'here', vendors: [] }),
      {
        id: 'other',
        hostname: 'cellar',
        ip: '10.0.0.9',
        vendors: [
          {
            id: '7',
            keys: [
              {
                id: '777',
                type: 'HASP-SL-AdminMode',
                configuration: 'haspsl-adminmode',
                attached: true,
                updateCounter: 4,
                port: { kind: 'network', protocol: 'IP', address: '10.0.0.9' },
                features: [expect.objectContaining({ id: '0' })],
                products: [
                  {
                    id: '1',
                    name: 'Survey',
                    features: [
                      {
                        id: '42',
                        name: 'Echo sounder',
                        locked: true,
                        license: { type: 'executions', total: 9, used: 0 },
                        concurrency: { export: ['local', 'network'], count: 'station', seats: 2 },
                        maxLogins: 2,
                        currentLogins: 1,
                        sessions: [],
                      },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      },
    ]);
  });

  it('tells nothing of keys of another vendor, made for another vendor code, or without a license', async () => {
    const foreign = Buffer.alloc(32, 2).toString('base64url');
    const tell = informationOf(key('1', { vendor: 8 }), key('2', { vendorKey: foreign }), key('3', { counter: 0 }));
    expect((await tell(question())).licenseManagers.flatMap(({ vendors }) => vendors)).toEqual([]);
    await expect(tell(question({ scope: '<haspscope><hasp id="2"/></haspscope>' }))).rejects.toMatchObject({ status: 50 });
  });

  it('leaves out license managers and keys outside of the scope', async () => {
    const tell = informationOf(key('777'), key('778'));
    const ids = async (scope: string) =>
      (await tell(question({ scope }))).licenseManagers.map(({ id, vendors }) => [
        id,
        vendors.flatMap(({ keys }) => keys.map((each) => each.id)),
      ]);
    expect(await ids('<haspscope><hasp id="778"/></haspscope>')).toEqual([['other', ['778']]]);
    expect(await ids('<haspscope><license_manager hostname="localhost"/></haspscope>')).toEqual([['self', []]]);
    await expect(ids('<haspscope><feature id="43"/></haspscope>')).rejects.toMatchObject({ status: 50 });
  });

  it('makes no C2V of a key that is elsewhere', async () => {
    await expect(informationOf(key('777'))(question({ wanted: ASK.c2v }))).rejects.toMatchObject({ status: 16 });
    expect((await informationOf()(question({ wanted: ASK.c2v }))).licenseManagers).toHaveLength(2);
  });

  it('passes over what it does not know in a question of a later version (T6)', async () => {
    expect((await informationOf(key('777'))(question({ wanted: 0x80 }))).licenseManagers).toHaveLength(2);
  });
});

describe('the parts of an answer', () => {
  it('are together what applications read, however large, and never none', async () => {
    const pools = Array.from({ length: 4_000 }, (_, index) => pool(index + 1));
    const data = await informationOf(key('777', { pools }))(question());
    const parts = partsOf(data);
    expect(parts.length).toBeGreaterThan(2);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(256 * 1024);
    expect(parseInfoData(Buffer.concat(parts).toString('utf8'))).toEqual(data);
    expect(partsOf({ licenseManagers: [] })).toHaveLength(1);
  });
});

it('makes no key of another vendor than whose keys it holds (34)', async () => {
  await expect(informationFor(8)(question({ wanted: ASK.newKey }))).rejects.toMatchObject({ status: 34 });
  await expect(informationFor(7)(question({ wanted: ASK.newKey }))).rejects.toThrow('nor is one made');
});
