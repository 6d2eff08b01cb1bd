import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parseSettings } from '../settings.ts';
import { parseIniSettings } from './ini-settings.ts';
import { createLiveSettings, valueAt } from './live.ts';
import { keptTable, settingFacts, settingsTable } from './reference.ts';
import { settingRows } from './setting-rows.ts';

const paths = settingFacts().map(({ path }) => path);

describe('the rows of the settings', () => {
  it('are those of the schema, in its order: each has a key for ini files and words on its effect', () => {
    expect(settingRows.map(({ path }) => path).toSorted()).toEqual(paths.toSorted());
    for (const { path, effect } of settingRows) expect(effect.length, path).toBeGreaterThan(20);
  });

  it('have keys of their own', () => {
    const keys = settingRows.flatMap(({ ini }) => ini.names.map((name) => `${ini.section} ${name}`.toLowerCase()));
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('that are live are those that a change takes over', () => {
    const one = parseSettings('');
    const file = parseSettings(
      'name = "x"\nbind = ["127.0.0.1"]\nport = 2\nidleConnectionMinutes = 8\nsessionIdleMinutes = 8\npidFile = true\ntemporaryFileDays = 8\nhardwareC2v = true\n[page]\nrefreshSeconds = 8\nrows = 8\npasswordForAll = true\n[search]\nbroadcast = false\naggressive = true\naddresses = ["x"]\nintervalMinutes = 8\n[access]\nremoteClients = false\nremoteLicenses = false\nremoteAdministration = true\nremoteMetrics = true\nusers = ["deny=*"]\nclients = ["deny=*"]\npublicAddress = "x.example"\n[protection]\nduplicateKey = "warn"\ncustom = ["x"]\n[detach]\nenabled = true\nmaxDays = 1\nreservedSeats = 1\nreservedPercent = 1\nexpiredDays = 1\nproducts = ["product:1"]\n[updates]\nfolder = "x"\n[tls]\ncertificate = "x"\nkey = "x"\npeers = "prefer"\nauthorities = "x"\n[proxy]\nconnect = "manual"\nhost = "x"\nport = 99\n[log]\naccess = true\nlocal = true\nremote = true\nadmin = true\nerrors = true\ndaily = true\naccessMaxKb = 1\nerrorMaxKb = 1\ncompressDays = 1\ndeleteDays = 1\npattern = "x"\njson = true\ndirectory = "x"\n[limits]\nconnections = 99\nconnectionsPerAddress = 99\nfirstByteSeconds = 9\n[rest]\nidleSeconds = 1000\n[compat]\nnewLmIdByGet = true\n',
    );
    const other = { ...file, localOnly: true, ipv6: false, adminPort: 8443 };
    const live = createLiveSettings(one);
    const { now, restart } = live.change(other);
    expect([...now, ...restart].toSorted(), 'every setting differs').toEqual(paths.toSorted());
    for (const path of paths) {
      const taken = JSON.stringify(valueAt(live.current, path)) === JSON.stringify(valueAt(other, path));
      expect(taken, path).toBe(now.includes(path));
    }
    expect(live.change(other), 'what waits for a restart is said again').toEqual({ now: [], restart });
    expect(live.change(one)).toEqual({ now, restart: [] });
  });
});

describe('docs/guide/operate.md', () => {
  const guide = readFile(new URL('../../../../docs/guide/operate.md', import.meta.url), 'utf8');
  const between = async (name: string): Promise<string | undefined> =>
    new RegExp(`<!-- ${name} -->\n\n([^]*?)\n\n<!-- end of ${name} -->`).exec(await guide)?.[1];

  it('has every setting with its key, default and effect, and every key that is kept: run scripts/settings-doc.ts', async () => {
    expect(await between('settings')).toBe(settingsTable());
    expect(await between('kept keys')).toBe(keptTable());
    expect(settingsTable()).not.toContain('?` |');
  });

  it('shows two files that are valid, set everything and say the same', async () => {
    const toml = /```toml\n([^]+?)```/.exec(await guide)?.[1] ?? '';
    const ini = /```ini\n([^]+?)```/.exec(await guide)?.[1] ?? '';
    const settings = parseSettings(toml);
    for (const path of paths) expect(valueAt(settings, path), path).toBeDefined();
    const fromIni = parseIniSettings(ini, 'operate.ini').settings;
    const users = settings.access.users.map((rule) => rule.replace('makers = ada', 'makers=ada'));
    expect(fromIni).toEqual({ ...settings, access: { ...settings.access, users } });
  });
});
