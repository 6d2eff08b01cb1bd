import { execFile } from 'node:child_process';
import { readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { type NearSite, openNearSite, placeFile, until } from './near-site.ts';
import { statusOf } from './told-application.ts';

// The External LM as the file that is shipped (T1, T3): built once for the run, and started as whoever has it starts it.

const run = promisify(execFile);
let site: NearSite;
let next: string;

beforeAll(async () => {
  site = await openNearSite(await cachedExternalLm());
  next = await cachedExternalLm({ version: '99.1.2' });
});
afterAll(() => site.close());

describe('the file', () => {
  it('says its version and that of its protocol, and nothing on standard error', async () => {
    const { stdout, stderr } = await run(site.externalFile, ['--version']);
    const version = (JSON.parse(readFileSync('packages/license-manager/package.json', 'utf8')) as { readonly version: string }).version;
    expect({ stdout, stderr }).toEqual({ stdout: `keyhaven-external-lm ${version} protocol 1-2\n`, stderr: '' });
  });

  it('means nothing to what an application sets for its own Node.js', async () => {
    const env = { ...process.env, NODE_OPTIONS: '--require=/does/not/exist --inspect-brk', NODE_PATH: '/does/not/exist' };
    const { stderr } = await run(site.externalFile, ['--version'], { env });
    expect(stderr).toBe('');
  });

  it('needs nothing beside itself: it starts in an empty folder with an empty environment', async () => {
    const alone = join(site.makeFolder('alone'), 'renamed');
    placeFile(site.externalFile, alone);
    const { stdout } = await run(alone, ['--version'], { env: {}, cwd: '/' });
    expect(stdout).toMatch(/^keyhaven-external-lm /);
  });

  it('ends with a message and a status where its arguments mean nothing', async () => {
    await expect(run(site.externalFile, ['--vendor', 'x'])).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--vendor') as string,
    });
  });

  it('serves an application that has none of our code, from login to logout', async () => {
    const program = new URL('foreign-application.ts', import.meta.url).pathname;
    const env = { ...process.env, KEYHAVEN_STATE: join(site.store, '../..') };
    const text = 'sixteen bytes are the least';
    const { stdout, stderr } = await run(process.execPath, [program, site.externalFile, site.vendor.vendorCode, '10', text], { env });
    expect(JSON.parse(stdout)).toMatchObject({ version: 1, status: 0, text, encrypted: text.length + 41 });
    expect(stderr).toBe('');
    expect(site.sessions()).toEqual([]);
  });
});

describe('a file that is replaced while it runs', () => {
  it('goes on in the running one, and is the new one at the next start', async () => {
    const application = await site.application();
    const { id } = await application.login({ lm: 'external' });
    const [running] = site.externals();
    const old = statSync(`/proc/${running}/exe`).ino;
    placeFile(next, `${site.externalFile}.new`);
    renameSync(`${site.externalFile}.new`, site.externalFile);
    expect((await application.encrypt(id, 'still the old one')).length).toBe(17 + 41);
    expect(site.externals()).toEqual([running]);

    process.kill(running ?? 0, 'SIGKILL');
    await until('it is gone', () => site.externals().length === 0);
    expect(await statusOf(application.encrypt(id, 'nobody is there now'))).toBe(33);
    const again = await application.login({ lm: 'external' });
    const [started] = site.externals();
    expect(statSync(`/proc/${started}/exe`).ino).not.toBe(old);
    expect((await run(site.externalFile, ['--version'])).stdout).toBe('keyhaven-external-lm 99.1.2 protocol 1-2\n');
    await application.logout(again.id);
    application.order('exit');
    await application.ended;
  });
});
