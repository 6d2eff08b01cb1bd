import { LicensingError, Status } from '@keyhaven/core/errors';
import { DAY, HOUR, MINUTE, type Wall, wall } from '@keyhaven/core/time';
import { createMemoryLedger, type Ledger, type MemoryLedger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { createSimulatedClock, type SimulatedClock } from '../simulated-clock.testing.ts';
import { type History, type OpenSession, openHistory } from './history.ts';

const START = Date.UTC(2026, 0, 1);
const pool = { key: '17', product: 1, feature: 42 };

type Site = {
  readonly clock: SimulatedClock;
  ledger: MemoryLedger;
  history: History;
  readonly open: Map<string, OpenSession>;
  full: boolean;
};

const openSite = async (before?: Site): Promise<Site> => {
  const clock = before?.clock ?? createSimulatedClock(START);
  const now = (): Wall => clock.wall();
  const ledger = createMemoryLedger(before === undefined ? { now } : { now, initial: before.ledger.snapshot() });
  const open = before?.open ?? new Map<string, OpenSession>();
  const site: Partial<Site> = { clock, ledger, open, full: false };
  const disk: Ledger = {
    ...ledger,
    update: (...of) => (site.full === true ? Promise.reject(new LicensingError(Status.DEVICE_ERR)) : ledger.update(...of)),
  };
  site.history = await openHistory({
    ledger: disk,
    clock,
    used: () => open.size,
    sessions: () => open.values(),
    onProblem: () => undefined,
  });
  return site as Site;
};
const login = ({ history, open, clock }: Site, user: string, of = pool): void => {
  open.set(user, { pool: of, user, host: `pc-${user}` });
  history.decided({ kind: 'granted', scope: of.key, detail: { ...of, user, host: `pc-${user}`, seats: 1 } }, clock.wall());
};
const logout = ({ history, open, clock }: Site, user: string, of = pool): void => {
  open.delete(user);
  history.decided({ kind: 'released', scope: of.key, detail: { ...of, user, host: `pc-${user}`, seats: 1 } }, clock.wall());
};
const report = (site: Site, by: 'feature' | 'user' | 'hour') => site.history.report({ from: wall(START), to: site.clock.wall(), by });
const rowNames = async ({ ledger }: Site): Promise<string[]> => {
  const names: string[] = [];
  for await (const [key] of ledger.scan('usage/')) names.push(key);
  return names.toSorted();
};

describe('the history of use (C5)', () => {
  it('survives the end of the license manager at any moment, but for the current minute', async () => {
    let site = await openSite();
    login(site, 'ada');
    site.clock.advance(30 * MINUTE);
    await site.history.flush();
    login(site, 'ben');
    // Killed: nothing is closed. Ben's login was a moment ago.
    site = await openSite(site);
    site.clock.advance(30 * MINUTE);
    logout(site, 'ada');
    const [item] = await report(site, 'feature');
    expect(item?.hours).toBeCloseTo(0.5 + 2 * 0.5, 2);
    expect(item).toMatchObject({ grants: 1, peaks: { max: 2 } });
    const users = await report(site, 'user');
    expect(users.map(({ user, hours, grants }) => [user, hours, grants])).toEqual([
      ['ada', 1, 1],
      ['ben', 0.5, 0],
    ]);
  });

  it('keeps hours of today, and one row of each day that is over with the hours in it', async () => {
    const site = await openSite();
    for (let hour = 0; hour < 30; hour += 1) {
      login(site, 'ada');
      site.clock.advance(20 * MINUTE);
      logout(site, 'ada');
      site.clock.advance(40 * MINUTE);
      await site.history.flush();
    }
    const day = Math.floor(START / DAY);
    const hours = Array.from({ length: 6 }, (_, index) => `usage/hour/${(day + 1) * 24 + index}.17.1.42`);
    expect(await rowNames(site)).toEqual([`usage/day/${day}.17.1.42`, ...hours]);
    expect(await report(site, 'hour')).toHaveLength(30);
    const [item] = await report(site, 'feature');
    expect(item).toMatchObject({ hours: 10, grants: 30, peaks: { max: 1, p50: 1 } });
  });

  it('that the disk refuses is written when it takes it again', async () => {
    const site = await openSite();
    login(site, 'ada');
    site.full = true;
    site.clock.advance(50 * MINUTE);
    await expect(site.history.flush()).rejects.toMatchObject({ status: Status.DEVICE_ERR });
    site.clock.advance(2 * HOUR);
    await expect(site.history.flush()).rejects.toMatchObject({ status: Status.DEVICE_ERR });
    site.full = false;
    const [item] = await report(site, 'feature');
    expect(item?.hours).toBeCloseTo(2 + 50 / 60, 2);
  });

  it('writes nothing on the way of a login, and nothing where nothing happens', async () => {
    const site = await openSite();
    login(site, 'ada');
    logout(site, 'ada');
    expect(await rowNames(site)).toEqual([]);
    await site.history.flush();
    expect(await rowNames(site)).toHaveLength(1);
    site.clock.advance(5 * HOUR);
    await site.history.flush();
    expect(await rowNames(site)).toHaveLength(1);
    await site.history.close();
    expect(site.clock.waiting).toBe(0);
  });

  it('of refusals has the causes; of those without a key, nothing', async () => {
    const site = await openSite();
    const refused = (scope: string, status: number): void =>
      site.history.decided({ kind: 'refused', scope, detail: { ...pool, user: 'eve', host: 'pc', status } }, site.clock.wall());
    for (const status of [38, 38, 5]) refused('17', status);
    refused('lm', 7);
    site.clock.advance(MINUTE);
    const [item, none] = await report(site, 'feature');
    expect(item).toMatchObject({ key: '17', denials: 3, denialsByCause: { '5': 1, '38': 2 } });
    expect(none).toBeUndefined();
  });
});
