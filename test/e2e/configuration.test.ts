import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabProcess } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';

// C2 and the settings of an Admin LM in an ini file, on real license managers: a hasplm.ini as it is, changed while they run.

const KEYHAVEN = new URL('../../packages/cli/bin/keyhaven.js', import.meta.url).pathname;
const HASPLM = [
  '; written by the administrator of the site',
  '[SERVER]',
  'name = from-the-file',
  'idle_session_timeout_mins = 720',
  'pagerefresh = 3',
  'ACCremote = 0',
  'pidfile = 1 ; for the auditors',
  'accessfromremote = 1',
  'accesstoremote = 1',
  'bind_local_only = 0  ; 0=all adapters, 1=localhost only',
  '[REMOTE]',
  'broadcastsearch = 1',
  'serversearchinterval = 30',
  '[ACCESS]',
  '; nobody yet',
  '[EMS]',
  'emsurl = http://localhost:8080',
  '',
].join('\r\n');

describe('an Admin LM with an existing hasplm.ini', () => {
  let site: Site | undefined;
  let server: Lm;
  let file = '';
  const here = (): Site => {
    if (site === undefined) throw new Error('no site');
    return site;
  };
  const change = async (...changes: readonly string[]): Promise<void> => {
    expect(await here().keyhaven('server', 'config', 'set', file, ...changes)).toMatchObject({ code: 0, stderr: '' });
  };
  const said = (process: LabProcess, text: string): Promise<unknown> => eventually(text, async () => process.stderr().includes(text));

  beforeAll(async () => {
    try {
      site = await createSite({ hosts: ['server', 'office'] });
    } catch {
      return; // needsLab says why.
    }
    file = join(site.directory, 'hasplm.ini');
    await writeFile(file, HASPLM);
    server = await site.startLm('server', { file });
    await site.license(server);
    await linkedTo(await site.startLm('office'), server);
  });
  afterAll(() => site?.close());
  beforeEach(needsLab(() => site));

  const login = async (): Promise<number> => {
    const application = await here().application('office');
    try {
      const session = await application.login({ vendorCode: here().code, feature: FEATURE.fiveSeats });
      await session.logout();
      return 0;
    } catch (error) {
      return error instanceof Error && 'status' in error ? Number(error.status) : -1;
    } finally {
      await application.end();
    }
  };

  it('reads it as it is, and says what is kept and not used', async () => {
    expect((await server.status()).name).toBe('from-the-file');
    expect(server.process.stderr()).toContain('[EMS] emsurl: kept, never used: no server of a vendor is ever asked');
    expect(await login()).toBe(0);
  });

  it('takes over rules while it runs, and keeps comments and all else in the file', async () => {
    await change('access.clients=deny=*');
    await said(server.process, 'settings changed');
    await eventually('the login is refused', async () => (await login()) !== 0);
    expect(await readFile(file, 'utf8')).toBe(HASPLM.replace('[ACCESS]\r\n', '[ACCESS]\r\ndeny = *\r\n'));
    await change('access.clients=');
    expect(await readFile(file, 'utf8')).toBe(HASPLM);
    await eventually('the login is granted', async () => (await login()) === 0);
  });

  it('goes on as before where the file has a fault, and says all of them with their lines', async () => {
    await writeFile(file, `${HASPLM}nonsense\r\n[SERVER]\r\nacessfromremote = 0\r\n`);
    await said(server.process, 'line 18: this is neither');
    expect(server.process.stderr()).toContain('line 20: [SERVER] acessfromremote is unknown');
    expect(await login()).toBe(0);
    await writeFile(file, HASPLM);
  });

  it('says what waits for a restart', async () => {
    await change('limits.connections=1000');
    await said(server.process, 'these settings change when the license manager is started again');
    expect(server.process.stderr()).toContain('"restart":["limits.connections"]');
    await writeFile(file, HASPLM);
  });

  it('does not start with a file that has faults, and names all of them at once', async () => {
    const bad = join(here().directory, 'bad.ini');
    await writeFile(bad, '[SERVER]\nfoo = 1\npagerefresh = abc\n[USERS]\npermit=ada\n');
    const { code, stderr } = await here()
      .host('office')
      .run('node', [KEYHAVEN, 'lm', '--state', join(here().directory, 'never'), '--config', bad]);
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^error 501 .*line 2: .*foo is unknown; line 3: .*pagerefresh.*; line 5: .*permit=ada/);
  });
});

describe('"Aggressive Search for Remote Licenses"', () => {
  let site: Site | undefined;
  beforeAll(async () => {
    site = await createSite({ hosts: ['server', 'office'] }).catch(() => undefined);
  });
  afterAll(() => site?.close());
  beforeEach(needsLab(() => site));

  it('finds by TCP whom no datagram reaches, as soon as it is switched on', async () => {
    if (site === undefined) throw new Error('no site');
    const host = site.host('server');
    const closed = 'table inet closed { chain in { type filter hook input priority 0; udp dport 1947 drop; }; }';
    expect(await host.run('nft', [closed])).toMatchObject({ code: 0 });
    const server = await site.startLm('server');
    await site.license(server);
    const file = join(site.directory, 'keyhaven.ini');
    await writeFile(file, `[REMOTE]\nserveraddr = ${host.address}\n`);
    const office = await site.startLm('office', { file });
    const login = () => site?.keyhaven('office', 'login', '--vendor-code', site.code, '--feature', String(FEATURE.fiveSeats), '--json');
    expect(await login()).toMatchObject({ code: 1 });
    expect(await office.peers()).toEqual([]);
    expect(await site.keyhaven('office', 'config', 'set', file, 'search.aggressive=true')).toMatchObject({ code: 0 });
    await linkedTo(office, server);
    expect(await login()).toMatchObject({ code: 0 });
  });
});
