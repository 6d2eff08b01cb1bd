import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

const noLab = labAvailable();
const FETCH = `
fetch(process.argv[1], { method: process.argv[2] }).then(async (answer) => console.log(answer.status, await answer.text()));`;

describe('administration (C4, R9, S7)', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard'] });
    [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    await site.license(office);
    await linkedTo(yard, office);
  });
  afterAll(async () => site?.close());

  it.each(['yard', 'office'])('ends a session of %s with "sessions kill": its next call gives 85 and its seat is free', async (host) => {
    const application = await site.application(host);
    const session = await application.login({ vendorCode: site.code, feature: FEATURE.oneSeat });
    const other = await application.login({ vendorCode: site.code, feature: FEATURE.fiveSeats });
    expect((await session.read(0, 4)).length).toBe(4);
    const killed = await site.keyhaven('office', 'sessions', 'kill', session.id);
    expect([killed.code, killed.stderr]).toEqual([0, '']);
    expect(await office.used(FEATURE.oneSeat)).toBe(0);
    expect(await statusOf(session.read(0, 4))).toBe(85);
    expect(await statusOf(session.read(0, 4))).toBe(85);
    expect(await statusOf(other.read(0, 4))).toBe(0);
    expect((await office.sessions()).map(({ id }) => id)).toEqual([other.id]);
    const again = await site.keyhaven('office', 'sessions', 'kill', session.id);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/^error 9 /);
    await other.logout();
    await application.end();
  });

  it('is refused from another computer by default, and changes nothing', async () => {
    const application = await site.application('yard');
    const session = await application.login({ vendorCode: site.code, feature: FEATURE.oneSeat });
    const there = `${office.host.address}:1947`;
    for (const args of [
      ['status'],
      ['keys'],
      ['sessions'],
      ['sessions', 'kill', session.id],
      ['c2v', '--vendor-code', site.code, '--out', '/dev/null'],
    ]) {
      const refused = await site.keyhaven('yard', ...args, '--lm', there);
      expect([args, refused.code, refused.stderr.split(':')[0]]).toEqual([args, 1, 'error 5 ACCESS_DENIED']);
    }
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/api/v1/status'],
      ['DELETE', `/api/v1/sessions/${session.id}`],
      ['POST', '/api/v1/apply'],
    ]) {
      const { stdout } = await site.host('yard').run('node', ['-e', FETCH, `http://${there}${path}`, method ?? '']);
      expect(stdout).toMatch(/^403 /);
      expect(stdout).toContain('ACCESS_DENIED');
    }
    expect((await session.read(0, 4)).length).toBe(4);
    await session.logout();
    await application.end();
  });

  it('is done from another computer where the settings allow it, with the password', async () => {
    await office.end('SIGTERM');
    office = await site.startLm('office', '[access]\nremoteAdministration = true\n');
    const there = ['--lm', `${office.host.address}:1947`];
    const file = join(site.directory, 'password');
    await writeFile(file, 'correct horse\n');
    // Nobody is the administrator as long as there is no password, and nobody elsewhere sets the first one.
    for (const args of [['status'], ['password', 'set', '--new-file', file]]) {
      const refused = await site.keyhaven('yard', ...args, ...there, '--password-file', file);
      expect([args, refused.code, refused.stderr.split(':')[0]]).toEqual([args, 1, 'error 5 ACCESS_DENIED']);
    }
    expect(await site.keyhaven('office', 'password', 'set', '--new-file', file)).toMatchObject({ code: 0, stderr: '' });
    expect((await site.keyhaven('yard', 'status', ...there)).stderr).toMatch(/^error 5 ACCESS_DENIED: .*password/);
    const { code, stdout } = await site.keyhaven('yard', 'status', '--json', ...there, '--password-file', file);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ guid: office.guid, name: 'office' });
    const taken = await site.keyhaven('yard', 'password', 'clear', ...there, '--password-file', file);
    expect(taken.stderr).toMatch(/^error 5 ACCESS_DENIED: .*not changed from another computer/);
    // The local user needs it for the password itself, and after a restart as well.
    await office.end('SIGTERM');
    office = await office.again();
    expect((await site.keyhaven('office', 'password', 'clear')).stderr).toMatch(/^error 5 ACCESS_DENIED: .*password/);
    expect(await site.keyhaven('office', 'password', 'clear', '--password-file', file)).toMatchObject({ code: 0, stderr: '' });
  });
});
