import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { externalLmFile } from '@keyhaven/core/hosts';
import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { placeFile } from './near-site.ts';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { startApplication, statusOf, type ToldApplication } from './told-application.ts';

// B1: all license managers of one computer are one computer to the license manager with the key (decision 0028). `server` has the key, two seats for
// stations; `desk` and `ship` have Admin LMs, `office` has none.

const noLab = labAvailable();
const PROGRAM = new URL('application.ts', import.meta.url).href;
type Kind = 'integrated' | 'external' | 'admin';

describe('a license that counts stations, on another computer', () => {
  let site: Site;
  let server: Lm;
  let desk: Lm;
  let executable: string;
  let folders = 0;
  const started: ToldApplication[] = [];

  /** An application in a folder of its own, of a user of that computer; where it is to use its own license manager, with settings beside it. */
  const applicationOf = async (host: string, kind: Kind, user = 'ada'): Promise<ToldApplication> => {
    folders += 1;
    const folder = join(site.directory, `application-${folders}`);
    await mkdir(folder);
    await writeFile(join(folder, 'application.mjs'), `import { serve } from ${JSON.stringify(PROGRAM)};\nserve(process.argv[2]);\n`);
    if (kind === 'external') placeFile(executable, join(folder, externalLmFile(process.platform)));
    await writeFile(join(folder, 'keyhaven_37515.ini'), `serveraddr = ${site.host('server').address}\n`);
    const env = { KEYHAVEN_STATE: join(site.directory, `user-${host}-${user}`), XDG_CONFIG_HOME: join(folder, 'config') };
    const application = await startApplication(site.host(host), join(folder, 'socket'), env, join(folder, 'application.mjs'));
    started.push(application);
    return application;
  };
  const login = async (host: string, kind: Kind, user?: string, feature: number = FEATURE.perStation): Promise<number> => {
    const application = await applicationOf(host, kind, user);
    return statusOf(application.login({ vendorCode: site.code, feature, lm: kind }));
  };
  const inUse = () => server.used(FEATURE.perStation);

  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    executable = await cachedExternalLm();
    site = await createSite({ hosts: ['server', 'desk', 'ship', 'office'] });
    server = await site.startLm('server');
    await site.license(server);
    const started = await Promise.all(['desk', 'ship'].map((host) => site.startLm(host)));
    await Promise.all(started.map((lm) => linkedTo(lm, server)));
    desk = started[0] as Lm;
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((application) => application.end('SIGTERM')));
    for (const { id } of noLab === undefined ? await server.sessions() : []) await site.keyhaven('server', 'sessions', 'kill', id);
    if (noLab === undefined) await eventually('no seat is in use', async () => (await inUse()) === 0);
  });
  afterAll(() => site?.close());

  it('takes one seat for an Integrated LM, an External LM and the Admin LM of one computer, whoever their users are', async () => {
    expect(await login('desk', 'integrated')).toBe(0);
    expect(await inUse()).toBe(1);
    expect(await login('desk', 'external')).toBe(0);
    expect(await login('desk', 'admin')).toBe(0);
    expect(await login('desk', 'integrated', 'bob')).toBe(0);
    expect(await inUse()).toBe(1);
    const sessions = await server.sessions();
    expect(sessions).toHaveLength(4);
  });

  it('takes one for each computer: the third computer is refused, and another application of the first two is not', async () => {
    expect(await login('desk', 'integrated')).toBe(0);
    expect(await login('ship', 'external')).toBe(0);
    expect(await inUse()).toBe(2);
    expect(await login('office', 'integrated')).toBe(38);
    expect([await login('desk', 'admin'), await login('ship', 'integrated')]).toEqual([0, 0]);
    expect(await inUse()).toBe(2);
  });

  it('takes one for all applications of a user where the computer has no Admin LM, and one for another user', async () => {
    expect([await login('office', 'integrated'), await login('office', 'external')]).toEqual([0, 0]);
    expect(await inUse()).toBe(1);
    expect(await login('office', 'integrated', 'bob')).toBe(0);
    expect(await inUse()).toBe(2);
  });

  it('is not fooled by the files of a user on another computer: they do not open there', async () => {
    expect(await login('office', 'integrated')).toBe(0);
    await site.host('ship').run('cp', ['-r', join(site.directory, 'user-office-ada'), join(site.directory, 'user-ship-ada')]);
    expect(await login('ship', 'integrated')).toBe(0);
    expect(await inUse()).toBe(2);
  });

  it('proves the computer to its own processes only: neither to another computer nor through a forward', async () => {
    const ask = (host: string, at: string, pid: string) =>
      site.host(host).run('node', [
        '-e',
        `const body = Buffer.alloc(44); body.writeUInt32BE(${pid}, 32);
         fetch('http://${at}:1947/lm/v1/station', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: body.toString('base64url') })
           .then(async (reply) => console.log(reply.status, await reply.text()));`,
      ]);
    expect((await ask('desk', '127.0.0.1', 'process.pid')).stdout).toMatch(/^200 \S{128}\n$/);
    expect((await ask('desk', '127.0.0.1', String(process.pid))).stdout).toMatch(/^403 .*its own processes only/);
    expect((await ask('ship', site.host('desk').address, 'process.pid')).stdout).toMatch(/^403 .*its own processes only/);
    expect(desk.guid).toHaveLength(40);
  });
});
