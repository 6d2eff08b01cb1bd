import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { placeOf } from '../ini/index.ts';
import { DEFAULT_NEAR_SETTINGS, nearFiles, nearIniKeys, readNearIni, withOverrides } from './index.ts';

const said = (text: string) => {
  const { settings, faults, kept } = readNearIni(text);
  return { settings, faults: faults.map(({ line, fault }) => `${line}: ${fault}`), kept: kept.map(({ key }) => key) };
};

describe('the settings of External and Integrated LM', () => {
  it('search nobody and broadcast nothing when nothing is said (R2)', () => {
    expect(said('')).toEqual({ settings: DEFAULT_NEAR_SETTINGS, faults: [], kept: [] });
    expect(DEFAULT_NEAR_SETTINGS).toMatchObject({ addresses: [], broadcast: false, remoteLicenses: true, searchMinutes: 5 });
  });

  it("are read from a file of the field's own", () => {
    const file =
      '[REMOTE]\r\nbroadcastsearch = 0\r\naggressive = 1\r\nserversearchinterval = 30\r\nserveraddr = 10.1.2.3\r\nserveraddr = licenses.example.org\r\nserveraddr = 10.1.2.255\r\n';
    expect(said(file)).toEqual({
      settings: { ...DEFAULT_NEAR_SETTINGS, addresses: ['10.1.2.3', 'licenses.example.org', '10.1.2.255'] },
      faults: [],
      kept: ['aggressive'],
    });
  });

  it('have all of their keys', () => {
    const file =
      'broadcastsearch = 1\n[SERVER]\nidle_session_timeout_mins = 30\ncall_timeout_secs = 20\naccesstoremote = 0\nrequestlog = 1\nerrorlog = 0\nproxyconnect = 0 ; none\nproxyhost =\nproxyport = 3128\n[REMOTE]\nserversearchinterval = 1200\n[LOGPARAMETERS]\ntext = {timestamp} {clientaddr}:{clientport}\n';
    expect(said(file)).toEqual({
      settings: {
        remoteLicenses: false,
        addresses: [],
        broadcast: true,
        searchMinutes: 20,
        sessionIdleMinutes: 30,
        callTimeoutSeconds: 20,
      },
      faults: [],
      kept: ['requestlog', 'errorlog', 'proxyconnect', 'proxyhost', 'proxyport', 'text'],
    });
  });

  it('have a floor of five minutes for the search, whatever the file says (R4)', () => {
    expect(said('serversearchinterval = 30').settings.searchMinutes).toBe(5);
  });

  it('name every unknown key and every bad value at once, each with its line', () => {
    const { faults, settings } = said(
      '[SERVER]\nacesstoremote = 1\nidle_session_timeout_mins = 0\n[REMOTE\nbroadcastsearch = on\n[REMOTE]\nserveraddr = a b\n',
    );
    expect(faults.map((fault) => fault.split(' ', 3).join(' '))).toEqual([
      '2: [SERVER] acesstoremote',
      '3: [SERVER] idle_session_timeout_mins:',
      '4: the ]',
      '5: broadcastsearch belongs',
      '7: [REMOTE] serveraddr:',
    ]);
    expect(settings).toEqual(DEFAULT_NEAR_SETTINGS);
  });

  it('name at most 1,024 addresses', () => {
    const lines = Array.from({ length: 1_025 }, (_, index) => `serveraddr = host-${index}`).join('\n');
    expect(said(lines).faults).toEqual(['1025: [REMOTE] serveraddr: there are more than 1024']);
    expect(said(lines).settings.addresses).toHaveLength(1_024);
  });

  it('are overruled by what the application says', () => {
    const { settings } = said('serveraddr = 10.0.0.1\nbroadcastsearch = 1');
    expect(withOverrides(settings, { addresses: ['10.0.0.2'], broadcast: undefined })).toMatchObject({
      addresses: ['10.0.0.2'],
      broadcast: true,
    });
    expect(() => withOverrides(settings, { searchMinutes: 1, sessionIdleMinutes: Number.NaN, addresses: ['a b'] })).toThrow(
      /searchMinutes must be.*sessionIdleMinutes must be.*addresses: must be/,
    );
  });
});

describe('the file of these settings', () => {
  const at = (platform: string, env = {}, beside: string | undefined = platform === 'win32' ? 'C:\\App' : '/opt/app') =>
    nearFiles({ platform, env, beside, home: platform === 'win32' ? 'C:\\People\\ada' : '/users/ada' }, 7);
  it.each([
    ['linux', {}, ['/opt/app/keyhaven_7.ini', '/users/ada/.config/keyhaven/keyhaven_7.ini']],
    ['linux', { XDG_CONFIG_HOME: '/etc/ada' }, ['/opt/app/keyhaven_7.ini', '/etc/ada/keyhaven/keyhaven_7.ini']],
    ['linux', { XDG_CONFIG_HOME: 'relative' }, ['/opt/app/keyhaven_7.ini', '/users/ada/.config/keyhaven/keyhaven_7.ini']],
    ['darwin', {}, ['/opt/app/keyhaven_7.ini', '/users/ada/Library/Preferences/keyhaven/keyhaven_7.ini']],
    ['win32', { APPDATA: 'D:\\Roam' }, ['C:\\App\\keyhaven_7.ini', 'D:\\Roam\\Keyhaven\\keyhaven_7.ini']],
    ['win32', { APPDATA: '' }, ['C:\\App\\keyhaven_7.ini', 'C:\\People\\ada\\AppData\\Roaming\\Keyhaven\\keyhaven_7.ini']],
  ])('on %s with %j', (platform, env, files) => {
    expect(at(platform, env)).toEqual(files);
  });
  it('is looked for in one place where nobody knows where the application is', () => {
    expect(nearFiles({ platform: 'linux', env: {}, beside: undefined, home: '/users/ada' }, 7)).toHaveLength(1);
    expect(at('linux', {}, '/')).toContain('/keyhaven_7.ini');
  });
});

describe('docs/guide/near-settings.md', () => {
  it('names every key, and the defaults that hold', async () => {
    const guide = await readFile(new URL('../../../../docs/guide/near-settings.md', import.meta.url), 'utf8');
    const rows = [...guide.matchAll(/^\| `(\[\w+\] \w+)` \| `(\w+)` \| (\S+) \|/gm)].map(([, key, name, value]) => ({ key, name, value }));
    const all = Object.values(nearIniKeys).map((key) => ({ key: placeOf(key), kept: key.kept }));
    expect(rows.map(({ key = '' }) => key).toSorted()).toEqual(
      all
        .filter(({ kept }) => !kept)
        .map(({ key }) => key)
        .toSorted(),
    );
    for (const { key } of all) expect(guide).toContain(`\`${key}\``);
    expect(rows.map(({ name = '' }) => name).toSorted()).toEqual(Object.keys(DEFAULT_NEAR_SETTINGS).toSorted());
    const file = rows.filter(({ value }) => value !== 'none').map(({ key, value }) => `${key?.replace(/\[.*\] /, '')} = ${value}`);
    expect(readNearIni(file.join('\n'))).toEqual({ settings: DEFAULT_NEAR_SETTINGS, faults: [], kept: [] });
  });
});
