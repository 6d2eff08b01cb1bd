import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { placeOf } from '../ini/index.ts';
import { DEFAULT_NEAR_SETTINGS, nearFiles, nearIniKeys, overrideNames, readNearIni, vendorOfNearFile, withOverrides } from './index.ts';

const said = (text: string) => {
  const { settings, faults, notes } = readNearIni(text);
  return {
    settings,
    faults: faults.map(({ line, fault }) => `${line}: ${fault}`),
    notes: notes.map(({ line, level, text: of }) => `${line} ${level} ${of}`),
  };
};

describe('the settings of External and Integrated LM', () => {
  it('search nobody and broadcast nothing when nothing is said (R2)', () => {
    expect(said('')).toEqual({ settings: DEFAULT_NEAR_SETTINGS, faults: [], notes: [] });
    expect(DEFAULT_NEAR_SETTINGS).toMatchObject({ addresses: [], broadcast: false, remoteLicenses: true, searchMinutes: 5 });
  });

  it("are read from a file of the field's own", () => {
    const file =
      '[REMOTE]\r\nbroadcastsearch = 0\r\naggressive = 1\r\nserversearchinterval = 30\r\nserveraddr = 10.1.2.3\r\nserveraddr = licenses.example.org\r\nserveraddr = 10.1.2.255\r\n';
    expect(said(file)).toEqual({
      settings: { ...DEFAULT_NEAR_SETTINGS, addresses: ['10.1.2.3', 'licenses.example.org', '10.1.2.255'] },
      faults: [],
      notes: [
        '3 info [REMOTE] aggressive: not applicable: an External or Integrated LM always asks single addresses by TCP',
        '4 info [REMOTE] serversearchinterval: raised to 300, the least there is',
      ],
    });
  });

  it('have all of their keys, each with its effect', () => {
    const file =
      'broadcastsearch = 1\n[SERVER]\nidle_session_timeout_mins = 30\ncall_timeout_secs = 20\naccesstoremote = 1\nrequestlog = 1\nerrorlog = 1\nproxyconnect = 2 ; manual\nproxyhost = proxy.example\nproxyport = 8080\n[REMOTE]\nserversearchinterval = 1200\nserveraddr = lm.example\n[LOGPARAMETERS]\ntext = {timestamp} {clientaddr}:{clientport}\n';
    expect(said(file)).toEqual({
      settings: {
        remoteLicenses: true,
        addresses: ['lm.example'],
        broadcast: true,
        searchMinutes: 20,
        sessionIdleMinutes: 30,
        callTimeoutSeconds: 20,
        proxy: { host: 'proxy.example', port: 8080 },
        requestLog: true,
        errorLog: true,
        logPattern: '{timestamp} {clientaddr}:{clientport}',
      },
      faults: [],
      notes: [],
    });
  });

  it('say of every key without an effect why it has none', () => {
    const file =
      '[SERVER]\naccesstoremote = 0\nproxyconnect = 1\nproxyhost = proxy.example\nproxyport = 3128\n[REMOTE]\nserveraddr = lm.example\nbroadcastsearch = 1\n[LOGPARAMETERS]\ntext = {nothing}\n';
    expect(said(file)).toEqual({
      settings: { ...DEFAULT_NEAR_SETTINGS, remoteLicenses: false, addresses: ['lm.example'], broadcast: true, logPattern: '{nothing}' },
      faults: [],
      notes: [
        expect.stringMatching(/^3 warn \[SERVER\] proxyconnect: no proxy is used: WPAD is not supported/),
        '3 info [SERVER] proxyconnect: no effect without accesstoremote = 1',
        '4 info [SERVER] proxyhost: no effect without proxyconnect = 2',
        '5 info [SERVER] proxyport: no effect without proxyconnect = 2',
        '7 info [REMOTE] serveraddr: no effect without accesstoremote = 1',
        '8 info [REMOTE] broadcastsearch: no effect without accesstoremote = 1',
        '10 info [LOGPARAMETERS] text: no effect without requestlog = 1',
        expect.stringMatching(/^10 warn \[LOGPARAMETERS\] text: the pattern names \{nothing\}/),
      ],
    });
    expect(said('proxyconnect = 2\n').faults).toEqual(['1: [SERVER] proxyconnect: 2 needs proxyhost']);
    expect(said('proxyconnect = 2\nproxyhost = proxy.example\n').settings.proxy).toEqual({ host: 'proxy.example', port: 3_128 });
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
    expect(withOverrides(settings, { proxy: { host: 'proxy.example' } }).proxy).toEqual({ host: 'proxy.example', port: 3_128 });
    const proxied = said('proxyconnect = 2\nproxyhost = a').settings;
    expect([withOverrides(proxied, {}).proxy, withOverrides(proxied, { proxy: 'none' }).proxy]).toEqual([
      { host: 'a', port: 3_128 },
      'none',
    ]);
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [
      { searchMinutes: 1, sessionIdleMinutes: Number.NaN, addresses: ['a b'] },
      /searchMinutes must be.*sessionIdleMinutes must be.*addresses: must be/,
    ],
    [{ serverAddress: 'a' }, /serverAddress is unknown: there are remoteLicenses, addresses, /],
    [{ broadcast: 1 }, /broadcast must be true or false/],
    [{ addresses: 'a' }, /addresses must be a list/],
    [{ addresses: [7] }, /addresses must be a host name/],
    [{ proxy: { host: 'a', user: 'ada' } }, /proxy has no user: it has host and port/],
    [{ proxy: { host: '', port: 0 } }, /proxy\.host: must be .*proxy\.port must be/],
    [{ proxy: 'wpad' }, /proxy must be 'none' or/],
    [{ logPattern: '{nothing}' }, /logPattern: the pattern names/],
  ])('refuse %j of an application, by name', (overrides, said) => {
    expect(() => withOverrides(DEFAULT_NEAR_SETTINGS, overrides)).toThrow(said);
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
  it('tells by its name that it is one', () => {
    expect(['/opt/app/keyhaven_7.ini', 'KEYHAVEN_37515.INI', 'C:\\App\\keyhaven_7.ini'].map(vendorOfNearFile)).toEqual([7, 37_515, 7]);
    expect(['keyhaven.ini', 'hasplm.ini', 'xkeyhaven_7.ini', 'keyhaven_7.toml'].map(vendorOfNearFile)).toEqual(Array(4).fill(undefined));
  });
  it('is looked for in one place where nobody knows where the application is', () => {
    expect(nearFiles({ platform: 'linux', env: {}, beside: undefined, home: '/users/ada' }, 7)).toHaveLength(1);
    expect(at('linux', {}, '/')).toContain('/keyhaven_7.ini');
  });
});

describe('docs/guide/near-settings.md', () => {
  it('names every key with its name in the API, and the defaults', async () => {
    const guide = await readFile(new URL('../../../../docs/guide/near-settings.md', import.meta.url), 'utf8');
    const rows = [...guide.matchAll(/^\| `(\[\w+\] \w+)` \| (\S+) \| (\S+) \|/gm)].map(([, key, name, value]) => ({ key, name, value }));
    expect(rows.map(({ key = '' }) => key).toSorted()).toEqual(Object.values(nearIniKeys).map(placeOf).toSorted());
    const inGuide: Readonly<Record<string, string>> = {
      searchAddresses: 'addresses',
      callTimeoutMs: 'callTimeoutSeconds',
      'proxy.host': 'proxy',
      'proxy.port': 'proxy',
    };
    const names = rows.flatMap(({ name = '' }) => (name === '-' ? [] : [name.replaceAll('`', '')])).map((name) => inGuide[name] ?? name);
    expect([...new Set(names)].toSorted()).toEqual(overrideNames.toSorted());
    const file = rows
      .filter(({ value = '' }) => !['none', 'below', '-'].includes(value))
      .map(({ key, value }) => `${key?.replace(/\[.*\] /, '')} = ${value}`);
    expect(readNearIni(file.join('\n')).settings).toEqual(DEFAULT_NEAR_SETTINGS);
    expect(guide).toContain(DEFAULT_NEAR_SETTINGS.logPattern);
  });
});
