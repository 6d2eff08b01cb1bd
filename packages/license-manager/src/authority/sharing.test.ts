import { hex } from '@keyhaven/core/bytes';
import type { Login, SessionRow } from '@keyhaven/core/seats';
import { createMemoryLedger, type Rows } from '@keyhaven/ledger';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Key, poolName } from '../keystore/index.ts';
import { systemEntropy } from '../machine/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createShared, LicenseChanged, SeatsMoved, type Shared, type Sharing } from './sharing.ts';
import { createSite, type Site } from './site.testing.ts';

// Decisions of one of several processes on one ledger, with the others between its look and its decision.

const clock = createSimulatedClock();
let site: Site;
let key: Key;
let calls: string[];
let holds: (rows: Rows) => boolean;
let refreshed: () => Promise<void>;
let shared: Shared;

beforeEach(async () => {
  site = await createSite({ ledger: createMemoryLedger({ now: () => clock.wall() }), clock });
  key = await site.licensed({
    features: [
      { id: 42, seats: 2 },
      { id: 44, seats: 2, count: 'station' },
    ],
  });
  calls = [];
  holds = () => true;
  refreshed = async () => undefined;
  const instance: Sharing['instance'] = {
    id: 'one',
    row: 'lm/instance/one',
    holds: (rows) => holds(rows),
    verified: () => undefined,
    async renew() {
      calls.push('renew');
      holds = () => true;
    },
  };
  const sweep = async (): Promise<boolean> => {
    calls.push('sweep');
    return true;
  };
  shared = createShared({ instance, sweep, onForeign: () => () => undefined }, site.ledger, site.keystore, async () => {
    calls.push('refresh');
    await refreshed();
  });
});

const command = (feature: number): Login => ({
  kind: 'login',
  pool: { key: key.identity.id, product: 1, feature },
  terms: key.license?.pools.get(poolName(1, feature))?.terms,
  session: hex(systemEntropy.bytes(16)),
  applicant: { holder: 'local', host: 'here', user: 'ada', application: 'survey', pid: 1, start: 1, address: '127.0.0.1' },
  seats: 1,
  executions: 0,
  dieAtExpiration: false,
});
const login = (feature: number) => shared.login(command(feature), (decision) => decision);

describe('a login', () => {
  it('is of the instance that it was decided for', async () => {
    expect(await login(42)).toMatchObject({ kind: 'granted', session: { instance: 'one' } });
    expect(calls).toEqual([]);
  });

  it('for an instance that is over is decided when it is another one', async () => {
    holds = () => false;
    expect(await login(42)).toMatchObject({ kind: 'granted' });
    expect(calls).toEqual(['renew']);
  });

  it('is refused for seats only after what others left behind was given back', async () => {
    await login(42);
    await login(42);
    expect(await login(42)).toMatchObject({ kind: 'refused', status: 38 });
    expect(calls).toEqual(['sweep']);
    const audit = await site.ledger.audit({ kind: 'refused' });
    expect(audit).toHaveLength(1);
  });

  it('of a session that another instance answers for is refused (39), unless that one is over', async () => {
    const asked = command(42);
    const name = `${key.identity.id}/session/${asked.session}` as const;
    const row = { ...asked.applicant, instance: 'two' };
    await site.ledger.update([], () => ({ changes: [{ key: name, row }], audit: [], reply: undefined }));
    await expect(shared.login(asked, (decision) => decision)).rejects.toMatchObject({ status: 39 });
    expect(calls).toEqual(['sweep']);
  });

  it('by a license that is not the one in force ends the channel', async () => {
    const row = `${key.identity.id}/key/license` as const;
    await site.ledger.update([row], (rows) => ({
      changes: [{ key: row, row: { ...rows.get(row), certificate: 'another' } }],
      audit: [],
      reply: undefined,
    }));
    await expect(login(42)).rejects.toThrow(LicenseChanged);
    await expect(shared.decide(key.identity.id, [], () => ({ changes: [], audit: [], reply: 1 }))).rejects.toThrow(LicenseChanged);
    expect(calls).toEqual(['refresh', 'refresh']);
  });
});

describe('an update that was decided on the sessions of all processes', () => {
  const decideOn = async (meanwhile: () => Promise<unknown>): Promise<number> => {
    const snapshot = await shared.snapshot(key, [], () => undefined);
    await meanwhile();
    const { keys, decide } = snapshot.guarding({ keys: [], decide: () => ({ changes: [], audit: [] }) });
    await site.ledger.update(keys, (rows) => ({ ...decide(rows), reply: undefined }));
    return snapshot.sessions.length;
  };
  const put = (name: string, row: object) =>
    site.ledger.update([], () => ({ changes: [{ key: `${key.identity.id}/${name}/x`, row }], audit: [], reply: undefined }));

  it('holds where they are the same', async () => {
    await login(42);
    await login(44);
    expect(await decideOn(async () => undefined)).toBe(2);
  });

  it.each([
    ['a session came', () => login(42)],
    ['the first session of a pool came', () => login(44)],
    ['a session ended', () => shared.releaseAll(key.identity.id)],
    [
      'one came and another went',
      async () => {
        await shared.releaseAll(key.identity.id);
        await login(42);
      },
    ],
  ])('fails where %s', async (_, meanwhile) => {
    await login(42);
    await expect(decideOn(meanwhile)).rejects.toThrow(SeatsMoved);
  });

  it('fails where a second session of a station came, which takes no seat', async () => {
    await login(44);
    await expect(decideOn(() => login(44))).rejects.toThrow(SeatsMoved);
  });

  it('is of no other rows', async () => {
    await login(42);
    expect(await decideOn(() => put('memory', { data: '' }))).toBe(1);
  });
});

it('all sessions of a key end, whoever answers for them', async () => {
  await login(42);
  const other = command(42);
  const row: SessionRow = {
    ...other.applicant,
    product: 1,
    feature: 42,
    seats: 1,
    dieAtExpiration: false,
    since: clock.wall(),
    instance: 'two',
  };
  await site.ledger.update([], () => ({
    changes: [{ key: `${key.identity.id}/session/${other.session}`, row }],
    audit: [],
    reply: undefined,
  }));
  await shared.releaseAll(key.identity.id);
  for await (const [name] of site.ledger.scan(`${key.identity.id}/session/`)) expect(name).toBe('none is left');
});
