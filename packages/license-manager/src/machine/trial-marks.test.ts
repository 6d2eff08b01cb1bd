import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Status } from '@keyhaven/core/errors';
import { wall } from '@keyhaven/core/time';
import { describe, expect, it, onTestFinished } from 'vitest';
import { defaultStateDirectory, defaultTrialDirectory } from '../admin-paths.ts';
import { systemEntropy } from './system.ts';
import { createTrialMarks } from './trial-marks.ts';

const temporary = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-marks-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'marks');
};
const mark = { start: wall(1_000), seen: wall(2_000) };

describe('marks of trial licenses (K8)', () => {
  it('are there for whoever asks again on the same computer, whatever its state directory', async () => {
    const directory = await temporary();
    await createTrialMarks(directory, ['id:one'], systemEntropy).write('t', mark);
    const again = createTrialMarks(directory, ['id:one'], systemEntropy);
    expect(await again.read('t')).toEqual(mark);
    expect(await again.read('other')).toBeUndefined();
    await again.write('t', { ...mark, seen: wall(3_000) });
    expect(await again.read('t')).toEqual({ start: 1_000, seen: 3_000 });
    expect(await readdir(directory)).toHaveLength(1);
  });
  it('say nothing on another computer', async () => {
    const directory = await temporary();
    await createTrialMarks(directory, ['id:one'], systemEntropy).write('t', mark);
    expect(await createTrialMarks(directory, ['id:two'], systemEntropy).read('t')).toBeUndefined();
  });
  it('are refused where somebody wrote them (47), and where they are one of another trial', async () => {
    const directory = await temporary();
    const marks = createTrialMarks(directory, ['id:one'], systemEntropy);
    await marks.write('t', mark);
    const [name = ''] = await readdir(directory);
    for (const text of ['', 'x', 'A'.repeat(80)]) {
      await writeFile(join(directory, name), text);
      await expect(marks.read('t')).rejects.toMatchObject({ status: Status.STORAGE_CORRUPT });
    }
  });
  it('are for the eyes of their user only (S11)', async () => {
    const directory = await temporary();
    await createTrialMarks(directory, ['id:one'], systemEntropy).write('t', mark);
    const [name = ''] = await readdir(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
  });
  it.each<readonly [string, Record<string, string>, boolean, string]>([
    ['linux', {}, true, '/var/lib/keyhaven-trials'],
    ['linux', {}, false, '/homes/user/.local/share/keyhaven-trials'],
    ['linux', { XDG_DATA_HOME: '/data', KEYHAVEN_STATE: '/tmp/x' }, false, '/data/keyhaven-trials'],
    ['darwin', {}, true, '/Library/Preferences/Keyhaven Trials'],
    ['darwin', {}, false, '/homes/user/Library/Preferences/Keyhaven Trials'],
  ])('are beside the state directory on %s %o (root: %s)', (platform, env, root, expected) => {
    const directory = defaultTrialDirectory(env, platform, '/homes/user', root);
    expect(directory).toBe(expected);
    expect(`${directory}/`.startsWith(`${defaultStateDirectory(env, platform, '/homes/user', root)}/`)).toBe(false);
  });
});
