import { LicensingError } from '@keyhaven/core/errors';
import { decodeGrant } from '@keyhaven/core/session';
import { wall } from '@keyhaven/core/time';
import { createMemoryLedger, type Ledger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { createTestVendor, type SoldFeature } from '../keystore/vendor.testing.ts';
import { connectApplication, createSite, type Site } from './site.testing.ts';

// An update under running sessions ends exactly the sessions that the field says it ends, with 39 (K4).

const vendor = createTestVendor();
const before: readonly SoldFeature[] = [
  { id: 42, seats: 5 },
  { id: 43, seats: 5, network: false },
  { id: 44, seats: 'unlimited' },
];

/** A key with sessions: on 42 two local ones, then a remote one, then a local one; on 43 and 44 a local one each, and one on feature 0. */
const running = async (ledger?: Ledger) => {
  const site: Site = await createSite(ledger === undefined ? {} : { ledger });
  const key = await site.licensed({ features: before }, vendor);
  const local = connectApplication(site, key);
  const remote = connectApplication(site, key, { holder: 'guid', address: '192.0.2.1', process: undefined });
  const handles = new Map<string, { readonly app: typeof local; readonly handle: number }>();
  for (const [name, app, feature] of [
    ['a', local, 42],
    ['b', local, 42],
    ['remote', remote, 42],
    ['c', local, 42],
    ['on 43', local, 43],
    ['on 44', local, 44],
    ['on 0', local, 0],
  ] as const) {
    site.clock.advance(1_000);
    const reply = await app.login(feature);
    expect(reply.status, name).toBe(0);
    handles.set(name, { app, handle: decodeGrant(reply.body).handle });
  }
  const license = async (features: readonly SoldFeature[], counter?: number) =>
    vendor.license(await site.keystore.state(site.keystore.get(key.identity.id) ?? key, 'here', site.clock.wall()), {
      features,
      ...(counter === undefined ? {} : { counter }),
    });
  return {
    site,
    license,
    /** Names of those that have ended, each with 39. */
    async ended(): Promise<string[]> {
      const found: string[] = [];
      for (const [name, { app, handle }] of handles) {
        const { status } = await app.call({ kind: 'clock', handle });
        if (status !== 0) found.push(status === 39 ? name : `${name} with ${status}`);
      }
      return found;
    },
    used: (feature: number) => site.authority.used({ key: key.identity.id, product: feature === 0 ? 0 : 1, feature }),
  };
};
const [a42, a43, a44] = [before[0]!, before[1]!, before[2]!];
const all42 = ['a', 'b', 'remote', 'c'];

describe('an update under running sessions', () => {
  it.each<[string, readonly SoldFeature[], readonly string[]]>([
    ['that changes nothing of them ends none', before, []],
    ['that deletes a feature ends all of its sessions', [a43, a44], all42],
    ['that cancels everything ends all but those of feature 0', [], [...all42, 'on 43', 'on 44']],
    ['that takes the network away ends all sessions of it, local ones too', [{ ...a42, network: false }, a43, a44], all42],
    ['that gives the network ends all sessions of it', [a42, { ...a43, network: true }, a44], ['on 43']],
    ['that lowers seats below what is out ends the newest', [{ ...a42, seats: 2 }, a43, a44], ['remote', 'c']],
    ['that lowers seats to what is out ends none', [{ ...a42, seats: 4 }, a43, a44], []],
    ['that raises seats ends none', [{ ...a42, seats: 'unlimited' }, a43, a44], []],
    ['that limits what was unlimited ends none as long as it fits', [a42, a43, { ...a44, seats: 1 }], []],
    [
      'of dates, names, counting and what may be used where ends none',
      [
        {
          ...a42,
          name: 'New',
          license: { type: 'expiration', until: '2099-01-01T00:00:00Z'.replace('2099', '2090') },
          virtualMachine: false,
        },
        { ...a43, license: { type: 'executions', count: 7 }, detachable: false },
        { ...a44, count: 'station' },
      ],
      [],
    ],
    ['that adds a feature ends none', [...before, { id: 99 }], []],
  ])('%s', async (_, features, ended) => {
    const { site, license, ended: endedNow, used } = await running();
    await site.authority.apply(await license(features));
    expect(await endedNow()).toEqual(ended);
    expect(site.ended.map((each) => each.split(' ').slice(1).join(' '))).toEqual(ended.map(() => 'license changed'));
    expect([used(42), used(43), used(44), used(0)]).toEqual([
      4 - ended.filter((name) => all42.includes(name)).length,
      ended.includes('on 43') ? 0 : 1,
      ended.includes('on 44') ? 0 : 1,
      1,
    ]);
  });

  it('of several V2C ends what any of them ends, also where the last gives it back', async () => {
    const { site, license, ended } = await running();
    await site.authority.apply([await license([a43, a44]), await license(before, 3)]);
    expect(await ended()).toEqual(all42);
  });

  it('of several V2C of which one does not fit ends nothing and changes nothing', async () => {
    const { site, license, ended } = await running();
    const work = site.authority.apply([await license([a43, a44]), await license(before, 4)]);
    await expect(work).rejects.toMatchObject({ status: 55 });
    expect(await ended()).toEqual([]);
    expect([...site.keystore.keys()].map(({ counter }) => counter)).toEqual([1]);
  });

  it('that the disk refuses ends nothing: license and sessions are one decision (K4)', async () => {
    const inner = createMemoryLedger({ now: () => wall(0) });
    let full = false;
    const ledger: Ledger = {
      ...inner,
      update: (keys, decide, options) =>
        full && keys.some((key) => key.endsWith('/key/license'))
          ? inner
              .update(keys, (rows, now) => ({ ...decide(rows, now), changes: [], audit: [] }))
              .then(() => Promise.reject(new LicensingError(43)))
          : inner.update(keys, decide, options),
    };
    const { site, license, ended, used } = await running(ledger);
    full = true;
    await expect(site.authority.apply(await license([a43, a44]))).rejects.toMatchObject({ status: 43 });
    await Promise.resolve();
    expect(await ended()).toEqual([]);
    expect(used(42)).toBe(4);
    full = false;
    await site.authority.apply(await license([a43, a44]));
    expect(await ended()).toEqual(all42);
  });
});

describe('a session that logs out while its feature is deleted', () => {
  it('gives its seat back once', async () => {
    const { site, license, used } = await running();
    const v2c = await license([a43, a44]);
    const [first] = [...site.authority.sessions()].filter(({ pool }) => pool.feature === 42);
    await Promise.all([site.authority.apply(v2c), first === undefined ? undefined : site.authority.release(first, 'logout')]);
    expect(used(42)).toBe(0);
    // Each is told once.
    expect(site.ended).toHaveLength(4);
    expect([...site.authority.sessions()].map(({ pool }) => pool.feature).toSorted((a, b) => a - b)).toEqual([0, 43, 44]);
  });
});
