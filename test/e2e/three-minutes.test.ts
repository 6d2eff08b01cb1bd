import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { type NearApplication, type NearSite, openNearSite, until } from './near-site.ts';
import { row } from './seed-row.ts';
import { statusOf } from './told-application.ts';

// What the seed's second table says of three minutes (T3, T4), once in real time: all wait beside each other, each with a user's store of its own.
// The same rules in simulated time: packages/core/src/lease and packages/license-manager/src/near.

const SECOND = 1_000;
const ONE_SEAT = 11;
const TEXT = 'sixteen bytes and more';

const waitUntil = (began: number, seconds: number): Promise<void> => pause(began + seconds * SECOND - performance.now());

type Near = 'external' | 'integrated';
type Held = { readonly site: NearSite; readonly holder: NearApplication; readonly session: string; readonly other: NearApplication };

const seatFor = (application: NearApplication, lm: Near): Promise<number> => statusOf(application.login({ feature: ONE_SEAT, lm }));
/** An application that has the only seat, and another one that wants it. */
const held = async (lm: Near, shown: (held: Held) => Promise<void>): Promise<void> => {
  const site = await openNearSite(await cachedExternalLm());
  try {
    const folder = lm === 'external' ? site.folder : site.makeFolder('integrated');
    const [holder, other] = [await site.application(folder), await site.application(folder)];
    const { id } = await holder.login({ feature: ONE_SEAT, lm });
    expect(await seatFor(other, lm)).toBe(38);
    await shown({ site, holder, session: id, other });
  } finally {
    await site.close();
  }
};

/** T3 */
const stoppedWithExternal = async ({ site, holder, session, other }: Held): Promise<void> => {
  holder.signal('SIGSTOP');
  await waitUntil(performance.now(), 195);
  expect(await seatFor(other, 'external')).toBe(38);
  expect(site.sessions()).toHaveLength(1);
  holder.signal('SIGCONT');
  expect((await holder.encrypt(session, TEXT)).length).toBe(TEXT.length + 41);
  expect(await holder.events(session)).toEqual([]);
  // And dies while it is stopped: then they are closed.
  holder.signal('SIGSTOP');
  holder.signal('SIGKILL');
  await holder.ended;
  await until('the seat is free', () => site.sessions().length === 0);
  expect(await seatFor(other, 'external')).toBe(0);
};

/** T4 */
const stoppedWithIntegrated = async ({ holder, session, other }: Held): Promise<void> => {
  holder.signal('SIGSTOP');
  const began = performance.now();
  await waitUntil(began, 170);
  expect(await seatFor(other, 'integrated')).toBe(38);
  await waitUntil(began, 190);
  expect(await seatFor(other, 'integrated')).toBe(0);
  holder.signal('SIGCONT');
  expect(await statusOf(holder.encrypt(session, TEXT))).toBe(39);
  expect(await seatFor(holder, 'integrated')).toBe(38);
};

/** T4 */
const deadWithIntegrated = async ({ site, holder, other }: Held): Promise<void> => {
  holder.signal('SIGKILL');
  await holder.ended;
  const began = performance.now();
  await waitUntil(began, 170);
  expect(site.sessions()).toHaveLength(1);
  expect(await seatFor(other, 'integrated')).toBe(38);
  await waitUntil(began, 190);
  expect(await seatFor(other, 'integrated')).toBe(0);
  expect(site.sessions()).toHaveLength(1);
};

// Built once, before several ask for it.
beforeAll(() => cachedExternalLm());

describe.concurrent('three minutes', { timeout: 300_000 }, () => {
  row('If the protected application fails for any reason', {
    'Integrated LM': [
      'sessions are kept for three minutes, in which their seats are not available; no longer',
      () => held('integrated', deadWithIntegrated),
    ],
  });
  row('When debugging a protected application', {
    'External LM': ['sessions do not time out after three minutes', () => held('external', stoppedWithExternal)],
    'Integrated LM': ['sessions time out after three minutes; then its calls fail (39)', () => held('integrated', stoppedWithIntegrated)],
  });
});
