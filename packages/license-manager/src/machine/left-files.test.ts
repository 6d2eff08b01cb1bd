import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY } from '@keyhaven/core/time';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deleteLeftFiles, writePidFile } from './left-files.ts';

const NOW = Date.UTC(2026, 5, 1);
const state = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-left-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, 'config'));
  return directory;
};
const put = async (path: string, days: number): Promise<void> => {
  await writeFile(path, 'x');
  await utimes(path, (NOW - days * DAY) / 1_000, (NOW - days * DAY) / 1_000);
};

describe('temporary files that a crash left', () => {
  it('are deleted when they are old, and nothing else is', async () => {
    const directory = await state();
    const old = ['.identity.new', '.identity.next.new', '.identity.0123456789abcdef.new', '.keyhaven.pid.new', 'config/.keyhaven.ini.new'];
    const kept = [
      'identity',
      'ledger.sqlite',
      '.mine.new',
      '.identity.mine.new',
      'identity.new',
      '.identity.new.txt',
      'config/keyhaven.ini',
      'config/.x.new',
    ];
    for (const name of [...old, ...kept]) await put(join(directory, name), 91);
    await mkdir(join(directory, '.identity.fedcba9876543210.new'));
    expect((await deleteLeftFiles(directory, 90, NOW)).toSorted()).toEqual(old.toSorted());
    expect((await readdir(directory, { recursive: true })).toSorted()).toEqual(
      [...kept, 'config', '.identity.fedcba9876543210.new'].toSorted(),
    );
  });

  it('stay while they are young, where nothing is to be deleted, and behind a link', async () => {
    const [directory, other] = [await state(), await state()];
    await put(join(directory, '.identity.new'), 89);
    expect(await deleteLeftFiles(directory, 90, NOW)).toEqual([]);
    expect(await deleteLeftFiles(directory, 0, NOW)).toEqual([]);
    await put(join(other, 'config', '.keyhaven.ini.new'), 100);
    await rm(join(directory, 'config'), { recursive: true });
    await symlink(join(other, 'config'), join(directory, 'config'));
    await rm(join(directory, '.identity.new'));
    await put(join(other, 'aim'), 100);
    await symlink(join(other, 'aim'), join(directory, '.identity.new'));
    expect(await deleteLeftFiles(directory, 90, NOW + 1_000 * DAY)).toEqual([]);
    expect(await deleteLeftFiles(join(directory, 'none'), 90, NOW)).toEqual([]);
  });
});

describe('the file with the number of the process', () => {
  it('is there until the end, and stays where it is of another process by then', async () => {
    const directory = await state();
    const first = await writePidFile(directory, 41);
    expect(await readdir(directory)).toContain('keyhaven.pid');
    const second = await writePidFile(directory, 42);
    await first.close();
    expect(await readdir(directory)).toContain('keyhaven.pid');
    await second.close();
    expect(await readdir(directory)).toEqual(['config']);
  });
});
