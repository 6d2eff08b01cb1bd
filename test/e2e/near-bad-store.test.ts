import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { USER_STORE_FILE } from '@keyhaven/core/hosts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { type NearApplication, type NearSite, openNearSite } from './near-site.ts';
import { expectWithin } from './time-limit.ts';
import { Refused } from './told-application.ts';

// The store of a user that cannot be used as it should (S21): locked, full, read-only, or of a newer version. An application with an External and one with
// an Integrated LM is told what is wrong in some seconds, also in a session that runs, and goes on when it is mended.

const LIMIT_MS = 12_000;
const TEXT = 'sixteen bytes and more';
type Near = 'external' | 'integrated';

let site: NearSite;
let mounted = false;
beforeEach(async () => {
  site = await openNearSite(await cachedExternalLm());
});
afterEach(async () => {
  await site.quiet();
  if (mounted) execFileSync('umount', ['--lazy', site.store]);
  mounted = false;
  await site.close();
});

const start = (lm: Near): Promise<NearApplication> =>
  site.application(lm === 'external' ? site.folder : site.makeFolder(`integrated-${performance.now()}`));
/** What it is refused with, soon. */
const refusal = async (call: Promise<unknown>): Promise<{ readonly status: number; readonly message: string }> => {
  const began = performance.now();
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  await expectWithin(performance.now() - began, LIMIT_MS);
  if (!(error instanceof Refused)) throw new Error('it was not refused', { cause: error });
  return { status: error.status, message: error.message };
};
const expectMended = async (application: NearApplication, lm: Near): Promise<void> => {
  const { id } = await application.login({ lm });
  expect((await application.encrypt(id, TEXT)).length).toBe(TEXT.length + 41);
};
/** Puts the store on a small disk of its own at the same place; false where this user may not. */
const ontoDisk = (): boolean => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const kept = `${site.store}.kept`;
  cpSync(site.store, kept, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=700', 'tmpfs', site.store], { stdio: 'pipe' });
  } catch {
    return false;
  }
  mounted = true;
  cpSync(kept, site.store, { recursive: true });
  return true;
};

describe.each(['external', 'integrated'] as const)('the store of a user, with an %s LM', (lm) => {
  it('is held by another process: 43, at the start and in a session, naming it; then all is well', async () => {
    const running = await start(lm);
    const { id } = await running.login({ lm });
    const holder = new DatabaseSync(join(site.store, USER_STORE_FILE));
    holder.exec('BEGIN IMMEDIATE');
    try {
      const other = await start(lm);
      const [fresh, more] = await Promise.all([refusal(other.login({ lm })), refusal(running.login({ lm }))]);
      for (const refused of [fresh, more])
        expect(refused).toEqual({ status: 43, message: expect.stringMatching(new RegExp(`held for [35] s by .*\\b${process.pid}\\b`)) });
      // What needs no decision goes on.
      expect((await running.encrypt(id, TEXT)).length).toBe(TEXT.length + 41);
      holder.exec('ROLLBACK');
      await expectMended(other, lm);
      await expectMended(running, lm);
    } finally {
      holder.close();
    }
  });

  it('is of a newer version: 47, it says so, and nothing of it is changed', async () => {
    const database = new DatabaseSync(join(site.store, USER_STORE_FILE));
    database.exec('PRAGMA user_version = 2');
    database.close();
    const application = await start(lm);
    expect(await refusal(application.login({ lm }))).toEqual({ status: 47, message: expect.stringMatching(/newer version/) });
    const again = new DatabaseSync(join(site.store, USER_STORE_FILE));
    expect(again.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 });
    again.exec('PRAGMA user_version = 1');
    again.close();
    await expectMended(application, lm);
  });

  it('is on a full disk: 43; sessions that run go on; with space again all is well', async (context) => {
    if (!ontoDisk()) return context.skip('only root can mount a small disk, on Linux');
    const running = await start(lm);
    const { id } = await running.login({ lm });
    const filler = join(site.store, 'filler');
    const { bavail, bsize } = statfsSync(site.store);
    writeFileSync(filler, Buffer.alloc(bavail * bsize, 1));
    expect(await refusal(running.login({ lm }))).toEqual({ status: 43, message: expect.stringMatching(/full/) });
    expect(await refusal((await start(lm)).login({ lm }))).toMatchObject({ status: 43 });
    expect((await running.encrypt(id, TEXT)).length).toBe(TEXT.length + 41);
    rmSync(filler);
    await expectMended(running, lm);
  });

  it('is on a disk that is mounted read-only: 43, and it says so', async (context) => {
    if (!ontoDisk()) return context.skip('only root can mount a small disk, on Linux');
    execFileSync('mount', ['-o', 'remount,ro', site.store]);
    const application = await start(lm);
    expect(await refusal(application.login({ lm }))).toEqual({ status: 43, message: expect.stringMatching(/cannot be written/) });
    execFileSync('mount', ['-o', 'remount,rw', site.store]);
    await expectMended(application, lm);
  });
});
