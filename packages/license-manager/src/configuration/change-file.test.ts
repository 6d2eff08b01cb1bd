import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changeIniFile } from './change-file.ts';
import { HASPLM_INI } from './hasplm.testing.ts';
import { valueAt } from './live.ts';
import { loadConfiguration } from './load.ts';
import { settingFacts } from './reference.ts';

describe('a change of an ini file', () => {
  let directory = '';
  const at = (name = 'keyhaven.ini') => join(directory, name);
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyhaven-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('changes what it says and keeps every other byte', async () => {
    await writeFile(at(), HASPLM_INI);
    await changeIniFile(at(), {
      'search.broadcast': false,
      'detach.maxDays': 30,
      'search.addresses': ['10.1.2.3', 'x.example', '10.1.2.255'],
    });
    expect(await readFile(at(), 'utf8')).toBe(
      HASPLM_INI.replace('broadcastsearch = 1', 'broadcastsearch = 0')
        .replace('detachmaxdays = 14', 'detachmaxdays = 30')
        .replace('serveraddr = licenses.example', 'serveraddr = x.example'),
    );
    await changeIniFile(at(), {
      'search.broadcast': true,
      'detach.maxDays': 14,
      'search.addresses': ['10.1.2.3', 'licenses.example', '10.1.2.255'],
    });
    expect(await readFile(at(), 'utf8')).toBe(HASPLM_INI);
  });

  it('writes rules in their order, and takes settings out', async () => {
    await writeFile(at(), '[USERS]\n; these first\nallow=ada\ndeny=guest\n\n[SERVER]\nname = x ; here\n');
    await changeIniFile(at(), { 'access.users': ['group g = ada, eve', 'allow=g', 'deny=guest', 'deny=*'], name: undefined });
    expect(await readFile(at(), 'utf8')).toBe('[USERS]\n; these first\ngroup g=ada, eve\nallow = g\ndeny=guest\ndeny = *\n\n[SERVER]\n');
  });

  it('can say every setting, and reading gives it back', async () => {
    const values: Record<string, unknown> = {
      name: 'x',
      bind: ['127.0.0.1', '10.0.0.1'],
      port: 2000,
      idleConnectionMinutes: 7.5,
      sessionIdleMinutes: 30,
      'search.broadcast': false,
      'search.aggressive': true,
      'search.addresses': ['10.0.0.1', 'x.example'],
      'search.intervalMinutes': 7.5,
      'access.remoteClients': 'identifiable',
      localOnly: false,
      ipv6: false,
      adminPort: 8443,
      'access.remoteLicenses': false,
      'access.remoteAdministration': true,
      'access.users': ['group g=ada', 'deny=g'],
      'access.clients': ['allow=10.0.0.0/8', 'deny=*'],
      'protection.duplicateKey': 'warn',
      'protection.custom': ['a', 'b'],
      'detach.enabled': true,
      'detach.maxDays': 0.5,
      'updates.folder': '/srv/licenses',
      'tls.certificate': 'c.pem',
      'tls.key': 'k.pem',
      'tls.peers': 'require',
      'tls.authorities': '/a/ca.pem',
      'proxy.connect': 'manual',
      'proxy.host': 'proxy.example',
      'proxy.port': 8_080,
      'access.remoteMetrics': true,
      'access.publicAddress': 'licenses.example.org',
      'page.refreshSeconds': 10,
      'page.rows': 50,
      'page.passwordForAll': true,
      pidFile: true,
      temporaryFileDays: 30,
      hardwareC2v: true,
      'detach.reservedSeats': 2,
      'detach.reservedPercent': 25,
      'detach.expiredDays': 0,
      'detach.products': ['product:5,enabled=0', 'product:6,maxdays=7,reserved=2'],
      'rest.idleSeconds': 3_600,
      'compat.newLmIdByGet': true,
      'log.access': true,
      'log.local': true,
      'log.remote': true,
      'log.admin': true,
      'log.errors': true,
      'log.daily': true,
      'log.accessMaxKb': 1_000,
      'log.errorMaxKb': 500,
      'log.compressDays': 2,
      'log.deleteDays': 30,
      'log.pattern': '{timestamp} {clientid} {function}({functionparams}) = {statuscode}{newline}',
      'log.json': true,
      'log.directory': '/var/log/keyhaven',
      'limits.connections': 100,
      'limits.connectionsPerAddress': 9,
      'limits.firstByteSeconds': 2.5,
    };
    expect(
      settingFacts()
        .map(({ path }) => path)
        .filter((path) => !Object.hasOwn(values, path)),
      'settings that this test does not know',
    ).toEqual([]);
    await changeIniFile(at(), values);
    const { settings } = await loadConfiguration(at());
    for (const [path, value] of Object.entries(values)) expect(valueAt(settings, path), path).toEqual(value);
  });

  it('is not undone by an older key that says the same setting', async () => {
    await writeFile(at(), 'adminremote = 1\nbind_local_only = 1\n');
    await changeIniFile(at(), { 'access.remoteAdministration': false, bind: ['127.0.0.1', '::1'] });
    expect((await loadConfiguration(at())).settings).toMatchObject({ access: { remoteAdministration: false }, bind: ['127.0.0.1', '::1'] });
  });

  it('that is not valid leaves the file as it is', async () => {
    await writeFile(at(), HASPLM_INI);
    const bad = [
      { 'limits.connections': 1 },
      { 'no.such': 1 },
      { name: 'a\nb' },
      { name: ' a' },
      { 'access.users': ['permit=eve'] },
      { 'access.users': ['nonsense'] },
    ];
    for (const changes of bad) await expect(changeIniFile(at(), changes), JSON.stringify(changes)).rejects.toMatchObject({ status: 501 });
    expect(await readFile(at(), 'utf8')).toBe(HASPLM_INI);
    await writeFile(at(), '[SERVER\n');
    await expect(changeIniFile(at(), { port: 2000 })).rejects.toMatchObject({ status: 501, detail: expect.stringContaining('line 1') });
    await expect(changeIniFile(at('keyhaven.toml'), { port: 2000 })).rejects.toMatchObject({ status: 16 });
    expect(await readdir(directory)).toEqual(['keyhaven.ini']);
  });

  it('keeps rights, encoding and links', async () => {
    await writeFile(at('real.ini'), Buffer.from('\ufeff; \u00e4\r\n[SERVER]\r\nport = 1947\r\n', 'utf16le'));
    await chmod(at('real.ini'), 0o640);
    await symlink('real.ini', at());
    await changeIniFile(at(), { port: 2000 });
    expect((await readFile(at('real.ini'))).toString('utf16le')).toBe('\ufeff; \u00e4\r\n[SERVER]\r\nport = 2000\r\n');
    expect((await stat(at('real.ini'))).mode & 0o777).toBe(0o640);
    await writeFile(at('old.ini'), Buffer.from('; \u00e4\n', 'latin1'));
    await changeIniFile(at('old.ini'), { port: 2000 });
    expect((await readFile(at('old.ini'))).toString('latin1')).toBe('; \u00e4\n\n[SERVER]\nport = 2000\n');
    await expect(changeIniFile(at('old.ini'), { name: '\u20ac' })).rejects.toMatchObject({ status: 501 });
  });
});
