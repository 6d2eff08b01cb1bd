import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { type NearApplication, type NearSite, openNearSite, until } from './near-site.ts';
import { row } from './seed-row.ts';
import { statusOf } from './told-application.ts';

// The seed's second table, "differences between the External LM and the Integrated LM" (T3, T4), on real processes and real signals. What takes three
// minutes to see is in three-minutes.test.ts, named after the same rows.

const ONE_SEAT = 11;
const TEXT = 'sixteen bytes and more';
/** Whatever happens at once has happened by then. */
const WHILE_MS = 2_500;

let site: NearSite;
beforeAll(async () => {
  site = await openNearSite(await cachedExternalLm());
});
afterEach(() => site.quiet());
afterAll(() => site.close());

/** Each in a store and a folder of its own: sessions of an Integrated LM outlive its application. */
const alone = async (lm: 'external' | 'integrated'): Promise<{ readonly of: NearSite; start(): Promise<NearApplication> }> => {
  if (lm === 'external') return { of: site, start: () => site.application() };
  const own = await openNearSite(await cachedExternalLm());
  closing.push(() => own.close());
  const folder = own.makeFolder('integrated');
  return { of: own, start: () => own.application(folder) };
};
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
/** All descendants, but threads. */
const childrenOf = (pid: number): readonly number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
const seatFor = (application: NearApplication, lm: 'external' | 'integrated'): Promise<number> =>
  statusOf(application.login({ feature: ONE_SEAT, lm }));

row('The Licensing API runs in a separate process', {
  'External LM': [
    'two processes: the application and the External LM',
    async () => {
      const application = await site.application();
      expect(childrenOf(application.pid)).toEqual([]);
      await application.login({ lm: 'external' });
      expect(childrenOf(application.pid)).toEqual(site.externalsOf(application));
      expect(site.externalsOf(application)).toHaveLength(1);
    },
  ],
  'Integrated LM': [
    'no separate process for the license manager',
    async () => {
      const { start } = await alone('integrated');
      const application = await start();
      const threads = (): number => readdirSync(`/proc/${application.pid}/task`).length;
      const before = threads();
      await application.login({ lm: 'integrated' });
      expect(childrenOf(application.pid)).toEqual([]);
      expect(threads()).toBeGreaterThan(before);
    },
  ],
});

row('If, for any reason, the License Manager fails', {
  'External LM': [
    'only its process; the application lives, and every later call returns 33',
    async () => {
      for (const signal of ['SIGKILL', 'SIGSEGV', 'SIGABRT'] as const) {
        const application = await site.application();
        const { id } = await application.login({ lm: 'external' });
        for (const pid of site.externalsOf(application)) process.kill(pid, signal);
        await until('it is gone', () => site.externalsOf(application).length === 0);
        for (let call = 0; call < 3; call += 1) expect(await statusOf(application.encrypt(id, TEXT))).toBe(33);
        expect(application.outcome()).toBeUndefined();
        // It may be started again.
        expect((await application.encrypt((await application.login({ lm: 'external' })).id, TEXT)).length).toBe(TEXT.length + 41);
        expect(await statusOf(application.encrypt(id, TEXT))).toBe(33);
      }
    },
  ],
  'Integrated LM': [
    'the protected application also fails',
    async () => {
      const { start } = await alone('integrated');
      const application = await start();
      await application.login({ lm: 'integrated' });
      application.order('fail');
      await application.ended;
      expect(application.outcome()).toBe(1);
      expect(application.complaints()).toMatch(/TypeError/);
    },
  ],
});

row('If the protected application fails for any reason', {
  'External LM': [
    'it closes all sessions left open and exits by itself',
    async () => {
      for (const signal of ['SIGKILL', 'SIGSEGV'] as const) {
        const application = await site.application();
        await application.login({ feature: ONE_SEAT, lm: 'external' });
        await application.login({ lm: 'external' });
        const other = await site.application();
        expect(await seatFor(other, 'external')).toBe(38);
        const [external] = site.externalsOf(application);
        application.signal(signal);
        await application.ended;
        await until('it exits', () => !site.externals().includes(external ?? 0));
        expect(site.sessions()).toEqual([]);
        expect(await seatFor(other, 'external')).toBe(0);
        other.signal('SIGKILL');
        await other.ended;
      }
    },
  ],
  'Integrated LM': [
    'its sessions stay and their seats are taken (for three minutes: three-minutes.test.ts)',
    async () => {
      const { of, start } = await alone('integrated');
      const [application, other] = [await start(), await start()];
      await application.login({ feature: ONE_SEAT, lm: 'integrated' });
      application.signal('SIGKILL');
      await application.ended;
      await pause(WHILE_MS);
      expect(of.sessions()).toHaveLength(1);
      expect(await seatFor(other, 'integrated')).toBe(38);
      expect(await seatFor(await start(), 'integrated')).toBe(38);
    },
  ],
});

row('When debugging a protected application', {
  'External LM': [
    'it keeps the sessions of the stopped application alive (longer than three minutes: three-minutes.test.ts)',
    async () => {
      const [application, other] = [await site.application(), await site.application()];
      const { id } = await application.login({ feature: ONE_SEAT, lm: 'external' });
      application.signal('SIGSTOP');
      await pause(WHILE_MS);
      expect(site.externalsOf(application)).toHaveLength(1);
      expect(await seatFor(other, 'external')).toBe(38);
      application.signal('SIGCONT');
      expect((await application.encrypt(id, TEXT)).length).toBe(TEXT.length + 41);
      expect(await application.events(id)).toEqual([]);
    },
  ],
  'Integrated LM': [
    'stopped for less than three minutes it goes on (stopped for longer: three-minutes.test.ts)',
    async () => {
      const { start } = await alone('integrated');
      const [application, other] = [await start(), await start()];
      const { id } = await application.login({ feature: ONE_SEAT, lm: 'integrated' });
      application.signal('SIGSTOP');
      await pause(WHILE_MS);
      expect(await seatFor(other, 'integrated')).toBe(38);
      application.signal('SIGCONT');
      expect((await application.encrypt(id, TEXT)).length).toBe(TEXT.length + 41);
      expect(await application.events(id)).toEqual([]);
    },
  ],
});
