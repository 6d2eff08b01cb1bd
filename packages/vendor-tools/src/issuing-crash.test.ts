import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogText, makeC2v, makeKey, makeVendor } from './fixtures.ts';
import { issueLicenseFile } from './issue-file.ts';
import { textDigest } from './issuing.ts';
import { issuedLines, pendingIssues } from './record.ts';

// A vendor command is killed before each of its calls of the file system, in a process of its own. Whatever the moment, of one number there is one file.

const vendor = makeVendor(7, 1);
const key = makeKey(vendor, 11);
let base = '';
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'keyhaven-issuing-'));
  await writeFile(join(base, 'key.c2v'), makeC2v(key));
});
afterAll(() => rm(base, { recursive: true, force: true }));

const textIn = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
};
const issueUntil = (
  directory: string,
  out: string,
  stopAt: number,
): Promise<{ readonly signal: NodeJS.Signals | null; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const script = join(import.meta.dirname, 'issuing-crash.testing.ts');
    const child = spawn(process.execPath, [script, directory, join(base, 'key.c2v'), out, String(stopAt)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (part: Buffer) => (text += part.toString('utf8')));
    child.on('error', reject);
    child.on('close', (_code, signal) => resolve({ signal, text }));
  });
const makeDirectory = async (name: string) => {
  const directory = join(base, name);
  await mkdir(join(directory, 'out'), { recursive: true });
  await writeFile(join(directory, 'catalog.yaml'), catalogText);
  return { directory, out: join(directory, 'out', 'key.v2c') };
};
const linesOf = async (directory: string) => {
  const lines = [];
  for await (const line of issuedLines(directory)) lines.push(line);
  return lines;
};

describe('a vendor command that is killed', () => {
  it('has used no number, or gives the same file when it is run again, at whatever moment it dies', async () => {
    const whole = await makeDirectory('whole');
    const { text } = await issueUntil(whole.directory, whole.out, 0);
    const { calls } = JSON.parse(text) as { calls: number };
    expect(calls).toBeGreaterThan(10);
    const seen = { before: 0, reproduced: 0 };
    const killAt = async (stopAt: number): Promise<void> => {
      const { directory, out } = await makeDirectory(`at-${stopAt}`);
      expect((await issueUntil(directory, out, stopAt)).signal, `call ${stopAt}`).toBe('SIGKILL');
      const delivered = await textIn(out);
      const c2v = join(base, 'key.c2v');

      // Another license for the number is refused as soon as a file may have gone out.
      const other = join(directory, 'out', 'other.v2c');
      const mayBeOut = (await pendingIssues(directory)).size > 0 || delivered !== undefined;
      const different = issueLicenseFile(directory, { vendor, c2v, out: other, products: [2] });
      if (!mayBeOut) {
        seen.before += 1;
        expect((await different).counter).toBe(1);
        return;
      }
      await expect(different, `call ${stopAt}`).rejects.toMatchObject({ status: 94 });
      expect(await textIn(other)).toBeUndefined();

      const issued = await issueLicenseFile(directory, { vendor, c2v, out, products: [1] });
      seen.reproduced += 1;
      expect(issued).toMatchObject({ counter: 1, again: true });
      expect(await textIn(out)).toBe(issued.v2c);
      if (delivered !== undefined) expect(issued.v2c).toBe(delivered);
      expect((await linesOf(directory)).map(({ counter, sha256 }) => ({ counter, sha256 }))).toEqual([
        { counter: 1, sha256: textDigest(issued.v2c) },
      ]);
      expect((await pendingIssues(directory)).size).toBe(0);
      expect(await readdir(join(directory, 'out'))).toEqual(['key.v2c']);
    };
    const points = Array.from({ length: calls }, (_, index) => index + 1);
    for (const point of points) await killAt(point);
    expect(seen.before).toBeGreaterThan(0);
    expect(seen.reproduced).toBeGreaterThan(5);
  }, 180_000);
});
