import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Status } from '@keyhaven/core/errors';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type OutOptions, writeInto } from './out.ts';

const isCallback = (value: unknown): value is () => void => typeof value === 'function';

let directory: string;
let printed: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyhaven-out-'));
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text, after?: unknown) => {
    printed += String(text);
    if (isCallback(after)) after();
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true, force: true });
});
const write = (options: Partial<OutOptions>, act: () => Promise<string>): Promise<void> =>
  writeInto({ out: join(directory, 'x.h2r'), again: 'Ask again.', ...options }, new Command(), act);

describe('--out', () => {
  it('has room beside its place while the act is done, is there whole afterwards, and leaves nothing else', async () => {
    await writeFile(join(directory, 'x.h2r'), 'before', { mode: 0o600 });
    let during: readonly [string, number] = ['', 0];
    await write({}, async () => {
      const beside = (await readdir(directory)).find((name) => name.endsWith('.tmp')) ?? '';
      during = [await readFile(join(directory, 'x.h2r'), 'utf8'), (await stat(join(directory, beside))).size];
      return 'the text';
    });
    expect(during).toEqual(['before', 256 * 1024]);
    expect(await readdir(directory)).toEqual(['x.h2r']);
    expect(await readFile(join(directory, 'x.h2r'), 'utf8')).toBe('the text');
    expect((await stat(join(directory, 'x.h2r'))).mode & 0o777).toBe(process.platform === 'win32' ? 0o666 : 0o600);
    expect(printed).toBe(`written: ${join(directory, 'x.h2r')}\n`);
  });

  it('that cannot be written keeps the act from being done', async () => {
    const act = vi.fn<() => Promise<string>>(async () => 'the text');
    await expect(write({ out: join(directory, 'none', 'x') }, act)).rejects.toMatchObject({ status: Status.SYS_ERR });
    await expect(write({ out: directory }, act)).rejects.toMatchObject({ status: Status.INVALID_PARAMETER });
    await expect(write({ inputs: [join(directory, 'x.h2r')] }, act)).rejects.toMatchObject({ status: Status.INVALID_PARAMETER });
    expect([act.mock.calls, printed]).toEqual([[], '']);
  });

  it('is left as it was where the act is refused', async () => {
    await writeFile(join(directory, 'x.h2r'), 'before');
    await expect(write({}, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await readdir(directory)).toEqual(['x.h2r']);
    expect(await readFile(join(directory, 'x.h2r'), 'utf8')).toBe('before');
  });

  it.each([
    [undefined, 'the text'],
    [true, '{"file":null,"text":"the text"}\n'],
  ])('that goes away meanwhile gives its text to standard output, --json: %s', async (json, text) => {
    const failed = write({ json }, async () => {
      await rm(directory, { recursive: true });
      return 'the text';
    });
    await expect(failed).rejects.toMatchObject({
      status: Status.SYS_ERR,
      detail: expect.stringMatching(/does not exist\. What was asked for is done\. The text of the file is on standard output instead\.$/),
      remedy: 'Save the text from there. Ask again.',
    });
    expect(printed).toBe(text);
  });
});
