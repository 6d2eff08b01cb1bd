import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError } from '@keyhaven/core/errors';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseSettings } from '../settings.ts';
import { createAdministeredSettings, widensAccess } from './administered.ts';
import { loadSettings } from './load.ts';
import { settingFacts } from './reference.ts';

const open = async (text?: string) => {
  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-settings-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'keyhaven.ini');
  if (text !== undefined) await writeFile(file, text);
  let current = parseSettings('', { name: 'here' });
  const settings = createAdministeredSettings({
    file,
    overrides: { name: 'here' },
    current: () => current,
    apply(configuration) {
      current = configuration.settings;
      return { now: [], restart: [] };
    },
  });
  const said = (): Promise<string> => readFile(file, 'utf8').catch(() => '');
  const row = async (path: string) => (await settings.read()).settings.find((each) => each.path === path);
  return { directory, file, settings, said, row };
};

describe('settings as administrators see and change them (C4)', () => {
  it('are all there, with what they are by default and where they come from', async () => {
    const { settings, row } = await open('; mine\n[SERVER]\naccessfromremote = 0\n');
    const report = await settings.read();
    expect(report.settings.map(({ path }) => path)).toEqual(settingFacts().map(({ path }) => path));
    expect([report.writable, report.fault]).toEqual([true, null]);
    expect(await row('access.remoteClients')).toMatchObject({ value: 'none', default: 'all', source: 'file', live: true, widens: true });
    expect(await row('name')).toMatchObject({ value: 'here', source: 'command line' });
    expect(await row('search.broadcast')).toMatchObject({ value: true, source: 'default', widens: false });
  });

  it('change all or none, keep what people wrote, and go back to their defaults', async () => {
    const { settings, said, row } = await open('; mine\n[SERVER]\naccessfromremote = 0\n');
    await settings.change({ 'search.intervalMinutes': 9, 'access.users': ['allow=ada', 'deny=*'] });
    expect(await said()).toMatch(/^; mine\n\[SERVER\]\naccessfromremote = 0\n/);
    expect(await row('search.intervalMinutes')).toMatchObject({ value: 9, running: 9 });
    const before = await said();
    for (const wrong of [{ 'search.intervalMinutes': 11, port: 0 }, { nothing: 1 }, { adminPort: 80 }, { name: 'a\nb' }])
      await expect(settings.change(wrong)).rejects.toBeInstanceOf(LicensingError);
    expect(await said()).toBe(before);
    await settings.change({ 'search.intervalMinutes': undefined });
    expect(await row('search.intervalMinutes')).toMatchObject({ value: 5, source: 'default' });
  });

  it('make the file where there is none, and say what is wrong with one that somebody broke', async () => {
    const { settings, said, file } = await open();
    expect(await settings.read()).toMatchObject({ file, writable: true, fault: null });
    await settings.change({ 'search.broadcast': false });
    expect(await said()).toContain('broadcastsearch = 0');
    await writeFile(file, '[SERVER]\nport = x\n');
    expect((await settings.read()).fault).toMatch(/line 2/);
  });

  it('S17: only their own file is written, whatever a change names or holds, and it can always be read', async () => {
    const { settings, directory, file, said } = await open('[SERVER]\n');
    const paths = fc.oneof(
      fc.constantFrom(...settingFacts().map(({ path }) => path)),
      fc.constantFrom('../x', '/etc/passwd', '__proto__', 'toString', ''),
    );
    const plain = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom('a\nport=1', 'x]\r\n[SERVER]\r\nport=1', '../../x', '%00'),
    );
    const value = fc.oneof(plain, fc.integer(), fc.boolean(), fc.double(), fc.array(plain, { maxLength: 3 }), fc.constant(undefined));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(paths, value, { maxKeys: 3 }), async (changes) => {
        const before = await said();
        const refused = await settings.change(changes).then(
          () => false,
          (error: unknown) => {
            expect(error).toBeInstanceOf(LicensingError);
            return true;
          },
        );
        if (refused) expect(await said()).toBe(before);
        await loadSettings(file, { name: 'here' });
        expect(await readdir(directory)).toEqual(['keyhaven.ini']);
      }),
      { numRuns: 200 },
    );
  });

  it('S7: what opens this computer to others, or names a file, is for this computer only, and so is every setting to come', () => {
    const free = settingFacts().flatMap(({ path }) => (widensAccess(path) ? [] : [path]));
    expect(
      free.some((path) =>
        /^(?:bind|port|adminPort|localOnly|ipv6|tls|updates|access\.(?:remoteA|remoteC|clients|publicAddress)|page\.passwordForAll|limits)/.test(
          path,
        ),
      ),
    ).toBe(false);
    expect(free).toEqual(expect.arrayContaining(['search.broadcast', 'page.rows', 'detach.reservedSeats', 'detach.products']));
    expect(widensAccess('something.new')).toBe(true);
  });
});
