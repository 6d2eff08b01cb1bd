import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_NEAR_SETTINGS } from '@keyhaven/core/near-settings';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadNearSettings } from './load-settings.ts';

describe('the settings file of an External or Integrated LM', () => {
  let directory = '';
  const place = () => ({
    beside: join(directory, 'app'),
    env: { XDG_CONFIG_HOME: join(directory, 'config') },
    platform: 'linux',
    home: directory,
  });
  const beside = () => join(directory, 'app', 'keyhaven_7.ini');
  const own = () => join(directory, 'config', 'keyhaven', 'keyhaven_7.ini');
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyhaven-'));
    await mkdir(join(directory, 'app'));
    await mkdir(join(directory, 'config', 'keyhaven'), { recursive: true });
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('need not be there', async () => {
    expect(await loadNearSettings(7, place())).toEqual({ settings: DEFAULT_NEAR_SETTINGS, notes: [] });
    expect(await loadNearSettings(7, { ...place(), beside: join(directory, 'gone') })).toMatchObject({ settings: DEFAULT_NEAR_SETTINGS });
  });

  it('beside the application wins over that of the user, and the application over both', async () => {
    await writeFile(own(), 'serveraddr = user.example\n');
    expect(await loadNearSettings(7, place())).toMatchObject({ settings: { addresses: ['user.example'] }, file: own() });
    await writeFile(beside(), 'serveraddr = app.example\n');
    expect(await loadNearSettings(7, place())).toMatchObject({ settings: { addresses: ['app.example'] }, file: beside() });
    expect((await loadNearSettings(7, place(), { addresses: [] })).settings.addresses).toEqual([]);
    expect((await loadNearSettings(8, place())).settings.addresses, 'of another vendor').toEqual([]);
  });

  it('is refused with 501 and every fault with its line, in whatever encoding', async () => {
    const text = '[REMOTE]\r\nbroadcastsearch = 2\r\nserveradr = x\r\n';
    for (const bytes of [Buffer.from(text), Buffer.from(`\ufeff${text}`, 'utf16le'), Buffer.from(`${text}; \u00e4`, 'latin1')]) {
      await writeFile(beside(), bytes);
      await expect(loadNearSettings(7, place())).rejects.toMatchObject({
        status: 501,
        detail: expect.stringMatching(/keyhaven_7\.ini: line 2: .*broadcastsearch.*; line 3: .*serveradr is unknown/),
        remedy: expect.stringContaining('near-settings.md'),
      });
    }
  });

  it('that is too large is not read whole', async () => {
    await writeFile(beside(), Buffer.alloc(32 * 1024 * 1024, 'a'));
    await expect(loadNearSettings(7, place())).rejects.toMatchObject({ status: 501, detail: expect.stringContaining('more than') });
  });

  it('that cannot be read is told with 72, and no other one is taken instead', async () => {
    await writeFile(own(), 'serveraddr = user.example\n');
    await mkdir(beside());
    await expect(loadNearSettings(7, place())).rejects.toMatchObject({ status: 72 });
  });
});
