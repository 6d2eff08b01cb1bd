import { setTimeout as pause } from 'node:timers/promises';
import { createRandom } from '@keyhaven/testkit/world';
import { expect, it } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { openNearSite, until } from './near-site.ts';
import { expectWithin } from './time-limit.ts';
import { Refused } from './told-application.ts';

// Ten applications, each with an External LM of its own, share three seats of one user's key while applications and External LMs are killed at
// random (S20, T3). Whoever was granted a seat counts from the grant's arrival to the moment before its logout is sent or its death is ordered,
// which is less than it really has; so more than three at once would be a seat too many.

const APPLICATIONS = 10;
const SEATS = 3;
const FEATURE = 12;
/** It goes on until so much has happened. */
const ENOUGH = { grants: 60, full: 10, deaths: 20, kills: 5 };
const LIMIT_MS = 100_000;

it('nothing is left over, and never are more seats out than were sold', async () => {
  await using site = await openNearSite(await cachedExternalLm()).then((opened) => ({
    ...opened,
    [Symbol.asyncDispose]: () => opened.close(),
  }));
  const random = createRandom('external crowd');
  const held = new Map<number, number>();
  const seen = { most: 0, grants: 0, full: 0, broken: 0, deaths: 0, kills: 0 };
  const count = (pid: number, change: 1 | -1): void => {
    held.set(pid, (held.get(pid) ?? 0) + change);
    if (change === 1) seen.grants += 1;
    seen.most = Math.max(
      seen.most,
      [...held.values()].reduce((sum, each) => sum + each, 0),
    );
  };
  const began = performance.now();
  const goesOn = (): boolean =>
    performance.now() - began < LIMIT_MS &&
    (seen.grants < ENOUGH.grants || seen.full < ENOUGH.full || seen.deaths < ENOUGH.deaths || seen.kills < ENOUGH.kills);

  const life = async (): Promise<void> => {
    const application = await site.application();
    const { pid } = application;
    for (let left = random.below(12); left >= 0 && goesOn(); left--) {
      try {
        const { id } = await application.login({ feature: FEATURE });
        count(pid, 1);
        try {
          await application.encrypt(id, 'sixteen bytes and more');
          await pause(random.below(60));
          const fate = random.below(8);
          if (fate === 0) break;
          if (fate === 1) {
            seen.kills += 1;
            held.set(pid, 0);
            for (const external of site.externalsOf(application)) process.kill(external, 'SIGKILL');
            continue;
          }
        } finally {
          if ((held.get(pid) ?? 0) > 0) count(pid, -1);
        }
        await application.logout(id);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.status === 38) seen.full += 1;
        else if (error.status === 33) seen.broken += 1;
        else throw error;
        await pause(5 + random.below(35));
      }
    }
    held.delete(pid);
    seen.deaths += 1;
    application.signal(random.chance(0.5) ? 'SIGKILL' : 'SIGTERM');
    await application.ended;
  };
  const worker = async (): Promise<void> => {
    while (goesOn()) await life();
  };
  await Promise.all(Array.from({ length: APPLICATIONS }, worker));

  await expectWithin(performance.now() - began, LIMIT_MS, JSON.stringify(seen));
  // All of them were out, and never more.
  expect(seen.most).toBe(SEATS);
  await until('no External LM is left', () => site.externals().length === 0);
  // Of those that were killed before they could release, the next one releases the seats: all of them can be had.
  const last = await site.application();
  const all = await Promise.all(Array.from({ length: SEATS }, () => last.login({ feature: FEATURE })));
  for (const { id } of all) await last.logout(id);
  expect(site.sessions()).toEqual([]);
  last.order('exit');
  await last.ended;
  await until('no External LM is left', () => site.externals().length === 0);
});
