import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError } from '@keyhaven/core/errors';
import { wall } from '@keyhaven/core/time';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type DroppedFile, openDropFolder } from './drop-folder.ts';

// The folder on a real disk, with an apply that does as the file's text says.

const whole = (what: string): string => `-----BEGIN KEYHAVEN V2C-----\n${what}\n-----END KEYHAVEN V2C-----\n`;

const createFolder = async (prepare: (directory: string) => Promise<void> = async () => undefined) => {
  const base = await mkdtemp(join(tmpdir(), 'keyhaven-drop-'));
  const directory = join(base, 'installed');
  await mkdir(directory);
  await prepare(directory);
  const files: DroppedFile[] = [];
  const problems: string[] = [];
  const applied: string[] = [];
  const later: (() => void)[] = [];
  const folder = await openDropFolder({
    directory,
    clock: {
      after: (_, task) => {
        later.push(task);
        return () => void later.splice(later.indexOf(task), 1);
      },
      wall: () => wall(Date.now()),
    },
    async apply(text) {
      const what = text.split('\n')[1] ?? '';
      if (/^\d+$/.test(what)) throw new LicensingError(Number(what) as 54);
      applied.push(what);
      return { key: what, updateCounter: 2, ...(what.includes('ack') ? { ack: 'fresh C2V' } : {}) };
    },
    vendorOf: (key) => (key.startsWith('strange') ? undefined : 37_515),
    vendorIn: () => 8,
    onFile: async (file) => void files.push(file),
    onProblem: (problem) => void problems.push(problem),
  });
  onTestFinished(async () => {
    await folder.close();
    await rm(base, { recursive: true, force: true });
  });
  return { directory, folder, files, problems, applied, later, path: (...parts: string[]) => join(directory, ...parts) };
};
const until = (what: () => unknown): Promise<void> => expect.poll(what, { timeout: 5_000, interval: 5 }).toBe(true);

describe('a folder for license files', () => {
  it('applies a file at once when it is put there, moves it beside its acknowledgement, and tells', async () => {
    const { directory, files, path } = await createFolder();
    await writeFile(path('new.v2c'), whole('ack please'));
    await until(() => files.length === 1);
    expect(files).toEqual([{ file: 'new.v2c', result: 'applied', key: 'ack please', counter: 2, to: path('37515', 'new.v2c') }]);
    expect(await readFile(path('37515', 'new.v2c.ack.c2v'), 'utf8')).toBe('fresh C2V');
    expect(await readdir(directory)).toEqual(['37515']);
  });

  it('applies what was there before it started, in the order of the names', async () => {
    const { files, applied } = await createFolder(async (directory) => {
      for (const name of ['2.v2c', '10.v2c', '1.v2c']) await writeFile(join(directory, name), whole(`k${name}`));
    });
    await until(() => files.length === 3);
    expect(applied).toEqual(['k1.v2c', 'k10.v2c', 'k2.v2c']);
  });

  it('puts what is refused into invalid/ with a text that says why', async () => {
    const { files, path } = await createFolder();
    await writeFile(path('old.v2c'), whole('54'));
    await until(() => files.length === 1);
    expect(files[0]).toMatchObject({ result: 'refused', status: 54, to: path('invalid', 'old.v2c') });
    expect(await readFile(path('invalid', 'old.v2c.txt'), 'utf8')).toMatch(
      /^old\.v2c was not applied\.\nError 54 UPDATE_TOO_OLD: .+\nRemedy: .+\n$/,
    );
  });

  it('counts a file that was applied before as done: a crash between applying and moving costs nothing', async () => {
    const { files, path } = await createFolder();
    await writeFile(path('again.v2c'), whole('65'));
    await until(() => files.length === 1);
    expect(files).toEqual([{ file: 'again.v2c', result: 'applied before', to: path('8', 'again.v2c') }]);
  });

  it('keeps a file that cannot be applied now, and tries again', async () => {
    const { files, problems, path, folder, later, directory } = await createFolder();
    await writeFile(path('a.v2c'), whole('43'));
    await until(() => problems.length > 0);
    await folder.scan();
    expect([files, await readdir(directory), later.length]).toEqual([[], ['a.v2c'], 1]);
  });

  it('waits for the rest of a file that is being copied, and gives up on one that stays in part', async () => {
    const { files, path, folder } = await createFolder();
    await writeFile(path('slow.v2c'), whole('k').slice(0, 40));
    await folder.scan();
    expect(files).toEqual([]);
    await writeFile(path('slow.v2c'), whole('k'));
    await until(() => files.length === 1);
    await writeFile(path('.part'), whole('hidden'));
    await writeFile(path('cut.v2c'), '54\n54\n');
    await utimes(path('cut.v2c'), 1, 1);
    await folder.scan();
    await until(() => files.length === 2);
    expect(files.map(({ file, result }) => [file, result])).toEqual([
      ['slow.v2c', 'applied'],
      ['cut.v2c', 'refused'],
    ]);
  });

  it('takes no file over one that is there, and follows no link', async () => {
    const { files, path, folder, directory } = await createFolder();
    await writeFile(path('a.v2c'), whole('k1'));
    await until(() => files.length === 1);
    await writeFile(path('a.v2c'), whole('k2'));
    await until(() => files.length === 2);
    expect(files[1]).toMatchObject({ to: path('37515', 'a.1.v2c') });
    await symlink('/etc/hostname', path('link.v2c'));
    await mkdir(path('folder.v2c'));
    await folder.scan();
    expect((await readdir(directory)).toSorted()).toEqual(['37515', 'folder.v2c', 'link.v2c']);
    expect(files).toHaveLength(2);
  });

  it('refuses a file that is larger than a license file can be, without reading it', async () => {
    const { files, path } = await createFolder();
    await writeFile(path('big.v2c'), Buffer.alloc(12 * 1024 * 1024 + 1, 0x20));
    await until(() => files.length === 1);
    expect(files[0]).toMatchObject({ result: 'refused', status: 15 });
  });
});
