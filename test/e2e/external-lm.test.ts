import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { startLoneLm } from './lone-lm.ts';
import { type NearApplication, type NearSite, openNearSite, until } from './near-site.ts';
import { statusOf } from './told-application.ts';

// The rows of the External LM in the seed's tables (T1, T3), on real processes and real signals. That a stopped application keeps its sessions
// takes three minutes to see: three-minutes.test.ts.

let site: NearSite;
beforeAll(async () => {
  site = await openNearSite(await cachedExternalLm());
});
afterEach(() => site.quiet());
afterAll(() => site.close());

const expectNothingLeft = async (): Promise<void> => {
  await until('no External LM runs', () => site.externals().length === 0);
  expect(site.sessions()).toEqual([]);
};
const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
const quit = async (application: NearApplication): Promise<void> => {
  application.order('exit');
  await application.ended;
};

describe('T3: the application ends', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGABRT'] as const)(
    'by %s: sessions are closed, the External LM exits, nothing is left',
    async (signal) => {
      const application = await site.application();
      await application.login();
      await application.login({ feature: 11 });
      expect(site.externalsOf(application)).toHaveLength(1);
      expect(site.sessions()).toHaveLength(2);
      application.signal(signal);
      await application.ended;
      await expectNothingLeft();
    },
  );

  it.each(['exit', 'throw'] as const)('by itself (%s): likewise', async (what) => {
    const application = await site.application();
    await application.login();
    application.order(what);
    await application.ended;
    await expectNothingLeft();
  });

  it('while it logs in: likewise', async () => {
    for (let delay = 0; delay < 120; delay += 15) {
      const application = await site.application();
      const asked = application.login().catch(() => undefined);
      await new Promise((done) => setTimeout(done, delay));
      application.signal('SIGKILL');
      await Promise.all([asked, application.ended]);
    }
    await expectNothingLeft();
  });
});

describe('T3: the External LM fails', () => {
  it('the application lives, every later call is 33, and the next login starts it again', async () => {
    const application = await site.application();
    const first = await application.login({ feature: 11 });
    const [external] = site.externalsOf(application);
    process.kill(external ?? 0, 'SIGKILL');
    await until('it is gone', () => site.externals().length === 0);
    expect(await statusOf(application.encrypt(first.id, 'sixteen bytes and more'))).toBe(33);
    expect(await statusOf(application.encrypt(first.id, 'sixteen bytes and more'))).toBe(33);
    expect(site.externals()).toEqual([]);
    expect(await application.events(first.id)).toEqual(['lost']);

    // The seat of the one that was killed is free: there is only one of that feature.
    const second = await application.login({ feature: 11 });
    expect(site.externalsOf(application)).toHaveLength(1);
    expect((await application.encrypt(second.id, 'sixteen bytes and more')).length).toBe(22 + 41);
    expect(await statusOf(application.encrypt(first.id, 'sixteen bytes and more'))).toBe(33);
    await application.logout(second.id);
    await quit(application);
    await expectNothingLeft();
  });

  it('a call that is under way when it is killed is 33', async () => {
    const application = await site.application();
    const { id } = await application.login();
    const [external] = site.externalsOf(application);
    process.kill(external ?? 0, 'SIGSTOP');
    const call = statusOf(application.encrypt(id, 'sixteen bytes and more'));
    process.kill(external ?? 0, 'SIGKILL');
    expect(await call).toBe(33);
    // What was its is given back by the next one.
    const next = await application.login({ feature: 11 });
    await application.logout(next.id);
    expect(site.sessions()).toEqual([]);
  });

  it('leaves no descriptor in the application, however often', async () => {
    const application = await site.application();
    const round = async (): Promise<number> => {
      const { id } = await application.login();
      for (const pid of site.externalsOf(application)) process.kill(pid, 'SIGKILL');
      expect(await statusOf(application.encrypt(id, 'sixteen bytes and more'))).toBe(33);
      return descriptors(application.pid);
    };
    const after = [await round(), await round(), await round(), await round(), await round()];
    expect(after.at(-1)).toBe(after[0]);
  });
});

describe('T1: nothing of it is seen', () => {
  it('listens on nothing', async () => {
    const application = await site.application();
    await application.login();
    const [external] = site.externalsOf(application);
    const own = new Set(
      readdirSync(`/proc/${external}/fd`).map((fd) => /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${external}/fd/${fd}`))?.[1]),
    );
    const listening = ['tcp', 'tcp6'].flatMap((table) =>
      readFileSync(`/proc/${external}/net/${table}`, 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[3] === '0A' && own.has(fields[9])),
    );
    expect(listening).toEqual([]);
    await quit(application);
  });

  it('an Admin LM beside it shows neither its sessions nor its keys', async () => {
    const lm = await startLoneLm(join(site.makeFolder('admin'), 'state'));
    try {
      const application = await site.application();
      await application.login();
      expect(site.sessions()).toHaveLength(1);
      for (const list of ['sessions', 'keys', 'features']) {
        expect(JSON.parse((await lm.ask(list, '--json')).stdout)).toEqual([]);
      }
      await quit(application);
    } finally {
      await lm.end();
    }
    await expectNothingLeft();
  });
});
