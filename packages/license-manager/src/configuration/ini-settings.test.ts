import { LicensingError } from '@keyhaven/core/errors';
import { describe, expect, it } from 'vitest';
import { parseSettings } from '../settings.ts';
import { HASPLM_INI } from './hasplm.testing.ts';
import { parseIniSettings } from './ini-settings.ts';

const refusalOf = (text: string, overrides = {}): LicensingError => {
  try {
    parseIniSettings(text, 'keyhaven.ini', overrides);
  } catch (error) {
    if (error instanceof LicensingError) return error;
  }
  throw new Error('was accepted');
};
const settingsOf = (text: string) => parseIniSettings(text, 'a.ini').settings;
const notesOf = (text: string) => parseIniSettings(text, 'a.ini').notes.map(({ line, level, text: said }) => `${line} ${level} ${said}`);

describe('an existing hasplm.ini (C2)', () => {
  it('is read as it is, and means the same as the settings in TOML', () => {
    expect(settingsOf(HASPLM_INI)).toEqual(
      parseSettings(`
        name = "LICENSES-1"
        sessionIdleMinutes = 720
        [search]
        broadcast = true
        addresses = ["10.1.2.3", "licenses.example", "10.1.2.255"]
        intervalMinutes = 5
        [access]
        remoteClients = true
        clients = ["allow=hello_world", "deny=10.23.*"]
        users = ["allow=ada@*,product:1", "deny=guest@all", "deny=all@all"]
        [detach]
        enabled = false
        maxDays = 14
      `),
    );
  });

  it('is told what is kept and not used, and nothing of it is worth a warning as such a file is born', () => {
    const notes = notesOf(HASPLM_INI);
    expect(notes.filter((note) => note.includes(' warn '))).toEqual([]);
    expect(notes).toContain('22 info [SERVER] disable_um: kept, never used: no vendor library is ever loaded');
    expect(notes).toContain('54 info [REMOTE] serversearchinterval: raised to 300, the least there is');
    expect(notes.filter((note) => note.includes('emsurl'))).toHaveLength(2);
    expect(notes.filter((note) => note.includes('[VENDORS]'))).toHaveLength(1);
  });

  it('has no key of which nothing is said: each is a setting, or is kept for a reason', () => {
    const kept = notesOf(HASPLM_INI).flatMap((note) => /^\d+ info (\[\w+\] \w+): kept, never used: .+$/.exec(note)?.[1] ?? []);
    expect(kept).toEqual([
      '[SERVER] disable_um',
      '[UPDATE] download_url',
      '[UPDATE] update_host',
      '[UPDATE] language_url',
      '[VENDORS] 37515',
      '[EMS] emsurl',
      '[EMS] emsurl',
    ]);
  });

  it('that wants the proxy to be found by itself (WPAD) starts without one, and is told why', () => {
    const text = 'proxyconnect = 1\nproxyhost = proxy.example';
    expect(settingsOf(text)).toMatchObject({ proxy: { connect: 'none' } });
    expect(notesOf(text)).toEqual([
      expect.stringMatching(/^1 warn \[SERVER\] proxyconnect: no proxy is used: WPAD is not supported: it runs a program/),
    ]);
  });

  it('of a few lines does, also without sections', () => {
    expect(settingsOf('accremote = 1')).toMatchObject({ access: { remoteAdministration: true } });
    expect(settingsOf('[REMOTE]\nbroadcastsearch = 0\naggressive = 1\nserversearchinterval = 600\nserveraddr = x.example')).toMatchObject({
      search: { broadcast: false, aggressive: true, intervalMinutes: 10, addresses: ['x.example'] },
    });
  });

  it.each([
    ['accessfromremote = 0', { access: { remoteClients: 'none' } }],
    ['accessfromremote = local', { access: { remoteClients: 'none' } }],
    ['accessfromremote = secure', { access: { remoteClients: 'identifiable' } }],
    ['accessfromremote = split', { access: { remoteClients: 'split' } }],
    ['accessfromremote = remote', { access: { remoteClients: 'all' } }],
    ['accesstoremote = 0', { access: { remoteLicenses: false } }],
    ['bind_local_only = 1', { localOnly: true, bind: [] }],
    ['bindlocalonly = 1', { localOnly: true, bind: [] }],
    ['port_admin = 8443', { adminPort: 8443 }],
    ['port_admin = 1947', { adminPort: undefined }],
    ['ipv6 = 0', { ipv6: false }],
    ['bind = 127.0.0.1\nbind = ::1', { bind: ['127.0.0.1', '::1'] }],
    ['adminremote = 1\nACCremote = 0', { access: { remoteAdministration: true } }],
    ['enabledetach = 1\ndetachmaxdays = 30', { detach: { enabled: true, maxDays: 30 } }],
    ['friendlyname = x', { name: 'x' }],
    ['pagerefresh = 10\nlinesperpage = 50\npassacc = 1', { page: { refreshSeconds: 10, rows: 50, passwordForAll: true } }],
    ['pagerefresh = 0\nlinesperpage = 5000', { page: { refreshSeconds: 1, rows: 1_000 } }],
    ['pidfile = 1\nold_files_delete_days = 30\nenablehaspc2v = 1', { pidFile: true, temporaryFileDays: 30, hardwareC2v: true }],
    [
      'reservedseats = 2\nreservedpercent = 25\ncommuter_delete_days = 0',
      { detach: { reservedSeats: 2, reservedPercent: 25, expiredDays: 0, products: [] } },
    ],
    [
      '[DETACH]\nrule = product:5,enabled=0,maxdays=7,reserved=2\nrule = product:6',
      { detach: { products: ['product:5,enabled=0,maxdays=7,reserved=2', 'product:6'] } },
    ],
    ['publicaddress = licenses.example.org', { access: { publicAddress: 'licenses.example.org' } }],
    ['idle_connection_timeout_mins = 7.5', { idleConnectionMinutes: 7.5 }],
    [
      '[PROTECTION]\nduplicate_key = warn\ncomputer_name = a\ncomputer_name = b',
      { protection: { duplicateKey: 'warn', custom: ['a', 'b'] } },
    ],
    ['proxyconnect = 2\nproxyhost = proxy.example\nproxyport = 8080', { proxy: { connect: 'manual', host: 'proxy.example', port: 8080 } }],
    ['proxyconnect = 0\nproxyhost =\nproxyport = 3128', { proxy: { connect: 'none', port: 3_128 } }],
    ['[TLS]\npeers = require\nauthorities = a.pem', { tls: { peers: 'require', authorities: 'a.pem' } }],
    ['[TLS]\ncertificate = c.pem\nkey = k.pem', { tls: { certificate: 'c.pem', key: 'k.pem' } }],
    [
      '[LIMITS]\nconnections = 100\nconnections_per_address = 8\nfirst_byte_seconds = 1',
      { limits: { connections: 100, connectionsPerAddress: 8, firstByteSeconds: 1 } },
    ],
    [
      '[users]\ngroup makers = ada, eve@lab-7\nAllow=makers,product:1,feature:42,reserve=2\n; deny=\ndeny=guest',
      { access: { users: ['group makers=ada, eve@lab-7', 'allow=makers,product:1,feature:42,reserve=2', 'deny=guest'] } },
    ],
  ])('%j', (text, expected) => {
    expect(settingsOf(text)).toMatchObject(expected);
  });
});

describe('an ini file with faults', () => {
  it('is refused with every unknown key and every bad value at once, each with its line (501)', () => {
    const text = [
      '[SERVER]',
      'name =',
      'nmae = x',
      'idle_connection_timeout_mins = 6',
      'ACCremote = yes',
      'bind = 10.0.0.1',
      'bind = nonsense',
      'bind_local_only = 1',
      'pagerefresh = often',
      'port = 70000',
      'nothing',
      '[REMOTE]',
      'serversearchinterval = 999999999',
      'requestlog = 0',
      '[USERS]',
      'allow=ada,product:x',
      'allow=bob',
      'permit=eve',
      '[ACCESS]',
      'deny=10.0.0.0/99',
      '[TLS]',
      'certificate = c.pem',
      '[NEW]',
      'thing = 1',
      '[SERVER]',
      'publicaddress = https://x.example/',
      'reservedpercent = 101',
      '[DETACH]',
      'rule = product:5',
      'rule = product:5,maxday=7',
    ].join('\n');
    const error = refusalOf(text);
    expect(error.status).toBe(501);
    expect(error.detail).toContain('keyhaven.ini: line ');
    const lines = [...(error.detail ?? '').matchAll(/line (\d+): /g)].map(([, line]) => Number(line));
    expect(lines).toEqual([3, 4, 5, 7, 8, 9, 10, 11, 13, 14, 16, 18, 20, 22, 24, 26, 27, 30]);
    expect(error.remedy).toContain('docs/guide/operate.md');
    expect(error.detail).not.toContain('\n');
  });

  it('does not hide what is wrong with the command line', () => {
    const error = refusalOf('[SERVER]\nport = x', { port: Number.NaN, bind: ['localhost'] });
    expect(error.detail).toMatch(/line 2: .*bind\.0: /);
  });

  it('is overruled by the command line', () => {
    expect(parseIniSettings('name = file\nport = 2000', 'a.ini', { port: 3000, name: undefined }).settings).toMatchObject({
      name: 'file',
      port: 3000,
    });
  });
});
