import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeGrant, type LoginCall } from '@keyhaven/core/session';
import { MINUTE, wall } from '@keyhaven/core/time';
import { type UsageBy, usageCsv } from '@keyhaven/core/usage';
import { createMemoryLedger } from '@keyhaven/ledger';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectApplication, createSite, localParty, someone } from '../authority/site.testing.ts';
import { createRecords, type Records } from '../records.ts';
import { parseSettings } from '../settings.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';

// A morning of four people at a license manager, and what its reports are to say of it, computed by hand (C5):
//
//   feature 42, 2 seats       03:00 ada ------------------------------- 04:30
//                                 03:15 ben -- 03:30
//                                   03:20 cy refused (38)
//                                        03:40 cy -------------- 04:20
//   feature 43, 1 seat                            04:00 ben ----------------- 04:55
//                                                   04:10 ada refused (38)
//   feature 44, over                              04:05 dan refused (41)

const start = Date.UTC(2026, 10, 24, 3);
const byFirst = ([a]: readonly unknown[], [b]: readonly unknown[]): number => (String(a) < String(b) ? -1 : 1);
const HOSTS: Readonly<Record<string, string>> = { ada: 'one', ben: 'two', cy: 'two', dan: 'three' };

describe('reports of use (C5)', () => {
  let records: Records;
  let key = '';
  const directory = mkdtempSync(join(tmpdir(), 'usage-'));
  const clock = createSimulatedClock(start);
  const report = (by: UsageBy) => records.faces.usage({ from: wall(start), to: wall(start + 240 * MINUTE), by });

  beforeAll(async () => {
    const settings = parseSettings('', { name: 'here' });
    records = createRecords({ stateDirectory: directory, clock, settings: () => settings, onEvent: () => undefined });
    const site = await createSite({ clock, ledger: records.watch(createMemoryLedger({ now: () => clock.wall() })) });
    const over = { type: 'expiration', until: '2026-11-01T00:00:00Z' } as const;
    const licensed = await site.licensed({ features: [{ id: 42 }, { id: 43, seats: 1 }, { id: 44, license: over }] });
    key = licensed.identity.id;
    const sources = { version: '1', catalog: () => [], damaged: () => [], remoteSessions: () => 0, peers: () => [] };
    await records.begin({
      authority: site.authority,
      acts: { owed: () => 0 },
      audit: { lost: () => 0, unreported: () => 0 },
      sources,
      isListening: () => true,
    });

    let pid = 100;
    const at = (minutes: number): void => clock.advance(start + minutes * MINUTE - clock.wall());
    /** Resolves to how it logs out. */
    const login = async (user: string, feature: number, status = 0): Promise<() => Promise<unknown>> => {
      pid += 1;
      const application = connectApplication(site, licensed, localParty(pid));
      const who: LoginCall['application'] = { ...someone, pid, user, host: HOSTS[user] ?? '' };
      const reply = await application.login(feature, { application: who });
      expect(reply.status, `${user} ${feature}`).toBe(status);
      return async () => application.call({ kind: 'logout', handle: decodeGrant(reply.body).handle });
    };
    const ada = await login('ada', 42);
    at(15);
    const ben = await login('ben', 42);
    at(20);
    await login('cy', 42, 38);
    at(30);
    await ben();
    at(40);
    const cy = await login('cy', 42);
    at(60);
    const again = await login('ben', 43);
    at(65);
    await login('dan', 44, 41);
    at(70);
    await login('ada', 43, 38);
    at(80);
    await cy();
    at(90);
    await ada();
    at(115);
    await again();
    at(250);
  });
  afterAll(async () => {
    await records.close();
    rmSync(directory, { recursive: true });
  });

  it('of features have seat hours, peaks, percentiles and causes as computed by hand', async () => {
    const shape = (await report('feature')).map(({ feature, hours, grants, denialsByCause, peaks }) => [
      feature,
      hours,
      grants,
      denialsByCause,
      Object.values(peaks ?? {}).join(' '),
    ]);
    // 90 + 15 + 40 minutes, and 55. Of four hours two had two seats of 42 in use, one had one of 43.
    expect(shape.toSorted(byFirst)).toEqual([
      [42, 2.417, 3, { '38': 1 }, '2 0 2 2 2'],
      [43, 0.917, 1, { '38': 1 }, '1 0 1 1 1'],
      [44, 0, 0, { '41': 1 }, '0 0 0 0 0'],
    ]);
  });

  it('of products and hours add up', async () => {
    expect(await report('product')).toMatchObject([
      { key, product: 1, hours: 3.333, grants: 4, denials: 3, denialsByCause: { '38': 2, '41': 1 }, peaks: { max: 2, p50: 0, p90: 2 } },
    ]);
    const hours = (await report('hour')).map(({ at, hours: used, grants, denials }) => [at?.slice(11, 16), used, grants, denials]);
    // 60 + 15 + 20 minutes, and 30 + 20 + 55.
    expect(hours.toSorted(byFirst)).toEqual([
      ['03:00', 1.583, 3, 1],
      ['04:00', 1.75, 1, 2],
    ]);
  });

  it('of users and hosts have the time of each', async () => {
    const people = async (by: 'user' | 'host') =>
      (await report(by)).map(({ user, host, hours, grants, denials }) => [user ?? host, hours, grants, denials]).toSorted(byFirst);
    expect(await people('user')).toEqual([
      ['ada', 1.5, 1, 1],
      ['ben', 1.167, 2, 0],
      ['cy', 0.667, 1, 1],
      ['dan', 0, 0, 1],
    ]);
    // Two: 15 and 40 minutes of 42, and 55 of 43.
    expect(await people('host')).toEqual([
      ['one', 1.5, 1, 1],
      ['three', 0, 0, 1],
      ['two', 1.833, 3, 1],
    ]);
  });

  it('are the same as CSV', async () => {
    const rows = usageCsv(await report('feature')).split('\r\n');
    expect(rows).toContain(`${key},1,42,,,,2.417,3,1,38:1,2,0,2,2,2`);
    expect(usageCsv(await report('user'))).toContain('\r\n,,,ben,,,1.167,2,0,,,,,,\r\n');
  });
});
